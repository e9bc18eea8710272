package intake

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func limited(t *testing.T, b *Budget, n int, sender string) (body io.Reader, done func()) {
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/", strings.NewReader(strings.Repeat("x", n)))
	done = Limit(b, httptest.NewRecorder(), r, 1000, sender)
	return r.Body, done
}

// One sender may use a quarter of the budget, all together may use all of it, and a waiting
// body gets bytes that are returned.
func TestBudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(400)
		var dones []func()
		for _, sender := range []string{"a", "b", "c"} {
			body, done := limited(t, b, 100, sender)
			if all, err := io.ReadAll(body); len(all) != 100 || err != nil {
				t.Fatalf("%s: %d, %v", sender, len(all), err)
			}
			dones = append(dones, done)
		}
		began := time.Now()
		body, done := limited(t, b, 1, "a")
		if _, err := io.ReadAll(body); !errors.Is(err, ErrBusy) || time.Since(began) != patience {
			t.Errorf("a sender's fifth quarter: %v after %v", err, time.Since(began))
		}
		done()
		body, done = limited(t, b, 5000, "d") // more than there ever is
		if _, err := io.ReadAll(body); err != nil {
			t.Errorf("a large body that comes alone: %v", err)
		}
		dones = append(dones, done)
		waits := make(chan error)
		go func() {
			body, done := limited(t, b, 50, "e")
			defer done()
			_, err := io.ReadAll(body)
			waits <- err
		}()
		synctest.Wait()
		dones[0]()
		if err := <-waits; err != nil {
			t.Errorf("who waited: %v", err)
		}
		for _, done := range dones[1:] {
			done()
		}
		synctest.Wait()
		if b.used != 0 || len(b.by) != 0 {
			t.Errorf("left: %d, %v", b.used, b.by)
		}
	})
}

// A body counts for its user too, whatever its address.
func TestCharge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(400)
		for n, want := range []error{nil, ErrBusy} {
			body, done := limited(t, b, 100, string(rune('a'+n)))
			defer done()
			Charge(body, "user 1")
			if _, err := io.ReadAll(body); !errors.Is(err, want) {
				t.Errorf("address %d: %v, want %v", n, err, want)
			}
		}
	})
}

// slow is a body that delivers n bytes every second.
type slow struct {
	n, left int
	ended   chan struct{}
}

func (s *slow) Read(p []byte) (int, error) {
	select {
	case <-time.After(time.Second):
	case <-s.ended:
		return 0, errors.New("deadline")
	}
	n := min(s.n, s.left, len(p))
	if s.left -= n; s.left == 0 {
		return n, io.EOF
	}
	return n, nil
}

func (*slow) Close() error { return nil }

type deadlines struct {
	http.ResponseWriter
	ended chan struct{}
}

func (d deadlines) SetReadDeadline(time.Time) error {
	close(d.ended)
	return nil
}

// A body that arrives too slowly is aborted, unless it is steady or small.
func TestSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			n, size int
			want    error
		}{{1, 100, ErrSlow}, {1, 10, nil}, {4 << 10, 1 << 20, ErrSlow}, {5 << 10, 1 << 20, nil}} {
			ended := make(chan struct{})
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/", &slow{c.n, c.size, ended})
			r.ContentLength = int64(c.size)
			done := Limit(NewBudget(1<<30), deadlines{httptest.NewRecorder(), ended}, r, 2<<20, "a")
			if _, err := io.Copy(io.Discard, r.Body); !errors.Is(err, c.want) {
				t.Errorf("%d bytes, %d a second: %v, want %v", c.size, c.n, err, c.want)
			}
			done()
		}
	})
}
