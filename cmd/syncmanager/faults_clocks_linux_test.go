package main

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

// apart is the difference between the clocks.
const apart = time.Minute

// ahead is the command on a machine whose clock is ahead.
func ahead() {
	a := &app{
		Console: term.Console{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, getenv: os.Getenv,
		now: func() time.Time { return time.Now().Add(apart) },
	}
	os.Exit(a.run(context.Background(), os.Args[1:]))
}

// The clocks of two servers differ, and each request goes to the other one. Then there is only the one that is
// behind: what it writes is later than all that was written before, whatever its clock says.
func TestFaultTheClocksDiffer(t *testing.T) {
	t.Parallel()
	c := newCluster(t, pgtest.Own(t).URL(""), 1)
	c.program = "ahead"
	later := c.add()
	during(t, c, func(l *load) {
		l.awaitAcked(200)
		c.kill(later)
		l.awaitAcked(100)
		for i, u := range l.users {
			if at := bso.Timestamp(u.latest.Load()); at.Time().Before(time.Now().Add(apart / 2)) {
				t.Errorf("user %d: the last write has the time %v: no clock is ahead", i, at)
			}
		}
	})
}
