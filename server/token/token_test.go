package token_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto/rand"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
	"github.com/syncmanager/syncmanager/server/token"
)

// issuer is an OAuth server whose access tokens are "account/generation".
type issuer struct{}

func (issuer) Verify(_ context.Context, access string) (token.Identity, error) {
	switch access {
	case "bad":
		return token.Identity{}, fmt.Errorf("wrapped: %w", token.ErrBadAccess)
	case "future":
		return token.Identity{}, token.ErrNotYet
	case "down":
		return token.Identity{}, errors.New("disk on fire")
	}
	var id token.Identity
	account, generation, _ := strings.Cut(access, "/")
	id.Account = account
	_, err := fmt.Sscan(generation, &id.Generation)
	return id, err
}

type env struct {
	*token.Service
	*testclock.Clock
	t      *testing.T
	signer *token.Signer
	log    bytes.Buffer
}

func newEnv(t *testing.T, change func(*token.Config)) *env {
	w := &env{t: t, signer: token.NewSigner([]byte("secret")), Clock: testclock.At(time.Unix(1_700_000_000, 0))}
	cfg := token.Config{
		Dir: t.TempDir(), Node: func(context.Context) string { return "https://sync.example.org/storage" }, NodeType: "kept", Signer: w.signer, HashKey: []byte("hash"),
		Verifier: issuer{}, Now: w.Now, Rand: rand.Reader, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	s, err := token.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	w.Service = s
	return w
}

type answer struct {
	code   int
	header http.Header
	ID     string
	Key    string
	UID    int64
	Status string
	Errors []struct{ Location, Name, Description string }
	all    map[string]any
}

func (w *env) do(path, auth, kid string, more ...string) answer {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), "GET", path, nil)
	if auth != "" {
		r.Header.Set("Authorization", auth)
	}
	if kid != "" {
		r.Header.Set("X-KeyID", kid)
	}
	for i := 0; i < len(more); i += 2 {
		r.Header.Set(more[i], more[i+1])
	}
	rec := httptest.NewRecorder()
	w.ServeHTTP(rec, r)
	a := answer{code: rec.Code, header: rec.Header()}
	if err := json.Unmarshal(rec.Body.Bytes(), &a); err != nil {
		w.t.Fatalf("%s: %v in %q", path, err, rec.Body)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &a.all); err != nil {
		w.t.Fatal(err)
	}
	if a.header.Get("X-Timestamp") != fmt.Sprint(w.Now().Unix()) {
		w.t.Errorf("X-Timestamp is %q", a.header.Get("X-Timestamp"))
	}
	return a
}

// ask asks as account with a generation, and a key that changed at changed and
// has the given client state.
func (w *env) ask(account string, generation, changed int64, state string) answer {
	w.t.Helper()
	return w.do("/1.0/sync/1.5", fmt.Sprintf("Bearer %s/%d", account, generation), onepw.FormatKeyID(changed, []byte(state)))
}

func (w *env) mustHave(a answer) answer {
	w.t.Helper()
	if a.code != http.StatusOK {
		w.t.Fatalf("%d %v", a.code, a.all)
	}
	return a
}

func (w *env) mustRefuse(a answer, code int, status string) {
	w.t.Helper()
	if a.code != code || a.Status != status || len(a.Errors) != 1 || a.Errors[0].Location == "" || a.Errors[0].Description == "" {
		w.t.Errorf("got %d %v, want %d %s", a.code, a.all, code, status)
	}
}

func TestToken(t *testing.T) {
	w := newEnv(t, nil)
	a := w.mustHave(w.ask("alice", 200, 100, "key-1"))
	if a.all["api_endpoint"] != fmt.Sprintf("https://sync.example.org/storage/1.5/%d", a.UID) ||
		a.all["hashalg"] != "sha256" || a.all["node_type"] != "kept" || a.all["duration"] != 3600.0 {
		t.Errorf("answer: %v", a.all)
	}
	if h, _ := a.all["hashed_fxa_uid"].(string); len(h) != 32 || strings.Contains(h, "alice") {
		t.Errorf("hashed uid: %q", h)
	}
	g, key, err := w.signer.Parse(a.ID)
	if err != nil {
		t.Fatal(err)
	}
	want := token.Grant{UID: a.UID, Account: "alice", KeyID: onepw.FormatKeyID(100, []byte("key-1")), Expires: w.Now().Add(time.Hour)}
	if g != want || string(key) != a.Key {
		t.Errorf("granted %+v, want %+v; the key matches: %v", g, want, string(key) == a.Key)
	}
	// A second token is for the same storage, but with another key.
	b := w.mustHave(w.ask("alice", 200, 100, "key-1"))
	if b.UID != a.UID || b.Key == a.Key {
		t.Errorf("again: uid %d and %d, keys differ: %v", a.UID, b.UID, a.Key != b.Key)
	}
	if c := w.mustHave(w.ask("bob", 200, 100, "key-1")); c.UID == a.UID {
		t.Error("two accounts share a storage")
	}
}

