package sync15_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/sync15"
)

// TestASilentServerIsGivenUpASlowReaderIsNot: only the time that a read takes counts against
// the server.
func TestASilentServerIsGivenUpASlowReaderIsNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var rest time.Duration // before the second half
		transport := inproc.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			select {
			case <-time.After(rest):
				_, _ = io.WriteString(w, "half")
			case <-r.Context().Done():
			}
		}))
		read := func(pause time.Duration) (string, error) {
			ctx, cancel := context.WithCancelCause(t.Context())
			r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sync.test", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			body := sync15.StallReader(resp.Body, cancel)
			defer body.Close()
			first := make([]byte, 4)
			if _, err := io.ReadFull(body, first); err != nil {
				t.Fatal(err)
			}
			time.Sleep(pause)
			second, err := io.ReadAll(body)
			if ctx.Err() != nil {
				err = context.Cause(ctx)
			}
			return string(first) + string(second), err
		}
		rest = 50 * time.Second
		if text, err := read(10 * time.Minute); text != "halfhalf" || err != nil {
			t.Errorf("a slow reader got %q, %v", text, err)
		}
		rest = 10 * time.Minute
		if _, err := read(0); !errors.Is(err, sync15.ErrStalled) {
			t.Errorf("a silent server: %v", err)
		}
	})
}

func TestCloseClosesTheConnectionsOfItsOwnTransport(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	closed := make(chan struct{}, 1)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) { http.NotFound(out, r) }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	s.Start()
	defer s.Close()
	a := w.device("a")
	c := sync15.New(sync15.Config{Account: elsewhere{a.account, s.URL}, Now: w.Now, Rand: rand.Reader}, a.state)
	if _, err := c.Setup(t.Context(), sync15.Choice{}); err == nil {
		t.Fatal("there is no token server")
	}
	select {
	case <-closed:
		t.Fatal("the connection was not kept for the next request")
	default:
	}
	c.Close()
	<-closed
}

// elsewhere returns an account with another token server.
type elsewhere struct {
	*account
	tokenServer string
}

func (e elsewhere) TokenServer() string { return e.tokenServer }
