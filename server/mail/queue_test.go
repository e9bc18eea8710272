package mail_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/mailtest"
	"github.com/syncmanager/syncmanager/server/mail"
	"github.com/syncmanager/syncmanager/server/outbox"
)

// A message that a process had taken, and could not send before it was killed, is sent by the next
// one, once.
func TestProcessThatWasKilled(t *testing.T) {
	t.Parallel()
	place := outbox.Place{Dir: t.TempDir(), Key: bytes.Repeat([]byte("k"), 32)}
	open := func() outbox.Queue {
		d, err := outbox.Open(t.Context(), place)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	began, hang := make(chan struct{}, 9), make(chan struct{})
	dead := newEnv(t, mailtest.Options{AtData: func() error {
		began <- struct{}{}
		<-hang
		return nil
	}})
	now := time.Unix(1_795_372_558, 0)
	first := dead.sender("", func(c *mail.Config) { c.Patience, c.Queue = time.Nanosecond, open() })
	t.Cleanup(func() { close(hang) })
	if err := first.Send(t.Context(), note); err != nil {
		t.Fatal(err)
	}
	<-began // and is never heard of again

	alive := newEnv(t, mailtest.Options{})
	next := alive.sender("", func(c *mail.Config) {
		c.Queue, c.Now = open(), func() time.Time { return now.Add(10 * time.Minute) }
	})
	m := alive.next()
	if m.To != ann || strings.TrimSpace(m.Code()) != "123456" || m.Header.Get("Date") != "Sun, 22 Nov 2026 18:35:58 +0000" {
		t.Errorf("what came is %+v", m)
	}
	next.Close(context.Background())
	if n := next.Waiting() + alive.Waiting(); n > 0 {
		t.Errorf("%d messages are left", n)
	}
}
