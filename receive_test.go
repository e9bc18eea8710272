package syncmanager_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/message"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// inbox is an app that keeps what other devices send.
type inbox struct {
	mu   sync.Mutex
	list []message.Message
	err  error
}

func (i *inbox) keep(_ context.Context, list []message.Message) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err == nil {
		i.list = append(i.list, list...)
	}
	return i.err
}

// read returns what arrived since the last time, as text.
func (i *inbox) read() (lines []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, m := range i.list {
		switch {
		case m.Err != nil:
			lines = append(lines, "error")
		case m.Tab != nil:
			lines = append(lines, "open "+m.Tab.URL)
		default:
			lines = append(lines, "close "+strings.Join(m.Close, " "))
		}
	}
	i.list = nil
	return lines
}

func (i *inbox) fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err = err
}

// withInbox makes a device's app keep what others send.
func withInbox(d *testenv.Device) *inbox {
	in := &inbox{}
	d.Received = in.keep
	d.Restart()
	return in
}

// send sends a page from one device to another.
func send(t *testing.T, from, to *testenv.Device, url string) {
	t.Helper()
	check(t, from.Account.SendTab(t.Context(), to.Account.DeviceID(), account.Tab{URL: url}))
}

func arrived(t *testing.T, in *inbox, want ...string) {
	t.Helper()
	if got := in.read(); !slices.Equal(got, want) {
		t.Errorf("received %v, want %v", got, want)
	}
}

// What was received is what the app has kept.
func TestReceive(t *testing.T) {
	t.Parallel()
	w, a, b := two(t)
	if err := b.Manager.Receive(t.Context()); !errors.Is(err, syncmanager.ErrNoMessages) {
		t.Errorf("without a place to keep them: %v", err)
	}
	in := withInbox(b)
	send(t, a, b, "https://a.example/")
	check(t, a.Account.CloseTabs(t.Context(), b.Account.DeviceID(), []string{"https://b.example/"}))
	in.fail(errors.New("the disk is full"))
	if err := b.Manager.Receive(t.Context()); err == nil || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("the app could not keep them: %v", err)
	}
	in.fail(nil)
	b.Received = func(context.Context, []message.Message) error { panic("a bug") }
	b.Restart()
	if err := b.Manager.Receive(t.Context()); err == nil || !strings.Contains(err.Error(), "the app's Received broke: a bug") {
		t.Errorf("the app panics: %v", err)
	}
	b.Received = in.keep
	b.Restart()
	check(t, b.Manager.Receive(t.Context()))
	arrived(t, in, "open https://a.example/", "close https://b.example/")
	check(t, b.Manager.Receive(t.Context()))
	arrived(t, in)

	// A session that ended elsewhere is latched here, too.
	check(t, w.Client().Resume(b.Account.Session()).SignOut(t.Context()))
	for range 2 {
		if err := b.Manager.Receive(t.Context()); !errors.As(err, new(*syncmanager.AuthError)) {
			t.Errorf("after the end of the session: %v", err)
		}
		w.Net.Asked()
		if _, err := b.Manager.Sync(t.Context(), syncmanager.Options{}); !errors.As(err, new(*syncmanager.AuthError)) || len(w.Net.Asked()) != 0 {
			t.Errorf("a sync after that: %v", err)
		}
		b.Restart()
	}
	check(t, b.Manager.Close())
	if err := b.Manager.Receive(t.Context()); !errors.Is(err, syncmanager.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// Nothing uses the account after a sign-out that a Receive was running at.
func TestSignOutWaitsForReceive(t *testing.T) {
	t.Parallel()
	_, a, b := two(t)
	began, goOn := make(chan bool), make(chan bool)
	b.Received = func(context.Context, []message.Message) error {
		close(began)
		<-goOn
		return nil
	}
	b.Restart()
	send(t, a, b, "https://a.example/")
	received, out := make(chan error, 1), make(chan error, 1)
	go func() { received <- b.Manager.Receive(t.Context()) }()
	select {
	case <-began:
	case err := <-received:
		t.Fatal(err)
	}
	b.Sync() // a sync does not wait
	go func() { out <- b.Manager.SignOut(t.Context()) }()
	select {
	case err := <-out:
		t.Errorf("signed out while messages are received: %v", err)
	default:
	}
	close(goOn)
	check(t, <-received)
	check(t, <-out)
}

// Run receives with its syncs, at most once in five minutes, and tries again with the next one.
func TestRunReceives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := testenv.InBubble(t)
		a, b := w.Device("a", ann), w.Device("b", ann)
		in := withInbox(b)
		send(t, a, b, "https://1.example/")
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- b.Manager.Run(ctx, syncmanager.RunOptions{}) }()
		synctest.Wait()
		arrived(t, in, "open https://1.example/")

		send(t, a, b, "https://2.example/")
		b.Manager.Changed("passwords")
		time.Sleep(time.Minute)
		arrived(t, in)
		in.fail(errors.New("the disk is full"))
		time.Sleep(5 * time.Minute)
		b.Manager.Changed("passwords")
		time.Sleep(time.Minute)
		in.fail(nil)
		b.Manager.Changed("passwords")
		time.Sleep(time.Minute)
		arrived(t, in, "open https://2.example/")

		// A failure of the accounts server stops neither syncs nor Run.
		send(t, a, b, "https://3.example/")
		w.Net.Before(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/device/commands") {
				return testenv.Answer(r, 500, "text/html", "<html>"), nil
			}
			return nil, nil
		})
		time.Sleep(time.Hour)
		arrived(t, in)
		w.Net.Before(nil)
		time.Sleep(time.Hour)
		arrived(t, in, "open https://3.example/")

		check(t, w.Client().Resume(b.Account.Session()).SignOut(t.Context()))
		time.Sleep(2 * time.Hour)
		if err := <-ended; !errors.As(err, new(*syncmanager.AuthError)) {
			t.Errorf("Run ended with %v", err)
		}
	})
}