func TestDuration(t *testing.T) {
	w := newEnv(t, nil)
	kid := onepw.FormatKeyID(1, []byte("k"))
	for query, want := range map[string]float64{"10": 10, "7200": 3600, "x": 3600, "-5": 3600, "0": 3600} {
		a := w.mustHave(w.do("/1.0/sync/1.5?duration="+query, "Bearer a/1", kid))
		g, _, err := w.signer.Parse(a.ID)
		if err != nil || a.all["duration"] != want || g.Expires.Sub(w.Now()).Seconds() != want {
			t.Errorf("duration=%s: %v, until %v, %v", query, a.all["duration"], g.Expires, err)
		}
	}
}

// A changed password keeps the storage, and older tokens are refused.
func TestGenerationGrows(t *testing.T) {
	w := newEnv(t, nil)
	a := w.mustHave(w.ask("alice", 200, 100, "key-1"))
	b := w.mustHave(w.ask("alice", 300, 100, "key-1"))
	if a.UID != b.UID {
		t.Error("a new generation moved the storage")
	}
	w.mustRefuse(w.ask("alice", 299, 100, "key-1"), 401, "invalid-generation")
	w.mustHave(w.ask("alice", 0, 100, "key-1")) // an issuer that does not say
}

// A new key gets an empty storage once, and the old key never becomes current again.
func TestClientState(t *testing.T) {
	w := newEnv(t, nil)
	a := w.mustHave(w.ask("alice", 200, 100, "key-1"))
	w.mustRefuse(w.ask("alice", 200, 150, "key-2"), 401, "invalid-client-state")
	w.mustRefuse(w.ask("alice", 300, 100, "key-2"), 401, "invalid-client-state")
	w.mustRefuse(w.ask("alice", 300, 301, "key-2"), 401, "invalid-keysChangedAt")
	b := w.mustHave(w.ask("alice", 300, 300, "key-2"))
	if b.UID == a.UID {
		t.Error("the new key has the old key's storage")
	}
	w.mustRefuse(w.ask("alice", 400, 400, "key-1"), 401, "invalid-client-state")
	w.mustRefuse(w.ask("alice", 300, 299, "key-2"), 401, "invalid-keysChangedAt")
	w.mustRefuse(w.ask("alice", 300, 0, "key-2"), 401, "invalid-keysChangedAt")
	if c := w.mustHave(w.ask("alice", 300, 300, "key-2")); c.UID != b.UID {
		t.Error("the refused requests moved the storage")
	}
}

