package server

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/publicname"
)

// observed runs a handler behind the middleware.
func observed(h http.HandlerFunc, path string) (rec *httptest.ResponseRecorder, log string, panicked any) {
	var b bytes.Buffer
	s := &Server{cfg: Config{Now: time.Now, Log: slog.New(slog.NewTextHandler(&b, nil))}, metrics: newMetrics("", nil), names: publicname.Names{{Scheme: "http", Host: "sync.test"}}}
	rec = httptest.NewRecorder()
	func() {
		defer func() { panicked = recover() }()
		s.observe(h).ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	}()
	return rec, b.String(), panicked
}

func TestRequestLog(t *testing.T) {
	t.Parallel()
	_, log, _ := observed(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "12345")
	}, "/a/path?code=secret")
	for _, want := range []string{"method=GET", "path=/a/path", "status=418", "bytes=5", "took="} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in %s", want, log)
		}
	}
	if strings.Contains(log, "secret") {
		t.Errorf("the query is in the log: %s", log)
	}
}

func TestPanicIsA500(t *testing.T) {
	t.Parallel()
	rec, log, panicked := observed(func(http.ResponseWriter, *http.Request) { panic("oops") }, "/x")
	if rec.Code != 500 || panicked != nil || !strings.Contains(log, "panic=oops") || !strings.Contains(log, "status=500") {
		t.Errorf("%d, panicked with %v, log %s", rec.Code, panicked, log)
	}
}

func aborted(panicked any) bool {
	err, ok := panicked.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// An answer that had begun cannot become a 500: the connection breaks.
func TestPanicHalfWay(t *testing.T) {
	t.Parallel()
	_, log, panicked := observed(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half")
		panic("oops")
	}, "/x")
	if !aborted(panicked) || !strings.Contains(log, "panic=oops") {
		t.Errorf("panicked with %v, log %s", panicked, log)
	}
	if _, log, panicked := observed(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "/x"); !aborted(panicked) ||
		strings.Contains(log, "panicked") {
		t.Errorf("an abort: panicked with %v, log %s", panicked, log)
	}
}
