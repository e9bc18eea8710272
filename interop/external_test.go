package interop_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server"
)

// TestAccountsElsewhere signs Firefox in at one server and stores its records on another, as a
// self-hoster with Mozilla accounts does.
func TestAccountsElsewhere(t *testing.T) {
	t.Parallel()
	w := testenv.Listen(t)
	ff := firefox(t, w)
	uid := w.SignIn(ann).Session().UID

	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	root := "http://" + l.Addr().String()
	records, err := server.New(t.Context(), server.Config{
		Dir: t.TempDir(), PublicURL: root, Now: w.Clock.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		PurgeTicks: make(chan time.Time), External: &server.External{URL: w.URL, Allow: []string{uid}, Transport: transport},
	})
	check(t, err)
	h := &http.Server{Handler: records.Handler()}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(l) }()
	t.Cleanup(func() {
		check(t, h.Close())
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
		check(t, records.Close(context.Background()))
	})

	_, err = ff.Chrome(t.Context(), `Services.prefs.setStringPref("identity.sync.tokenserver.uri", args[0])`, root+"/token/1.0/sync/1.5")
	check(t, err)
	addToFirefox(t, ff, "https://theirs.example", "ann", "made in Firefox")
	syncFirefox(t, ff)
	there, err := w.Server.Users(t.Context())
	check(t, err)
	here, err := records.Users(t.Context())
	check(t, err)
	if len(here) != 1 || here[0].UID != uid || here[0].Bytes == 0 || len(there) != 1 || there[0].Bytes != 0 {
		t.Errorf("records here: %+v, there: %+v", here, there)
	}

	// A user who is no longer allowed gets an error at the next sync. Once allowed again, they
	// continue.
	check(t, records.SetDisabled(t.Context(), uid, true))
	if _, err := ff.Sync(t.Context()); err == nil {
		t.Error("Firefox syncs with a server that locked it out")
	}
	check(t, records.SetDisabled(t.Context(), uid, false))
	addToFirefox(t, ff, "https://more.example", "ann", "made later")
	syncFirefox(t, ff)
	again, err := records.Users(t.Context())
	check(t, err)
	if again[0].Bytes <= here[0].Bytes {
		t.Errorf("nothing was added: %+v", again)
	}
}
