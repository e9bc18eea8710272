package account_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/account"
)

// A device signs in with a code that another one grants, without a page and without pairing.
func TestCodeSignIn(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	s, err := w.client(nil).CodeSignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := s.Request()
	code, err := a.AuthorizeCode(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	other, err := w.client(nil).CodeSignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Finish(t.Context(), code, in.State); !errors.Is(err, account.ErrNotThisSignIn) {
		t.Errorf("another sign-in: %v", err)
	}
	if _, err := s.Finish(t.Context(), "", in.State); !errors.Is(err, account.ErrNotThisSignIn) {
		t.Errorf("without a code: %v", err)
	}
	b, err := s.Finish(t.Context(), code, in.State)
	if err != nil {
		t.Fatal(err)
	}
	got, want := b.Session(), a.Session()
	if got.KeyID != want.KeyID || !bytes.Equal(got.Key, want.Key) || got.Token == want.Token || got.Email != email {
		t.Errorf("the session is %v", got)
	}
	if _, err := s.Finish(t.Context(), code, in.State); err == nil {
		t.Error("a code is good twice")
	}
}

// A key that is no longer the account's is not handed on, nor one for a client that the server
// does not know, nor to a key that is not one.
func TestRefusedRequestsForACode(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a := w.create()
	s, err := w.client(nil).CodeSignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old := a.Session()
	_, fingerprint, _ := strings.Cut(old.KeyID, "-")
	old.KeyID = "1-" + fingerprint
	for name, test := range map[string]struct {
		by     *account.Account
		change func(*account.CodeRequest)
		want   string
	}{
		"an old key":        {w.client(nil).Resume(old), func(*account.CodeRequest) {}, "does not say that this device's sync key is for it"},
		"an unknown client": {a, func(r *account.CodeRequest) { r.ClientID = "ffff" }, "refused"},
		"no key":            {a, func(r *account.CodeRequest) { r.KeysJWK = "" }, "not a public key"},
		"not base64url":     {a, func(r *account.CodeRequest) { r.KeysJWK = "{}" }, "its key is malformed"},
		"a long key":        {a, func(r *account.CodeRequest) { r.KeysJWK = strings.Repeat("A", 4000) }, "its key is too long"},
		"no challenge":      {a, func(r *account.CodeRequest) { r.Challenge = "" }, "refused"},
		"no state":          {a, func(r *account.CodeRequest) { r.State = "" }, "refused"},
	} {
		r := s.Request()
		test.change(&r)
		if _, err := test.by.AuthorizeCode(t.Context(), r); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v\nwant %s", name, err, test.want)
		}
	}
	// Without the scope of sync, no key is needed.
	r := s.Request()
	r.Scope, r.KeysJWK = "profile", ""
	if _, err := w.client(nil).Resume(old).AuthorizeCode(t.Context(), r); err != nil {
		t.Error(err)
	}
}

func TestPairingRelay(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	if got, err := w.client(nil).PairingRelay(t.Context()); err != nil || got != "ws://sync.test" {
		t.Errorf("%q, %v", got, err)
	}
	for doc, want := range map[string]string{
		`{}`: "does not support pairing", `{"pairing_server_base_uri":"https://x"}`: `it names "https://x"`,
		`{"pairing_server_base_uri":"wss://"}`: "it names", `{"pairing_server_base_uri":"wss://u:p@x"}`: "it names", `{"pairing_server_base_uri":1}`: "JSON of another form",
	} {
		c := answering(t, func(rw http.ResponseWriter, _ *http.Request) { io.WriteString(rw, doc) })
		if got, err := c.PairingRelay(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q, %v", doc, got, err)
		}
	}
}
