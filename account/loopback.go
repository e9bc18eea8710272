package account

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// callbackPath is the path that the browser returns to. The server accepts no other.
const callbackPath = "/callback"

// listen starts to listen for the browser, as the OAuth client that the server named, if any.
// If it cannot listen, the user copies the address.
func (b *BrowserSignIn) listen(ctx context.Context, clientID string) bool {
	if clientID == "" || b.c.cfg.Listen == nil {
		return false
	}
	l, err := b.c.cfg.Listen(ctx)
	if err != nil {
		b.c.cfg.Log.WarnContext(ctx, "the browser cannot come back by itself", "err", err)
		return false
	}
	b.code.clientID, b.listener, b.Returns = clientID, l, true
	return true
}

// Close stops listening for the browser.
func (b *BrowserSignIn) Close() error {
	if b.listener == nil {
		return nil
	}
	return b.listener.Close()
}

// Await waits until the browser returns to this computer, and signs in. It redirects the
// browser to a page of the server that says so, so that the address bar does not show the
// code. It refuses other requests to the port. If the browser does not return, Await waits
// until ctx ends.
//
// Source: RFC 8252, section 7.3.
func (b *BrowserSignIn) Await(ctx context.Context) (*Account, error) {
	if b.listener == nil {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	type outcome struct {
		account *Account
		err     error
	}
	ended := make(chan outcome, 1)
	var came atomic.Bool
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		// The log would contain text from unknown clients.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			// A page of another site whose name resolves to this computer sends that name here.
			if r.Host != b.listener.Addr().String() || r.URL.EscapedPath() != callbackPath || r.Method != http.MethodGet {
				answer(w, http.StatusNotFound, "There is nothing here.\n")
				return
			}
			code := r.URL.Query().Get("code")
			if !b.code.granted(code, r.URL.Query().Get("state")) {
				answer(w, http.StatusBadRequest, "This is not the sign-in that is waited for.\n")
				return
			}
			if !came.CompareAndSwap(false, true) {
				answer(w, http.StatusNotFound, "There is nothing here any more.\n")
				return
			}
			a, err := b.code.redeem(ctx, code)
			if err != nil {
				answer(w, http.StatusBadGateway, "The sign-in did not work. Why, you read where you began it.\n")
			} else {
				w.Header().Set("Location", b.successPage())
				answer(w, http.StatusSeeOther, "")
			}
			ended <- outcome{a, err}
		}),
	}
	defer server.Close() //nolint:errcheck // what it says of the connections concerns nobody any more
	go func() {
		if err := server.Serve(b.listener); ctx.Err() == nil && !came.Load() {
			ended <- outcome{err: err}
		}
	}()
	select {
	case got := <-ended:
		return got.account, got.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// answer sends a whole answer, because the connection is closed next.
func answer(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Connection", "close")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
	_ = http.NewResponseController(w).Flush()
}
