package syncmanager_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// A failure of the network, of the server and a refusal are told apart, in the result and in
// the telemetry document.
func TestFailuresAreToldApart(t *testing.T) {
	t.Parallel()
	w, a, _ := two(t)
	down := func(*http.Request) (*http.Response, error) { return nil, errors.New("no route to host") }
	answers := func(code int, kind string) func(*http.Request) (*http.Response, error) {
		return func(r *http.Request) (*http.Response, error) { return testenv.Answer(r, code, kind, "0"), nil }
	}
	for name, c := range map[string]struct {
		answer func(*http.Request) (*http.Response, error)
		want   syncmanager.Failure
		ping   syncmanager.PingFailure
	}{
		"nobody answers":       {down, syncmanager.FailureNetwork, syncmanager.PingFailure{Name: "othererror", Error: "network"}},
		"the server is broken": {answers(500, "application/json"), syncmanager.FailureServer, syncmanager.PingFailure{Name: "httperror", Code: 500}},
		"the server is busy":   {answers(429, "application/json"), syncmanager.FailureServer, syncmanager.PingFailure{Name: "httperror", Code: 429}},
		"a web page comes":     {answers(200, "text/html"), syncmanager.FailureServer, syncmanager.PingFailure{Name: "othererror", Error: "page"}},
		"it is not allowed":    {answers(403, "application/json"), syncmanager.FailureRefused, syncmanager.PingFailure{Name: "httperror", Code: 403}},
	} {
		t.Run(name, func(t *testing.T) {
			w.Net.Before(c.answer)
			r, err := a.Manager.Sync(t.Context(), syncmanager.Options{})
			if err == nil || r.Status != syncmanager.StatusFailed || r.Failure != c.want {
				t.Errorf("the sync is %s, %q: %v; want %q", r.Status, r.Failure, err, c.want)
			}
			if f := r.Ping.Syncs[0].FailureReason; f == nil || *f != c.ping {
				t.Errorf("the ping says %+v, want %+v", f, c.ping)
			}
			// Of one engine alone.
			w.Net.Before(func(r *http.Request) (*http.Response, error) {
				if strings.HasSuffix(r.URL.Path, "/storage/passwords") {
					return c.answer(r)
				}
				return nil, nil
			})
			a.Add("https://"+strings.ReplaceAll(name, " ", "-")+".example", "ann", "p")
			r, err = a.Manager.Sync(t.Context(), syncmanager.Options{})
			if e := r.Engines["passwords"]; err != nil || r.Failure != "" || e.Status != syncmanager.StatusFailed || e.Failure != c.want {
				t.Errorf("the engine is %s, %q: %v, %v; want %q", e.Status, e.Failure, err, e.Err, c.want)
			}
			w.Net.Before(nil)
			a.Sync()
		})
	}
}

// The accounts server's failures count like the others'.
func TestAnAccountsServerThatIsNotReached(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a := w.Device("a", ann)
	w.Net.Before(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "/oauth/") {
			return nil, errors.New("no route to host")
		}
		return nil, nil
	})
	r, err := a.Manager.Sync(t.Context(), syncmanager.Options{})
	if err == nil || r.Failure != syncmanager.FailureNetwork || r.Ping.Syncs[0].FailureReason.Error != "network" {
		t.Errorf("the sync is %s, %q: %v", r.Status, r.Failure, err)
	}
}

// The result names what the sync changed on this device, and nothing else.
func TestTheResultNamesWhatChanged(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	kept, gone := b.Add("https://kept.example", "ann", "p"), b.Add("https://gone.example", "ann", "p")
	if r := b.Sync(); len(r.Changed) != 0 {
		t.Errorf("what went up is told as changed: %v", r.Changed)
	}
	want := func(r syncmanager.Result, ids ...engine.ID) {
		t.Helper()
		c := r.Changed["passwords"]
		if !c.Sync || c.User || !slices.Equal(c.IDs, slices.Sorted(slices.Values(ids))) {
			t.Errorf("changed are %+v, want %v", c, ids)
		}
	}
	want(a.Sync(), kept.ID, gone.ID)
	check(t, b.Passwords.Delete(t.Context(), gone.ID))
	b.Sync()
	want(a.Sync(), gone.ID)
	if r := a.Sync(); len(r.Changed) != 0 {
		t.Errorf("changed without a change: %v", r.Changed)
	}
}
