package storage_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestOfConflictingWritersOneWins(t *testing.T) {
	t.Parallel()
	s := start(t)
	at := s.do("PUT", "/storage/c/a", `{"payload":"0"}`).modified()
	for round := range 10 {
		var wg sync.WaitGroup
		codes := make([]*response, 8)
		for i := range codes {
			wg.Go(func() {
				body := fmt.Sprintf(`[{"id":"a","payload":"%d.%d"}]`, round, i)
				codes[i] = s.do("POST", "/storage/c", body, header{"X-If-Unmodified-Since": at})
			})
		}
		wg.Wait()
		won := 0
		for _, c := range codes {
			switch c.Code {
			case 200:
				won++
				at = c.modified()
			case 412:
			default:
				t.Errorf("status %d: %s", c.Code, c.Body)
			}
		}
		if won != 1 {
			t.Fatalf("%d of the writers won", won)
		}
	}
}

func TestManyUsersOnFewFiles(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config) { c.files.MaxOpen = 3 })
	const users, writes = 12, 8
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for uid := range users {
		for range 2 {
			wg.Go(func() {
				for i := range writes {
					who := header{"Authorization": fmt.Sprint(uid)}
					path := fmt.Sprintf("/storage/1.5/%d/storage/c", uid)
					got := s.raw("POST", path, fmt.Sprintf(`[{"id":"%d","payload":"%d"}]`, i, uid), who)
					if got.Code != 200 {
						t.Errorf("status %d: %s", got.Code, got.Body)
						return
					}
					at := fmt.Sprint(uid, " ", got.modified())
					mu.Lock()
					if seen[at] {
						t.Errorf("two writes of a user at %s", at)
					}
					seen[at] = true
					mu.Unlock()
					for _, r := range decode[[]wire](s.raw("GET", path+"?full=1", "", who)) {
						if r.Payload != fmt.Sprint(uid) {
							t.Errorf("user %d sees %q", uid, r.Payload)
						}
					}
				}
			})
		}
	}
	wg.Go(func() {
		if err := s.Purge(t.Context()); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if len(seen) != 2*users*writes {
		t.Errorf("%d writes", len(seen))
	}
}

func TestAListingIsOneMomentsState(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("POST", "/storage/c", list(0, 100, 1)).want(200)
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			// All records at once, each time with another payload.
			s.do("POST", "/storage/c", strings.ReplaceAll(list(0, 100, 1), `"x"`, fmt.Sprintf(`"%d"`, i))).want(200)
		}
	})
	for range 20 {
		got := s.do("GET", "/storage/c?full=1", "")
		all := decode[[]wire](got)
		for _, r := range all {
			if r.Payload != all[0].Payload || r.Modified.String() != got.modified() {
				t.Fatalf("a listing of %s holds %+v beside %+v", got.modified(), r, all[0])
			}
		}
	}
	close(done)
	wg.Wait()
}

func TestASlowClientOfAPageHoldsNothing(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config) { c.files.MaxOpen = 1 })
	s.do("POST", "/storage/c", list(0, 100, 1000)).want(200)
	slow := s.readSlowly("/storage/c?full=1")
	// Another user can open the one file that may be open.
	s.raw("PUT", "/storage/1.5/2/storage/c/a", `{}`, header{"Authorization": "2"}).want(200)
	close(slow.proceed)
	<-slow.done
}

// slowReader is a client that waits before it takes the first bytes.
type slowReader struct {
	nobody
	started, proceed, done chan struct{}
	once                   sync.Once
	bytes                  int
}

func (r *slowReader) Write(b []byte) (int, error) {
	r.once.Do(func() {
		close(r.started)
		<-r.proceed
	})
	r.bytes += len(b)
	return len(b), nil
}

// readSlowly makes a request, and returns when its answer has begun. The answer goes on
// when proceed is closed.
func (s *server) readSlowly(path string) *slowReader {
	return s.readSlowlyAs("1", path)
}

func (s *server) readSlowlyAs(user, path string) *slowReader {
	slow := &slowReader{nobody: newNobody(), started: make(chan struct{}), proceed: make(chan struct{}), done: make(chan struct{})}
	r := s.request("GET", path, "")()
	r.URL.Path = strings.Replace(r.URL.Path, "/1.5/1/", "/1.5/"+user+"/", 1)
	r.Header.Set("Authorization", user)
	go func() {
		defer close(slow.done)
		s.ServeHTTP(slow, r)
	}()
	<-slow.started
	return slow
}

func TestCloseWaitsForWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("POST", "/storage/c", list(0, 100, 20_000)).want(200) // more than goes out at once
	whole := s.do("GET", "/storage/c?full=1", "").Body.Len()
	slow := s.readSlowly("/storage/c?full=1")
	// Writers do not wait for a slow reader.
	s.do("PUT", "/storage/c/a", `{"payload":"x"}`).want(200)
	hurry, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Close(hurry); !errors.Is(err, context.Canceled) {
		t.Errorf("closed under a reader: %v", err)
	}
	s.do("GET", "/storage/c", "").refused(503, "0")
	close(slow.proceed)
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	<-slow.done
	if slow.bytes != whole {
		t.Errorf("%d of %d bytes came", slow.bytes, whole)
	}
}

// A client that stops reading a listing that goes out in pieces does not hold the storage.
func TestAListingThatIsNotReadIsCut(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config) { c.ListingTime, c.files.MaxOpen = time.Millisecond, 1 })
	for i := range 16 { // more than the buffers of a connection take
		s.do("POST", "/storage/c", list(100*i, 100, 20_000)).want(200)
	}
	ended := make(chan struct{})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(ended)
		s.ServeHTTP(w, r)
	}))
	defer web.Close()
	answer, err := http.DefaultClient.Do(func() *http.Request {
		r := s.request("GET", "/storage/c?full=1", "")()
		next, err := http.NewRequestWithContext(t.Context(), r.Method, web.URL+r.URL.String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		next.Header = r.Header
		return next
	}())
	<-ended
	// Another user can open the one file that may be open.
	s.raw("PUT", "/storage/1.5/2/storage/c/a", `{}`, header{"Authorization": "2"}).want(200)
	if err != nil {
		return // it was cut before its headers were sent
	}
	defer answer.Body.Close()
	if b, err := io.ReadAll(answer.Body); err == nil {
		t.Errorf("the listing of %d bytes looks complete", len(b))
	}
}
