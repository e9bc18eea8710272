package account_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/internal/inproc"
)

// TestManyTabsAreClosedInSeveralMessages: what one message has no room for goes into the next,
// and a URL that is too long for any is named.
func TestManyTabsAreClosedInSeveralMessages(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a, b, to := two(t, w)
	var urls []string
	for i := range 100 {
		urls = append(urls, fmt.Sprintf("https://page.example/%d/%s", i, strings.Repeat("x", 1000)))
	}
	long := "https://long.example/" + strings.Repeat("x", 20_000)
	before := a.Requests()
	err := a.CloseTabs(t.Context(), to.ID, slices.Insert(slices.Clone(urls), 50, long))
	unsent, ok := errors.AsType[*account.NotClosedError](err)
	if !ok || !slices.Equal(unsent.URLs, []string{long}) || !errors.Is(err, account.ErrTooLong) || len(err.Error()) > 200 {
		t.Fatalf("%.300v", err)
	}
	if n := a.Requests() - before; n != 1+7 { // 16 KiB hold 15
		t.Errorf("%d requests", n)
	}
	var got []string
	for _, m := range receive(t, b) {
		got = append(got, m.Close...)
	}
	if !slices.Equal(got, urls) {
		t.Errorf("%d of %d pages arrived", len(got), len(urls))
	}
	// However many there are, the messages have an end.
	for i := range 400 {
		urls = append(urls, fmt.Sprintf("https://more.example/%d/%s", i, strings.Repeat("x", 1000)))
	}
	before = a.Requests()
	err = a.CloseTabs(t.Context(), to.ID, urls)
	if unsent, ok := errors.AsType[*account.NotClosedError](err); !ok || len(unsent.URLs) != 500-20*15 || unsent.URLs[0] != urls[300] || a.Requests() != before+1+20 {
		t.Errorf("%d requests, %.200v", a.Requests()-before, err)
	}
}

// TestAMessageIsLost: the messages before it were sent, and the pages of the others are named.
func TestAMessageIsLost(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a, b, to := two(t, w)
	sent := 0
	inner := inproc.New(w.server.Handler())
	c := w.client(func(c *account.Config) {
		c.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
			if sent++; sent == 3 { // the first asks for the device
				return nil, errors.New("the line is cut")
			}
			return inner.RoundTrip(r)
		})
	}).Resume(a.Session())
	var urls []string
	for i := range 40 {
		urls = append(urls, fmt.Sprintf("https://page.example/%d/%s", i, strings.Repeat("x", 1000)))
	}
	err := c.CloseTabs(t.Context(), to.ID, urls)
	unsent, ok := errors.AsType[*account.NotClosedError](err)
	if !ok || !slices.Equal(unsent.URLs, urls[15:]) || !strings.Contains(err.Error(), "no answer") || sent != 3 {
		t.Fatalf("%d requests, %.300v", sent, err)
	}
	if got := receive(t, b); len(got) != 1 || !slices.Equal(got[0].Close, urls[:15]) {
		t.Errorf("received %d messages", len(got))
	}
}
