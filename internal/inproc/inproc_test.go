package inproc_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/syncmanager/syncmanager/internal/inproc"
)

func client(h http.HandlerFunc) *http.Client { return &http.Client{Transport: inproc.New(h)} }

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	c := client(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if r.RequestURI != "/a%2Fb?ids=x+y" || r.Host != "example.org:1" || r.RemoteAddr != "127.0.0.1:0" || string(b) != "hello" {
			t.Errorf("the server got %s, host %s, from %s, body %q", r.RequestURI, r.Host, r.RemoteAddr, b)
		}
		w.Header().Set("X-One", "1")
		w.WriteHeader(http.StatusTeapot)
		w.Header().Set("X-Two", "too late")
		io.WriteString(w, "back")
	})
	res, err := c.Post("http://example.org:1/a%2Fb?ids=x+y", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil || string(b) != "back" || res.StatusCode != http.StatusTeapot || res.ContentLength != 4 ||
		res.Header.Get("X-One") != "1" || res.Header.Get("X-Two") != "" || res.Status != "418 I'm a teapot" {
		t.Errorf("got %v, %q, %v", res, b, err)
	}
}

// A large body streams: the client reads its beginning while the handler is at
// work on the rest.
func TestStreams(t *testing.T) {
	t.Parallel()
	read := make(chan struct{})
	part := bytes.Repeat([]byte("x"), 100_000)
	c := client(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(part)
		<-read
		w.Write(part)
	})
	res, err := c.Get("http://x/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(res.Body, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	close(read)
	rest, err := io.ReadAll(res.Body)
	if err != nil || len(rest) != 199_000 {
		t.Errorf("%d bytes more, %v", len(rest), err)
	}
}

func TestFlush(t *testing.T) {
	t.Parallel()
	end := make(chan struct{})
	c := client(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "now")
		w.(http.Flusher).Flush()
		<-end
	})
	res, err := c.Get("http://x/")
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 3)
	if _, err := io.ReadFull(res.Body, b); err != nil || string(b) != "now" {
		t.Errorf("%q, %v", b, err)
	}
	close(end)
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var seen error
		c := client(func(_ http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
			seen = r.Context().Err()
		})
		r, _ := http.NewRequestWithContext(ctx, "GET", "http://x/", nil)
		if _, err := c.Do(r); !errors.Is(err, context.Canceled) {
			t.Errorf("the client got %v", err)
		}
		synctest.Wait()
		if !errors.Is(seen, context.Canceled) {
			t.Errorf("the handler got %v", seen)
		}
		if _, err := c.Do(r); !errors.Is(err, context.Canceled) {
			t.Errorf("a request that was over before it began: %v", err)
		}
	})
}

// A client that closes the body ends the handler.
func TestClosedBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var writeErr error
		c := client(func(w http.ResponseWriter, r *http.Request) {
			for writeErr == nil {
				_, writeErr = w.Write(make([]byte, 1<<20))
			}
			<-r.Context().Done()
		})
		res, err := c.Get("http://x/")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		synctest.Wait()
		if writeErr == nil {
			t.Error("the handler goes on writing")
		}
	})
}

func TestPanicBreaksTheConnection(t *testing.T) {
	t.Parallel()
	if _, err := client(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }).Get("http://x/"); err == nil {
		t.Error("no error")
	}
	res, err := client(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(make([]byte, 100_000))
		panic("half-way")
	}).Get("http://x/")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("the body ended well")
	}
}

func TestNoBodyWhereThereIsNone(t *testing.T) {
	t.Parallel()
	c := client(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotModified)
		w.Write(make([]byte, 100_000))
	})
	res, err := c.Get("http://x/")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(res.Body); err != nil || len(b) != 0 {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}
