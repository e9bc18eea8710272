package tabs_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/tabs"
	"github.com/syncmanager/syncmanager/internal/test/testclock"
)

// start is when these tests begin, by the server's clock.
const start engine.Timestamp = 179537260000

// withAccount are this device and others that the accounts server knows.
func withAccount(others int) []engine.Device {
	all := devices(others)
	for i := range all {
		all[i].AccountID = "account-" + string(all[i].ID)
	}
	return all
}

// theirs is the record of another device with tabs.
func theirs(i int, at engine.Timestamp, urls ...string) engine.Incoming {
	var list []string
	for _, u := range urls {
		list = append(list, fmt.Sprintf(`{"title":"t","urlHistory":[%q],"icon":"","lastUsed":1}`, u))
	}
	return engine.Incoming{ID: other(i), Modified: at, Payload: fmt.Appendf(nil, `{"id":"%s","clientName":"x","tabs":[%s]}`, other(i), strings.Join(list, ","))}
}

// shown lists the addresses of the other devices' tabs, and those that are being closed.
func shown(t testing.TB, e *tabs.Engine) (open, closing []string) {
	t.Helper()
	for d, err := range e.Others(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, tab := range d.Tabs {
			open = append(open, tab.URL())
		}
		for _, tab := range d.Closing {
			closing = append(closing, tab.URL())
		}
	}
	slices.Sort(open)
	slices.Sort(closing)
	return open, closing
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// asked notes what devices are asked.
type asked struct {
	calls []string
	err   error
}

func (a *asked) ask(_ context.Context, accountID string, urls []string) error {
	a.calls = append(a.calls, accountID+" "+strings.Join(urls, " "))
	return a.err
}

// TestClosingATabOfAnotherDevice: it is shown as closed at once, can be taken back until it is
// sent, is sent after a delay, and is over when the device says so.
func TestClosingATabOfAnotherDevice(t *testing.T) {
	t.Parallel()
	e, c := open(t)
	sync(t, e, withAccount(2), start+100, theirs(0, start+100, page(1), page(2)), theirs(1, start+100, page(1)))
	if err := e.CloseRemote(t.Context(), other(0), page(7)); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("a tab that is not there: %v", err)
	}
	if err := e.CloseRemote(t.Context(), own, page(1)); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("a tab of this device: %v", err)
	}
	if err := e.CloseRemote(t.Context(), other(0), page(1), page(7)); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("a tab that is there, and one that is not: %v", err)
	}
	check(t, e.CloseRemote(t.Context(), other(0), page(1)))
	check(t, e.CloseRemote(t.Context(), other(0), page(1)))
	if open, closing := shown(t, e); !slices.Equal(open, []string{page(1), page(2)}) || !slices.Equal(closing, []string{page(1)}) {
		t.Errorf("shown %v, and as closing %v", open, closing)
	}
	check(t, e.UndoClose(t.Context(), other(0), page(1)))
	if open, closing := shown(t, e); len(open) != 3 || closing != nil {
		t.Errorf("after undo: %v and %v", open, closing)
	}
	if err := e.UndoClose(t.Context(), other(0), page(1)); !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("undo twice: %v", err)
	}

	check(t, e.CloseRemote(t.Context(), other(0), page(1)))
	c.Pass(2 * time.Second)
	check(t, e.CloseRemote(t.Context(), other(0), page(2)))
	check(t, e.CloseRemote(t.Context(), other(1), page(1)))
	var a asked
	r, err := e.SendCloses(t.Context(), 5*time.Second, a.ask)
	if err != nil || a.calls != nil || !r.Next.Equal(c.Now().Add(3*time.Second)) {
		t.Fatalf("before the delay: %v, %+v, %v", a.calls, r, err)
	}
	c.Pass(5 * time.Second)
	r, err = e.SendCloses(t.Context(), 5*time.Second, a.ask)
	want := []string{"account-" + string(other(0)) + " " + page(1) + " " + page(2), "account-" + string(other(1)) + " " + page(1)}
	if err != nil || !slices.Equal(a.calls, want) || r != (engine.SentCloses{Sent: 3}) {
		t.Fatalf("asked %v, %+v, %v", a.calls, r, err)
	}
	if r, err := e.SendCloses(t.Context(), 0, a.ask); err != nil || len(a.calls) != 2 || r != (engine.SentCloses{}) {
		t.Errorf("asked again: %v, %+v, %v", a.calls, r, err)
	}
	if err := e.UndoClose(t.Context(), other(0), page(1)); !errors.Is(err, tabs.ErrSent) {
		t.Errorf("undo of what was sent: %v", err)
	}
	pending, err := e.PendingCloses(t.Context())
	if err != nil || len(pending) != 3 || pending[0].Device.Name != "Device 0" || !pending[0].SentAt.Equal(c.Now().Truncate(time.Millisecond)) || pending[0].URL != page(1) {
		t.Errorf("pending: %+v, %v", pending, err)
	}

	// One device closed one tab, and opened another; the other one deleted its record.
	sync(t, e, withAccount(2), start+200, theirs(0, start+200, page(2), page(3)), engine.Incoming{ID: other(1), Modified: start + 200})
	if open, closing := shown(t, e); !slices.Equal(open, []string{page(3)}) || !slices.Equal(closing, []string{page(2)}) {
		t.Errorf("shown %v, and as closing %v", open, closing)
	}
	// It is opened again there, and so shown again.
	sync(t, e, withAccount(2), start+300, theirs(0, start+300))
	sync(t, e, withAccount(2), start+400, theirs(0, start+400, page(1), page(2)))
	if open, closing := shown(t, e); len(open) != 2 || closing != nil {
		t.Errorf("opened again: %v and %v", open, closing)
	}
	if pending, err := e.PendingCloses(t.Context()); err != nil || pending != nil {
		t.Errorf("pending: %+v, %v", pending, err)
	}
}

