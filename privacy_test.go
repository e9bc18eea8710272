package syncmanager_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// wiretap is an app's own transport: it records the secrets of all requests and answers.
type wiretap struct {
	base http.RoundTripper

	mu       sync.Mutex
	requests int
	secrets  []string
}

func (w *wiretap) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests++
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	w.secrets = append(w.secrets, credential)
	resp, err := w.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var all map[string]any
	if json.Unmarshal(body, &all) == nil {
		for _, name := range []string{"id", "key", "access_token", "sessionToken", "refresh_token", "payload"} {
			// A token's ID is long; a record's is not secret.
			if text, ok := all[name].(string); ok && len(text) > 20 {
				w.secrets = append(w.secrets, text)
			}
		}
	}
	return resp, nil
}

// TestAllGoesThroughTheAppsTransportAndLog, and neither contains a secret: in syncs that
// succeed, that fail, and that have to renew their tokens.
func TestAllGoesThroughTheAppsTransportAndLog(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	b := w.Device("b", ann)
	b.Add("https://example.org", "bea", "hunter2")
	b.Sync()

	var logged, elsewhere bytes.Buffer
	defer slog.SetDefault(slog.Default())
	defer log.SetOutput(log.Writer())
	slog.SetDefault(slog.New(slog.NewTextHandler(&elsewhere, &slog.HandlerOptions{Level: slog.LevelDebug})))
	log.SetOutput(&elsewhere)
	tap := &wiretap{base: w.Net}
	own := slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))

	client, err := account.New(account.Config{Server: w.URL, Transport: tap, Now: w.Clock.Now, Rand: rand.Reader, Log: own})
	check(t, err)
	acct, err := client.Login(t.Context(), ann, testenv.Password)
	check(t, err)
	check(t, acct.RegisterDevice(t.Context(), "a", "desktop"))
	a := w.Device("a", ann) // for its stores
	m, err := syncmanager.New(t.Context(), syncmanager.Config{
		Account: acct, State: syncmanager.FileState(filepath.Join(t.TempDir(), "state")), Key: a.Key(),
		Device: syncmanager.Device{Name: "a"}, Now: w.Clock.Now, Transport: tap, Log: own,
	})
	check(t, err)
	check(t, m.Register(a.Passwords))
	check(t, m.Register(a.Tabs))

	a.Add("https://example.net", "ann", "correct horse")
	before := tap.requests
	r, err := m.Sync(t.Context(), syncmanager.Options{})
	check(t, err)
	if r.Engines["passwords"].Downloaded != 1 || r.Engines["passwords"].Uploaded != 1 {
		t.Errorf("the sync did %+v", r)
	}
	if passed := tap.requests - before; passed != r.Requests+r.AccountRequests || r.AccountRequests == 0 {
		t.Errorf("%d requests passed, of %d and %d", passed, r.Requests, r.AccountRequests)
	}
	var said []error
	check(t, m.RenameDevice(t.Context(), "another"))
	for _, failing := range []func(*http.Request) (*http.Response, error){
		func(*http.Request) (*http.Response, error) { return nil, errors.New("the network is unreachable") },
		func(r *http.Request) (*http.Response, error) {
			return testenv.Answer(r, 401, "application/json", "0"), nil
		},
		func(r *http.Request) (*http.Response, error) {
			return testenv.Answer(r, 500, "text/html", "<html>"), nil
		},
	} {
		a.Add(fmt.Sprintf("https://%d.example.com", len(said)), "ann", "correct horse")
		w.Net.Before(failing)
		_, err := m.Sync(t.Context(), syncmanager.Options{})
		if err == nil {
			t.Error("it went well")
		}
		said = append(said, err)
	}
	w.Net.Before(nil)
	_, err = m.Sync(t.Context(), syncmanager.Options{})
	check(t, err)
	check(t, m.SignOut(t.Context()))
	check(t, m.Close())

	if elsewhere.Len() > 0 {
		t.Errorf("logged past Config.Log: %s", &elsewhere)
	}
	if !strings.Contains(logged.String(), "/storage/passwords") {
		t.Errorf("a developer sees too little: %s", &logged)
	}
	_, key, err := acct.SyncKey(t.Context())
	check(t, err)
	device := a.Key()
	secrets := append(tap.secrets, hex.EncodeToString(key), base64.StdEncoding.EncodeToString(key[:32]), base64.RawURLEncoding.EncodeToString(key),
		hex.EncodeToString(device[:]), "hunter2", "correct horse", "example.org", "example.net", "bea", ann, testenv.Password)
	if len(tap.secrets) < 20 {
		t.Errorf("only %d secrets passed", len(tap.secrets))
	}
	text := logged.String() + errors.Join(said...).Error()
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			t.Errorf("%.12q… is told in\n%s", secret, text)
		}
	}
}
