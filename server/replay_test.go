package server_test

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server"
)

// A signed request that changes something is taken once, by whichever server; one that reads is
// answered once by each.
func TestRequestSentAgainToAnotherServer(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	shared := func(c *server.Config) { c.Database = database }
	one, two := newEnv(t, shared), newEnv(t, shared)
	var in struct {
		SessionToken string `json:"sessionToken"`
	}
	credentials := map[string]string{"email": email, "authPW": hex.EncodeToString(onepw.StretchV1(email, password).AuthPW)}
	if err := json.Unmarshal(post(t, one.server.Handler(), "/auth/v1/account/create", credentials), &in); err != nil {
		t.Fatal(err)
	}
	raw, err := hex.DecodeString(in.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	session := onepw.SessionToken(raw)
	for _, c := range []struct {
		method, path string
		again        int
	}{{"POST", "/auth/v1/session/duplicate", 401}, {"GET", "/auth/v1/session/status", 200}} {
		nonce, err := hawk.Nonce(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		send := func(w *env) int {
			r := httptest.NewRequestWithContext(t.Context(), c.method, root+c.path, nil)
			hawk.Sign(r, hawk.Credentials{ID: session.ID, Key: session.Key}, w.Now().Unix(), nonce, "")
			rec := httptest.NewRecorder()
			w.server.Handler().ServeHTTP(rec, r)
			return rec.Code
		}
		if got := []int{send(one), send(two), send(one)}; !slices.Equal(got, []int{200, c.again, 401}) {
			t.Errorf("%s, sent to one, the other and again to the first: %v", c.path, got)
		}
	}
}