func TestReplaced(t *testing.T) {
	w := newEnv(t, nil)
	a := w.mustHave(w.ask("alice", 200, 100, "key-1"))
	w.mustHave(w.ask("alice", 300, 300, "key-2"))
	replaced := func() []token.Storage {
		t.Helper()
		uids, err := w.Replaced(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return uids
	}
	if r := replaced(); len(r) != 0 {
		t.Errorf("%v given up while a token for it is good", r)
	}
	w.Pass(time.Hour + time.Second)
	if r := replaced(); len(r) != 1 || r[0].UID != a.UID {
		t.Errorf("replaced: %v, want [%d]", r, a.UID)
	}
	if err := w.Emptied(t.Context(), a.UID); err != nil {
		t.Fatal(err)
	}
	if r := replaced(); len(r) != 0 {
		t.Errorf("%v given up again", r)
	}
	w.mustRefuse(w.ask("alice", 900, 900, "key-1"), 401, "invalid-client-state")
}

func TestRetire(t *testing.T) {
	w := newEnv(t, nil)
	w.mustHave(w.ask("alice", 200, 100, "key-1"))
	w.mustHave(w.ask("bob", 200, 100, "key-1"))
	if err := w.Retire(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	w.mustRefuse(w.ask("alice", 200, 100, "key-1"), 401, "invalid-credentials")
	w.mustRefuse(w.ask("alice", 900, 900, "key-2"), 401, "invalid-credentials")
	w.mustHave(w.ask("bob", 200, 100, "key-1"))
}

func TestNewUsersDisabled(t *testing.T) {
	dir := t.TempDir()
	open := newEnv(t, func(c *token.Config) { c.Dir = dir })
	a := open.mustHave(open.ask("alice", 200, 100, "key-1"))
	closed := newEnv(t, func(c *token.Config) { c.Dir, c.NoNewUsers = dir, true })
	closed.mustRefuse(closed.ask("bob", 200, 100, "key-1"), 403, "new-users-disabled")
	if b := closed.mustHave(closed.ask("alice", 200, 100, "key-1")); b.UID != a.UID {
		t.Error("the storage is not the same after opening again")
	}
}

func TestRefusals(t *testing.T) {
	w := newEnv(t, nil)
	kid := onepw.FormatKeyID(100, []byte("k"))
	const path = "/1.0/sync/1.5"
	w.mustRefuse(w.do(path, "", kid), 401, "error")
	w.mustRefuse(w.do(path, "Bearer", kid), 401, "error")
	w.mustRefuse(w.do(path, "BrowserID abc", kid), 401, "error")
	w.mustRefuse(w.do(path, "Bearer bad", kid), 401, "invalid-credentials")
	w.mustRefuse(w.do(path, "Bearer future", kid), 401, "invalid-timestamp")
	w.mustRefuse(w.do(path, "Bearer a/1", ""), 401, "invalid-key-id")
	w.mustRefuse(w.do(path, "Bearer a/1", "nonsense"), 401, "invalid-credentials")
	w.mustRefuse(w.do(path, "Bearer a/1", "100-!!"), 401, "invalid-credentials")
	w.mustRefuse(w.do(path, "Bearer a/1", kid, "X-Client-State", "00"), 401, "invalid-client-state")
	w.mustRefuse(w.do("/1.0/sync/1.1", "Bearer a/1", kid), 404, "error")
	w.mustRefuse(w.do("/1.0/notes/1.5", "Bearer a/1", kid), 404, "error")
	w.mustHave(w.do(path, "Bearer a/100", kid, "X-Client-State", "6b"))
	if w.log.Len() != 0 {
		t.Errorf("a client's mistake is in the log: %s", &w.log)
	}
	w.mustRefuse(w.do(path, "Bearer down", kid), 500, "internal-error")
	if !strings.Contains(w.log.String(), "disk on fire") {
		t.Errorf("the server's failure is not in the log: %s", &w.log)
	}
}

// Many first requests of an account at once agree on one storage.
func TestFirstRequestsAtOnce(t *testing.T) {
	w := newEnv(t, nil)
	const n = 16
	uids := make([]int64, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { uids[i] = w.ask("alice", 200, 100, "key-1").UID })
	}
	wg.Wait()
	for _, uid := range uids {
		if uid == 0 || uid != uids[0] {
			t.Fatalf("uids: %v", uids)
		}
	}
}

func TestSignerRefuses(t *testing.T) {
	s := token.NewSigner([]byte("secret"))
	id, _, err := s.Make(token.Grant{UID: 7, Expires: time.Unix(1, 0)}, "n", rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := token.NewSigner([]byte("other")).Parse(id); !errors.Is(err, token.ErrToken) {
		t.Errorf("another server's token: %v", err)
	}
	for i := range len(id) {
		b := []byte(id)
		if b[i]++; b[i] == '=' || b[i]-1 == '=' {
			continue
		}
		if _, _, err := s.Parse(string(b)); !errors.Is(err, token.ErrToken) {
			t.Fatalf("character %d changed: %v", i, err)
		}
	}
	for _, bad := range []string{"", "x", id[:len(id)-4], id + "AAAA"} {
		if _, _, err := s.Parse(bad); !errors.Is(err, token.ErrToken) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, _, err := s.Make(token.Grant{}, "n", strings.NewReader("")); err == nil {
		t.Error("no error without randomness")
	}
}

func FuzzParse(f *testing.F) {
	s := token.NewSigner([]byte("secret"))
	id, _, err := s.Make(token.Grant{UID: 7, Account: "a", Expires: time.Unix(1, 0)}, "n", strings.NewReader("same in each process"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(id)
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if g, _, err := s.Parse(text); err == nil && (text != id || g.UID != 7) {
			t.Fatalf("%q gives %+v", text, g)
		}
	})
}

// What is no hex at all is the client's mistake, not a state that changed.
func TestMalformedClientState(t *testing.T) {
	w := newEnv(t, nil)
	kid := onepw.FormatKeyID(100, []byte("k"))
	for _, state := range []string{"x", "6", "6b6", "zz", strings.Repeat("00", 33)} {
		w.mustRefuse(w.do("/1.0/sync/1.5", "Bearer a/1", kid, "X-Client-State", state), 400, "error")
	}
}

// A contradiction is refused at the first request, as at the second.
func TestNewUserBelowTheirKeys(t *testing.T) {
	w := newEnv(t, nil)
	for range 2 {
		w.mustRefuse(w.ask("alice", 99, 100, "key-1"), 401, "invalid-keysChangedAt")
	}
	w.mustHave(w.ask("alice", 100, 100, "key-1"))
	w.mustHave(w.ask("bob", 0, 100, "key-1")) // an issuer that does not say
}
