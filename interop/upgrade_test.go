package interop_test

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/firefoxsync"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// TestSignInUpgradesAnOldAccount: an older client created the account, with only the first
// version of the stretching.
func TestSignInUpgradesAnOldAccount(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	ask := func(path string, in map[string]string) (out map[string]any) {
		t.Helper()
		body, err := json.Marshal(in)
		check(t, err)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/auth/v1"+path, strings.NewReader(string(body)))
		check(t, err)
		resp, err := w.Net.RoundTrip(r)
		check(t, err)
		defer resp.Body.Close()
		check(t, json.NewDecoder(resp.Body).Decode(&out))
		return out
	}
	ask("/account/create", map[string]string{"email": ann, "authPW": hex.EncodeToString(onepw.StretchV1(ann, testenv.Password).AuthPW)})
	salt := func() any { return ask("/account/credentials/status", map[string]string{"email": ann})["clientSalt"] }
	before := salt()
	p := person{t, firefoxsync.Start(t, firefoxsync.Options{Root: w.URL})}
	p.signsIn(ann, testenv.Password)
	p.sees(onStep("done"), "You are signed in")
	if salt() == before {
		t.Error("the account has no salt of its own")
	}
	addToFirefox(t, p.Firefox, "https://theirs.example", "ann", "made in Firefox")
	syncFirefox(t, p.Firefox)
	d := w.Device("our device", ann)
	d.Sync()
	agree(t, d, p.Firefox, map[string]string{"https://theirs.example ann": "made in Firefox"})
}
