package profile

import (
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"
)

// offline fails every request.
type offline struct{}

func (offline) RoundTrip(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func TestTheAccessTokenOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	c := Config{
		Dir: t.TempDir(), Hostname: "test", Version: "0", Now: time.Now, Rand: rand.Reader,
		Transport: offline{}, Log: slog.New(slog.DiscardHandler),
	}
	token := func() (string, int) {
		p, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.EnsureAccount(t.Context())
		a, _, connectErr := p.connect()
		if err := errors.Join(err, connectErr); err != nil {
			t.Fatal(err)
		}
		before := a.Requests()
		text, err := a.AccessToken(t.Context(), false)
		if err := errors.Join(err, p.Close()); err != nil {
			t.Fatal(err)
		}
		return text, a.Requests() - before
	}
	first, _ := token()
	second, requests := token()
	if first == "" || second != first || requests != 0 {
		t.Errorf("the next process made %d requests; the same token: %t", requests, first == second)
	}
}
