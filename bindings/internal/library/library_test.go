package library_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/syncmanager/syncmanager/bindings/internal/library"
)

// open opens a profile, and returns its handle.
func open(t *testing.T, l *library.Library, folder, options string) uint64 {
	t.Helper()
	var opened struct{ Handle uint64 }
	answer := l.Open(folder, []byte(options))
	if err := json.Unmarshal(answer, &opened); err != nil || opened.Handle == 0 {
		t.Fatalf("open: %s", answer)
	}
	return opened.Handle
}

func expect(t *testing.T, what string, answer []byte, want string) {
	t.Helper()
	if !strings.Contains(string(answer), want) {
		t.Errorf("%s: got %.300s; want %s", what, answer, want)
	}
}

func TestRightsOfAHandle(t *testing.T) {
	t.Parallel()
	var l library.Library
	h := open(t, &l, t.TempDir(), `{"readOnly":true,"engines":["bookmarks"]}`)
	expect(t, "what it may read", l.Call(h, "bookmarks.list", nil), `"items"`)
	expect(t, "a write", l.Call(h, "bookmarks.add", []byte(`{"title":"Go","url":"https://go.dev/"}`)), `"forbidden"`)
	expect(t, "another engine", l.Call(h, "history.list", nil), `"forbidden"`)
	expect(t, "close", l.Close(h), "{}")
}

// TestManyGoroutines opens, calls, reads events and closes from many goroutines at once, which is
// for the race detector: C calls from any thread.
func TestManyGoroutines(t *testing.T) {
	t.Parallel()
	var l library.Library
	folder := t.TempDir()

	var opened atomic.Uint64
	var opens sync.WaitGroup
	for range 4 {
		opens.Go(func() {
			var answer struct{ Handle uint64 }
			raw := l.Open(folder, nil)
			if err := json.Unmarshal(raw, &answer); err != nil {
				t.Error(err)
			}
			if answer.Handle == 0 {
				expect(t, "open", raw, `"busy"`)
			} else if !opened.CompareAndSwap(0, answer.Handle) {
				t.Error("one profile was opened twice")
			}
		})
	}
	opens.Wait()
	h := opened.Load()

	const callers, calls = 8, 10
	var waiting, calling sync.WaitGroup
	var events atomic.Int64
	for range 2 {
		waiting.Go(func() {
			for {
				event := string(l.NextEvent(h, -1))
				if strings.Contains(event, `"unavailable"`) {
					return
				}
				events.Add(1)
			}
		})
	}
	for i := range callers {
		calling.Go(func() {
			for n := range calls {
				request := fmt.Sprintf(`{"title":"Go","url":"https://go.dev/%d/%d"}`, i, n)
				expect(t, "add", l.Call(h, "bookmarks.add", []byte(request)), `"etag"`)
				l.NextEvent(h, 0) // which may be there or not
			}
		})
	}
	calling.Wait()
	if n := strings.Count(string(l.Call(h, "bookmarks.list", nil)), `"kind":"bookmark"`); n != callers*calls {
		t.Errorf("%d bookmarks are there; want %d", n, callers*calls)
	}

	var closed atomic.Int64
	for range 4 {
		calling.Go(func() { // until the handle is closed
			for ended := false; !ended; {
				ended = strings.Contains(string(l.Call(h, "status", nil)), `"error"`)
			}
		})
		calling.Go(func() {
			if string(l.Close(h)) == "{}" {
				closed.Add(1)
			}
		})
	}
	calling.Wait()
	waiting.Wait()
	if closed.Load() != 1 {
		t.Errorf("%d goroutines closed the handle", closed.Load())
	}
	expect(t, "a call after the close", l.Call(h, "version", nil), `"unavailable"`)
	expect(t, "an event after the close", l.NextEvent(h, -1), `"unavailable"`)
	if again := open(t, &l, folder, ""); again == h {
		t.Error("the number of a handle was used again")
	} else {
		expect(t, "close", l.Close(again), "{}")
	}
}
