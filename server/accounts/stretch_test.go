package accounts

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// A password is stretched whether or not the address has an account, so that the
// time does not tell: without an account the same work is done.
func TestNobodysPasswordIsStretched(t *testing.T) {
	s, err := Open(t.Context(), Config{
		Dir: t.TempDir(), PublicURL: &url.URL{Scheme: "https", Host: "x"}, Cost: 4, Now: time.Now, Rand: rand.Reader,
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := loginRequest(t, "nobody@example.org")
	synctest.Test(t, func(t *testing.T) {
		s.stretching = make(chan struct{}, 1)
		s.stretching <- struct{}{} // somebody else's turn
		answered := make(chan error, 1)
		go func() {
			_, err := s.login(r)
			answered <- err
		}()
		synctest.Wait()
		select {
		case err := <-answered:
			t.Fatalf("answered without stretching: %v", err)
		default:
		}
		<-s.stretching
		if err := <-answered; !errors.Is(err, errPassword) {
			t.Errorf("%v, want %v", err, errPassword)
		}
	})
}

// loginRequest is a sign-in whose context belongs to no bubble and never ends.
func loginRequest(t *testing.T, email string) *request {
	t.Helper()
	body := `{"email":"` + email + `","authPW":"` + strings.Repeat("00", 32) + `"}`
	return &request{Request: httptest.NewRequestWithContext(context.Background(), "POST", "/auth/v1/account/login", nil), body: []byte(body)}
}
