// Package inproc connects an HTTP client to a handler in the same process, without a socket.
// It is for the server inside a profile, and for tests with a fake clock, in which loopback
// TCP hangs.
package inproc

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
)

// buffered is how many bytes of a body are held before the client gets the response. Most
// responses are smaller, so that their length is known.
const buffered = 64 << 10

// New returns a RoundTripper that sends requests to h. The handler sees a request from a
// loopback address, and its context ends with the client's. Writes beyond 64 KiB block until
// the client reads. A panic of the handler appears as a broken connection.
func New(h http.Handler) http.RoundTripper { return &transport{h} }

type transport struct{ handler http.Handler }

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	if err := ctx.Err(); err != nil {
		cancel()
		closeBody(r)
		return nil, err
	}
	pr, pw := io.Pipe()
	w := &writer{request: r, header: make(http.Header), pipe: pw, ready: make(chan *http.Response, 1)}
	w.body = &body{PipeReader: pr, cancel: cancel}
	stop := context.AfterFunc(ctx, func() { _ = pw.CloseWithError(context.Cause(ctx)) })
	failed := make(chan error, 1)
	go func() {
		defer stop()
		defer closeBody(r)
		defer func() {
			if v := recover(); v != nil {
				err := fmt.Errorf("the connection broke: %v", v)
				_ = pw.CloseWithError(err)
				failed <- err
			}
		}()
		t.handler.ServeHTTP(w, serverRequest(ctx, r))
		w.finish()
	}()
	select {
	case res := <-w.ready:
		return res, nil
	case err := <-failed:
		cancel()
		return nil, err
	case <-r.Context().Done(): // not ctx, which ends with the handler too
		cancel()
		return nil, r.Context().Err()
	}
}

// serverRequest returns r as a server receives it.
func serverRequest(ctx context.Context, r *http.Request) *http.Request {
	in := r.Clone(ctx)
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "127.0.0.1:0"
	in.Proto, in.ProtoMajor, in.ProtoMinor = "HTTP/1.1", 1, 1
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	return in
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// body ends the handler's context when the client closes the response.
type body struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (b *body) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}

// writer is the handler's side of a response.
type writer struct {
	request *http.Request
	pipe    *io.PipeWriter
	body    *body
	ready   chan *http.Response

	mu     sync.Mutex
	header http.Header
	code   int
	sent   http.Header // a copy of header from WriteHeader
	buf    bytes.Buffer
	passed bool // the client has the response
}

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(code int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(code)
}

func (w *writer) writeHeader(code int) {
	if w.code == 0 && code >= 200 {
		w.code, w.sent = code, w.header.Clone()
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.writeHeader(http.StatusOK)
	if w.bodiless() {
		w.mu.Unlock()
		return len(p), nil
	}
	if !w.passed && w.buf.Len()+len(p) <= buffered {
		defer w.mu.Unlock()
		return w.buf.Write(p)
	}
	err := w.flush()
	w.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return w.pipe.Write(p)
}

// Flush implements [http.Flusher].
func (w *writer) Flush() {
	w.mu.Lock()
	w.writeHeader(http.StatusOK)
	_ = w.flush()
	w.mu.Unlock()
}

// flush passes the response to the client, and the buffered part of its body.
func (w *writer) flush() error {
	if !w.passed {
		w.passed = true
		w.ready <- w.response(w.body, -1)
	}
	if w.buf.Len() == 0 {
		return nil
	}
	_, err := w.pipe.Write(w.buf.Bytes())
	w.buf.Reset()
	return err
}

func (w *writer) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writeHeader(http.StatusOK)
	if w.passed {
		_ = w.pipe.Close()
		return
	}
	w.passed = true
	_ = w.pipe.Close()
	w.body.cancel()
	w.ready <- w.response(io.NopCloser(&w.buf), int64(w.buf.Len()))
}

func (w *writer) bodiless() bool {
	return w.request.Method == http.MethodHead || w.code == http.StatusNoContent || w.code == http.StatusNotModified
}

func (w *writer) response(body io.ReadCloser, length int64) *http.Response {
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.code, http.StatusText(w.code)), StatusCode: w.code,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: body, ContentLength: length, Request: w.request,
	}
}