// partly is an error that says what was not sent.
type partly []string

func (p partly) Error() string     { return "the line was cut" }
func (p partly) NotSent() []string { return p }

// TestAskingADeviceFails: it is tried again after pauses that grow, also by the next process, and
// the user can still take it back.
func TestAskingADeviceFails(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "tabs.db")
	c := testclock.At(time.Unix(1_795_372_600, 0))
	e := openAt(t, path, c.Now)
	sync(t, e, withAccount(1), start+100, theirs(0, start+100, page(1), page(2)))
	check(t, e.CloseRemote(t.Context(), other(0), page(1)))
	check(t, e.CloseRemote(t.Context(), other(0), page(2)))
	a := asked{err: partly{page(2)}}
	r, err := e.SendCloses(t.Context(), 0, a.ask)
	if !errors.Is(err, a.err) && err.Error() != a.err.Error() || r.Sent != 1 || r.Failed != 1 || !r.Next.Equal(c.Now().Add(time.Minute)) {
		t.Fatalf("%+v, %v", r, err)
	}
	a.err = errors.New("no answer")
	pause := time.Minute
	for range 8 {
		c.Pass(pause - time.Second)
		if r, err := e.SendCloses(t.Context(), 0, a.ask); err != nil || r.Failed != 0 {
			t.Errorf("after %v of the pause: %+v, %v", pause-time.Second, r, err)
		}
		check(t, e.Close())
		e = openAt(t, path, c.Now)
		c.Pass(time.Second)
		r, err := e.SendCloses(t.Context(), 0, a.ask)
		if !errors.Is(err, a.err) || r.Failed != 1 || r.Sent != 0 {
			t.Fatalf("after %v: %+v, %v", pause, r, err)
		}
		pause = min(2*pause, time.Hour)
		if !r.Next.Equal(c.Now().Add(pause)) {
			t.Errorf("the next try is in %v, want %v", r.Next.Sub(c.Now()), pause)
		}
	}
	if len(a.calls) != 9 || a.calls[8] != "account-"+string(other(0))+" "+page(2) {
		t.Errorf("asked %d times: %v", len(a.calls), a.calls)
	}
	check(t, e.UndoClose(t.Context(), other(0), page(2)))
	c.Pass(pause)
	if r, err := e.SendCloses(t.Context(), 0, a.ask); err != nil || r != (engine.SentCloses{}) {
		t.Errorf("after undo: %+v, %v", r, err)
	}
	check(t, e.Close())
}

