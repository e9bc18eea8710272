package account_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/testpage"
)

// page returns the URL that the browser goes to from a sign-in's URL after its user, here a,
// has entered the password.
func (w *env) page(a *account.Account, address string, keys any) string {
	w.t.Helper()
	end, err := testpage.Finish(inproc.New(w.server.Handler()), address, a.Session().Token, keys)
	if err != nil {
		w.t.Fatal(err)
	}
	return end
}

func keysOf(s account.Session) map[string]map[string]string { return testpage.Keys(s.KeyID, s.Key) }

func TestBrowserSignIn(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	in, err := w.client(nil).BrowserSignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	end := w.page(a, in.URL, keysOf(a.Session()))
	b, err := in.Finish(t.Context(), " "+end+"\n")
	if err != nil {
		t.Fatal(err)
	}
	got, want := b.Session(), a.Session()
	if got.Email != email || got.UID != want.UID || got.KeyID != want.KeyID || !bytes.Equal(got.Key, want.Key) || got.Kept().Salt != want.Kept().Salt || got.Token == want.Token {
		t.Errorf("the session is %+v of %s", got, got.UID)
	}
	if _, err := b.AccessToken(t.Context(), false); err != nil {
		t.Error(err)
	}
	if err := b.RegisterDevice(t.Context(), "lap", "desktop"); err != nil {
		t.Error(err)
	}
	if _, err := in.Finish(t.Context(), end); err == nil {
		t.Error("the address is good twice")
	}
}

func TestBrowserSignInRefusals(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	begin := func() *account.BrowserSignIn {
		in, err := w.client(nil).BrowserSignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return in
	}
	one, other := begin(), begin()
	for _, address := range []string{"", "::", "https://sync.test/", root + "/oauth/success/x?code=1", w.page(a, other.URL, keysOf(a.Session()))} {
		if _, err := one.Finish(t.Context(), address); !errors.Is(err, account.ErrNotThisSignIn) {
			t.Errorf("%.60s: %v", address, err)
		}
	}
	short := keysOf(a.Session())
	short[onepw.OldSync]["k"] = "AAAA"
	unnamed := keysOf(a.Session())
	unnamed[onepw.OldSync]["kid"] = "x"
	for name, keys := range map[string]any{"no keys": map[string]string{}, "other JSON": []int{1}, "a short key": short, "a key without an ID": unnamed} {
		in := begin()
		if _, err := in.Finish(t.Context(), w.page(a, in.URL, keys)); !errors.Is(err, account.ErrBadAnswer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A third party that reads the address cannot use it: it lacks the verifier.
	in := begin()
	u := mustParse(t, w.page(a, in.URL, keysOf(a.Session())))
	forged := begin()
	stolen := fmt.Sprintf("%s?code=%s&state=%s", root, u.Query().Get("code"), mustParse(t, forged.URL).Query().Get("state"))
	if e, ok := errors.AsType[*account.Error](func() error { _, err := forged.Finish(t.Context(), stolen); return err }()); !ok || e.Status != http.StatusBadRequest {
		t.Errorf("with another's code: %v", e)
	}
}
