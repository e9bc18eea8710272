package account_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/account"
)

// two returns two devices of one account, and the first as the second sees it.
func two(t *testing.T, w *env) (a, b *account.Account, toB account.Device) {
	t.Helper()
	a, b = w.create(), w.login()
	for name, d := range map[string]*account.Account{"desk": a, "lap": b} {
		if err := d.RegisterDevice(t.Context(), name, "desktop"); err != nil {
			t.Fatal(err)
		}
	}
	return a, b, other(t, a)
}

// other returns the account's device that is not a.
func other(t *testing.T, a *account.Account) account.Device {
	t.Helper()
	list, err := a.Devices(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list[slices.IndexFunc(list, func(d account.Device) bool { return !d.Current })]
}

func receive(t *testing.T, a *account.Account) []account.Message {
	t.Helper()
	var all []account.Message
	err := a.Receive(t.Context(), "name", "desktop", func(list []account.Message) error {
		all = append(all, list...)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestSendAndCloseTabs(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a, b, to := two(t, w)
	if !to.TakesTabs || !to.ClosesTabs {
		t.Errorf("the other device takes nothing: %+v", to)
	}
	tab := account.Tab{Title: "A page", URL: "https://example.org/a?b=1&c=2"}
	if err := a.SendTab(t.Context(), to.ID, tab); err != nil {
		t.Fatal(err)
	}
	if err := a.CloseTabs(t.Context(), to.ID, []string{"https://a.example", "https://b.example"}); err != nil {
		t.Fatal(err)
	}
	got := receive(t, b)
	if len(got) != 2 || got[0].Tab == nil || *got[0].Tab != tab || got[0].Sender != a.DeviceID() ||
		got[1].Tab != nil || !slices.Equal(got[1].Close, []string{"https://a.example", "https://b.example"}) || got[1].Index <= got[0].Index {
		t.Fatalf("received %+v", got)
	}
	before := b.Requests()
	if again := receive(t, b); len(again) != 0 || b.Requests() != before+1 {
		t.Errorf("received again: %+v, %d requests", again, b.Requests()-before)
	}
	if own := receive(t, a); len(own) != 0 {
		t.Errorf("the sender received %+v", own)
	}
}

// A message that could not be stored is received again, also by the next process.
func TestReceivedIsWhatWasKept(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a, b, to := two(t, w)
	if err := a.SendTab(t.Context(), to.ID, account.Tab{URL: "https://example.org/"}); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	err := b.Receive(t.Context(), "lap", "desktop", func([]account.Message) error { return full })
	if !errors.Is(err, full) {
		t.Fatal(err)
	}
	next := w.client(nil).Resume(b.Session())
	if got := receive(t, next); len(got) != 1 {
		t.Errorf("received %+v", got)
	}
	if got := receive(t, w.client(nil).Resume(next.Session())); len(got) != 0 {
		t.Errorf("received again: %+v", got)
	}
}

// There are more messages than the server returns at once, each of the maximum length.
func TestManyMessages(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a, b, to := two(t, w)
	const n = 110
	long := "/" + strings.Repeat("x", 15<<10)
	for i := range n {
		if err := a.SendTab(t.Context(), to.ID, account.Tab{URL: fmt.Sprintf("https://example.org/%d", i) + long}); err != nil {
			t.Fatal(err)
		}
	}
	got := receive(t, b)
	if len(got) != n {
		t.Fatalf("%d messages of %d", len(got), n)
	}
	for i, m := range got {
		if want := fmt.Sprintf("https://example.org/%d", i) + long; m.Tab.URL != want {
			t.Fatalf("message %d is %.40s", i, m.Tab.URL)
		}
	}
}

// A message for keys that this device no longer has is named, and does not block others.
func TestUnreadableMessageIsNamed(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a, b, to := two(t, w)
	if err := a.SendTab(t.Context(), to.ID, account.Tab{URL: "https://lost.example/"}); err != nil {
		t.Fatal(err)
	}
	s := b.Session()
	s.Kept().Commands = nil
	var log bytes.Buffer
	c := w.client(func(c *account.Config) { c.Log = slog.New(slog.NewTextHandler(&log, nil)) }).Resume(s)
	// A device that did not accept messages so far registers for them.
	got, now := receive(t, c), c.Session()
	if len(got) != 0 || now.Kept().Commands == nil || c.Requests() != 1 {
		t.Fatalf("received %+v in %d requests", got, c.Requests())
	}
	if err := a.SendTab(t.Context(), other(t, a).ID, account.Tab{URL: "https://example.org/"}); err != nil {
		t.Fatal(err)
	}
	list := receive(t, c)
	if len(list) != 2 || list[0].Err == nil || list[0].Tab != nil || list[0].Sender != a.DeviceID() || list[1].Err != nil || list[1].Tab.URL != "https://example.org/" {
		t.Errorf("received %+v", list)
	}
	if again := receive(t, c); len(again) != 0 {
		t.Errorf("received again: %+v", again)
	}
	if !strings.Contains(log.String(), "cannot be used") || strings.Contains(log.String()+list[0].Err.Error(), "example") {
		t.Errorf("the log is %s, the error %v", log.String(), list[0].Err)
	}
}

func TestWhatCannotBeSent(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	a, _, to := two(t, w)
	page := account.Tab{URL: "https://example.org/"}
	before := a.Requests()
	for _, id := range []string{"", "gone", a.DeviceID()} {
		if err := a.SendTab(t.Context(), id, page); !errors.Is(err, account.ErrNoDevice) {
			t.Errorf("a page to device %q: %v", id, err)
		}
		if err := a.CloseTabs(t.Context(), id, []string{page.URL}); !errors.Is(err, account.ErrNoDevice) {
			t.Errorf("close on device %q: %v", id, err)
		}
	}
	if n := a.Requests() - before; n != 4 {
		t.Errorf("%d requests", n)
	}
	takesNothing := w.client(func(c *account.Config) {
		c.Transport = changed(c.Transport, "/account/devices", func([]byte) []byte { return []byte(`[{"id":"old","name":"old"}]`) })
	}).Resume(a.Session())
	if err := takesNothing.SendTab(t.Context(), "old", page); !errors.Is(err, account.ErrNoCommand) {
		t.Errorf("to a device that takes nothing: %v", err)
	}
	if err := takesNothing.CloseTabs(t.Context(), "old", []string{page.URL}); !errors.Is(err, account.ErrNoCommand) {
		t.Errorf("close on a device that takes nothing: %v", err)
	}
	if err := a.CloseTabs(t.Context(), to.ID, []string{strings.Repeat("x", 20_000)}); !errors.Is(err, account.ErrTooLong) {
		t.Errorf("a long address: %v", err)
	}
	s := a.Session()
	s.Key = bytes.Repeat([]byte{1}, len(s.Key))
	forger := w.client(nil).Resume(s)
	if err := forger.SendTab(t.Context(), to.ID, page); !errors.Is(err, account.ErrDeviceKeys) {
		t.Errorf("with another key: %v", err)
	}
}

// hostileCommands answers requests for messages, and passes the others on.
type hostileCommands struct {
	http.RoundTripper
	asked  int
	answer func(index int) string
}

func (h *hostileCommands) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/device/commands") {
		return h.RoundTripper.RoundTrip(r)
	}
	h.asked++
	index, _ := strconv.Atoi(r.URL.Query().Get("index"))
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		Body: io.NopCloser(strings.NewReader(h.answer(index))),
	}, nil
}

// A server that repeats messages, damages them or never ends makes no device receive anything
// twice, stop, or go on for ever.
func TestHostileMessages(t *testing.T) {
	t.Parallel()
	w := newEnv(t, nil)
	_, b, _ := two(t, w)
	net := &hostileCommands{}
	c := w.client(func(c *account.Config) {
		net.RoundTripper = c.Transport
		c.Transport = net
	}).Resume(b.Session())
	page := func(last bool, messages ...string) string {
		return fmt.Sprintf(`{"index":1,"last":%v,"messages":[%s]}`, last, strings.Join(messages, ","))
	}
	net.answer = func(int) string {
		return page(true, `{"index":5,"data":{"sender":"x","command":"https://example.org/dance","payload":{}}}`, `{"index":6}`, `{}`,
			`{"index":7,"data":{"command":"https://identity.mozilla.com/cmd/open-uri","payload":"text"}}`,
			`{"index":6,"data":{"command":"again"}}`, `{"index":-1}`, `{"index":9223372036854775807}`)
	}
	for round := range 2 {
		got := receive(t, c)
		if round == 1 {
			if len(got) != 0 {
				t.Errorf("the same messages again: %+v", got)
			}
			break
		}
		// The one without an index counts as the first.
		if len(got) != 3 || !strings.Contains(got[0].Err.Error(), `"https://example.org/dance" is not known here`) || got[1].Err == nil || got[2].Err == nil {
			t.Errorf("received %+v", got)
		}
	}
	net.asked = 0
	net.answer = func(index int) string { return page(false, fmt.Sprintf(`{"index":%d,"data":{"command":"x"}}`, index)) }
	if got := receive(t, c); len(got) != 50 || net.asked != 50 {
		t.Errorf("a list without an end: %d messages in %d requests", len(got), net.asked)
	}
	// More at once than was asked for come in parts.
	many := make([]string, 70)
	net.answer = func(index int) string {
		for i := range many {
			many[i] = fmt.Sprintf(`{"index":%d,"data":{"command":"x"}}`, 1000+i)
		}
		return page(true, many[min(max(index-1000, 0), len(many)):]...)
	}
	most, all := 0, 0
	err := c.Receive(t.Context(), "name", "desktop", func(list []account.Message) error {
		most, all = max(most, len(list)), all+len(list)
		return nil
	})
	if err != nil || most != 20 || all != 70 {
		t.Errorf("%d messages, up to %d at once: %v", all, most, err)
	}
}