// TestACloseExpires: a device that does not answer for two days still has its tab, and a clock that
// was wrong hides none for ever.
func TestACloseExpires(t *testing.T) {
	t.Parallel()
	for name, passed := range map[string]time.Duration{"two days": tabs.CloseLife, "a clock that was years ahead": -3 * 365 * 24 * time.Hour} {
		e, c := open(t)
		sync(t, e, withAccount(1), start+100, theirs(0, start+100, page(1), page(2)))
		check(t, e.CloseRemote(t.Context(), other(0), page(1)))
		check(t, e.CloseRemote(t.Context(), other(0), page(2)))
		a := asked{err: partly{page(2)}}
		if _, err := e.SendCloses(t.Context(), 0, a.ask); err == nil {
			t.Fatal("it did not fail")
		}
		c.Pass(passed)
		if open, closing := shown(t, e); len(open) != 2 || closing != nil {
			t.Errorf("%s: shown %v and %v", name, open, closing)
		}
		if r, err := e.SendCloses(t.Context(), 0, a.ask); err != nil || len(a.calls) != 1 || r != (engine.SentCloses{}) {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
		if pending, err := e.PendingCloses(t.Context()); err != nil || pending != nil {
			t.Errorf("%s: %+v, %v", name, pending, err)
		}
	}
}

// TestClosesHaveACap: beyond it nothing is queued, and nothing that was is lost.
func TestClosesHaveACap(t *testing.T) {
	t.Parallel()
	e, c := open(t)
	var urls []string
	for i := range tabs.MaxCloses + 1 {
		urls = append(urls, page(i))
	}
	sync(t, e, withAccount(1), start+100, theirs(0, start+100, urls...))
	if err := e.CloseRemote(t.Context(), other(0), urls...); !errors.Is(err, tabs.ErrTooManyCloses) {
		t.Errorf("too many at once: %v", err)
	}
	if pending, err := e.PendingCloses(t.Context()); err != nil || pending != nil {
		t.Errorf("%d of them are pending, %v", len(pending), err)
	}
	check(t, e.CloseRemote(t.Context(), other(0), urls[:tabs.MaxCloses]...))
	if err := e.CloseRemote(t.Context(), other(0), urls[tabs.MaxCloses]); !errors.Is(err, tabs.ErrTooManyCloses) {
		t.Errorf("one more: %v", err)
	}
	if pending, err := e.PendingCloses(t.Context()); err != nil || len(pending) != tabs.MaxCloses {
		t.Errorf("%d are pending, %v", len(pending), err)
	}
	c.Pass(tabs.CloseLife)
	check(t, e.CloseRemote(t.Context(), other(0), urls[tabs.MaxCloses]))
}

// TestUndoWhileADeviceIsAsked: it is refused, because the device closes the tab; when asking failed,
// it is possible again. Asking holds no lock.
func TestUndoWhileADeviceIsAsked(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	sync(t, e, withAccount(1), start+100, theirs(0, start+100, page(1), page(2)))
	check(t, e.CloseRemote(t.Context(), other(0), page(1)))
	lost := errors.New("no answer")
	_, err := e.SendCloses(t.Context(), 0, func(ctx context.Context, _ string, _ []string) error {
		if err := e.UndoClose(ctx, other(0), page(1)); !errors.Is(err, tabs.ErrSent) {
			t.Errorf("undo while it is sent: %v", err)
		}
		return errors.Join(lost, e.CloseRemote(ctx, other(0), page(2)))
	})
	if !errors.Is(err, lost) {
		t.Fatal(err)
	}
	check(t, e.UndoClose(t.Context(), other(0), page(1)))
	check(t, e.UndoClose(t.Context(), other(0), page(2)))
	// A second caller waits, and may give up.
	check(t, e.CloseRemote(t.Context(), other(0), page(1)))
	_, err = e.SendCloses(t.Context(), 0, func(context.Context, string, []string) error {
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := e.SendCloses(gone, 0, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("a second caller: %v", err)
		}
		return nil
	})
	check(t, err)
}

// TestWhatEndsACloseWithoutTheDevice: the device left the account, or the user wiped the tabs here.
// A reset keeps it.
func TestWhatEndsACloseWithoutTheDevice(t *testing.T) {
	t.Parallel()
	e, _ := open(t)
	queue := func() {
		t.Helper()
		sync(t, e, withAccount(1), start+100, theirs(0, start+100, page(1)))
		check(t, e.CloseRemote(t.Context(), other(0), page(1)))
	}
	pending := func() int {
		t.Helper()
		all, err := e.PendingCloses(t.Context())
		check(t, err)
		return len(all)
	}
	queue()
	check(t, e.Reset(t.Context(), engine.Association{Global: "another"}))
	if n := pending(); n != 1 {
		t.Errorf("after a reset %d are pending", n)
	}
	sync(t, e, withAccount(0), start+200)
	if n := pending(); n != 0 {
		t.Errorf("the device left, and %d are pending", n)
	}
	queue()
	check(t, e.Wipe(t.Context()))
	if n := pending(); n != 0 {
		t.Errorf("after a wipe %d are pending", n)
	}
	// A device that the accounts server does not know cannot be asked.
	sync(t, e, devices(1), start+300, theirs(0, start+300, page(1)))
	check(t, e.CloseRemote(t.Context(), other(0), page(1)))
	var a asked
	if r, err := e.SendCloses(t.Context(), 0, a.ask); err != nil || a.calls != nil || r != (engine.SentCloses{}) {
		t.Errorf("asked %v, %+v, %v", a.calls, r, err)
	}
}
