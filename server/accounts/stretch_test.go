package accounts

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/stretch"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/publicname"
)

// A password is stretched whether or not the address has an account, so that the time does not
// reveal it.
func TestNobodysPasswordIsStretched(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{
		Dir: t.TempDir(), PublicURLs: publicname.Names{{Scheme: "https", Host: "x"}}, Cost: 4, Now: time.Now, Rand: rand.Reader,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var costs []int
	real := s.passwords.Stretch
	s.passwords.Stretch = func(ctx context.Context, password, salt []byte, cost, keyLen int) ([]byte, error) {
		costs = append(costs, cost)
		return real(ctx, password, salt, cost, keyLen)
	}
	if _, err := s.login(loginRequest(t, "nobody@example.org")); !errors.Is(err, fault.ErrPassword) {
		t.Errorf("%v, want %v", err, fault.ErrPassword)
	}
	if !slices.Equal(costs, []int{4}) {
		t.Errorf("stretched with the costs %v, want once with 4", costs)
	}
}

// If the server has no capacity to check a password, the client is told when to try again, and
// no try is counted.
func TestBusyStretching(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{
		Dir: t.TempDir(), PublicURLs: publicname.Names{{Scheme: "https", Host: "x"}}, Cost: 4, Now: time.Now, Rand: rand.Reader,
		Log: slog.New(slog.DiscardHandler), Limits: Limits{PerAccount: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	real := s.passwords.Stretch
	s.passwords.Stretch = func(context.Context, []byte, []byte, int, int) ([]byte, error) { return nil, stretch.ErrBusy }
	try := func() *httptest.ResponseRecorder {
		rec := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/auth/v1/account/login",
			strings.NewReader(`{"email":"a@example.org","authPW":"`+strings.Repeat("00", 32)+`"}`))
		s.ServeHTTP(rec, r)
		return rec
	}
	for range 3 {
		if rec := try(); rec.Code != 503 || rec.Header().Get("Retry-After") != "5" || !strings.Contains(rec.Body.String(), `"errno":201`) {
			t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
		}
	}
	s.passwords.Stretch = real
	if rec := try(); rec.Code != 400 || !strings.Contains(rec.Body.String(), `"errno":103`) {
		t.Errorf("the first try that was made: %d %s", rec.Code, rec.Body)
	}
	if rec := try(); rec.Code != 429 {
		t.Errorf("the second: %d %s", rec.Code, rec.Body)
	}
}

// loginRequest is a sign-in.
func loginRequest(t *testing.T, email string) *api.Request {
	t.Helper()
	body := `{"email":"` + email + `","authPW":"` + strings.Repeat("00", 32) + `"}`
	return &api.Request{Request: httptest.NewRequestWithContext(context.Background(), "POST", "/auth/v1/account/login", nil), Body: []byte(body)}
}
