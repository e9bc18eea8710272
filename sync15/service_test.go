package sync15_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/sync15"
)

func TestBackoffIsSharedAndKept(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.mustSync()
	a.shelf.put("note-1", "x")
	w.before = func(r *http.Request) *http.Response {
		if isPost(r, "/storage/notes") {
			return answer(503, "application/json", "0", "Retry-After", "100")
		}
		return nil
	}
	_, err := a.sync(t.Context())
	var backed *sync15.BackedOffError
	if !errors.As(err, &backed) || !backed.Until.Equal(w.Now().Add(100*time.Second)) {
		t.Fatalf("the sync ended with %v", err)
	}
	w.before = nil
	if _, err = a.sync(t.Context()); !errors.As(err, &backed) || len(w.asked) != 0 {
		t.Errorf("%v after %v: an order to wait is kept by the next process", err, w.asked)
	}
	w.Pass(101 * time.Second)
	a.mustSync()

	w.after = func(_ *http.Request, resp *http.Response) { resp.Header.Set("X-Weave-Backoff", "300") }
	a.mustSync()
	w.after = nil
	now := w.Now()
	if !a.state.Wait(now, true).IsZero() || !a.state.Wait(now, false).Equal(now.Add(300*time.Second)) {
		t.Error("a request to wait holds for a schedule, not for the user")
	}
	// A server cannot lock a device out for ever.
	w.after = func(_ *http.Request, resp *http.Response) { resp.Header.Set("Retry-After", "99999999999999") }
	a.mustSync()
	if until := a.state.Wait(now, true); until.After(now.Add(25 * time.Hour)) {
		t.Errorf("locked out until %v", until)
	}
}

func TestRetryAfterAsADate(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	w.before = func(*http.Request) *http.Response {
		return answer(503, "text/plain", "", "Retry-After", w.Now().Add(time.Minute).Format(http.TimeFormat))
	}
	_, err := a.sync(t.Context())
	var backed *sync15.BackedOffError
	if !errors.As(err, &backed) || !backed.Until.Equal(w.Now().Add(time.Minute)) {
		t.Errorf("the sync ended with %v", err)
	}
}

// lost is a connection that fails.
type lost struct{}

func (lost) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection refused")
}

func TestNoNetworkIsASentence(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	c := sync15.New(sync15.Config{Account: a.account, Now: w.Now, Rand: rand.Reader, Transport: lost{}}, a.state)
	_, err := c.Setup(context.Background(), sync15.Choice{Engines: []engine.Engine{a.shelf}})
	if err == nil || !strings.Contains(err.Error(), "cannot reach sync.test") || !strings.Contains(err.Error(), "check the network") {
		t.Errorf("the error is %v", err)
	}
}
