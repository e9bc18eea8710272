package security_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/server/security"
)

// A flood of one kind of event leaves the others, and the newest come first.
func TestLast(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	now := time.Unix(1_795_372_558, 0)
	l := security.New(slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { now = now.Add(time.Second); return now }, func(security.Event, security.Reason) {})
	l.Note(security.By(t.Context(), "boss", "192.0.2.1:1"), security.ByOperator, security.UserRemoved, "", "ann")
	for i := range 3 * security.Kept {
		l.Note(t.Context(), security.TokenRefused, security.NoToken, "192.0.2.2:1", fmt.Sprint(i))
	}
	all := l.Last(func(security.Entry) bool { return true })
	if len(all) != security.Kept+1 || all[0].UID != fmt.Sprint(3*security.Kept-1) || all[0].From != "192.0.2.2" {
		t.Fatalf("%d events, the newest is %+v", len(all), all[0])
	}
	want := security.Entry{At: all[security.Kept].At, Event: security.ByOperator, Reason: security.UserRemoved, From: "192.0.2.1", UID: "ann", Operator: "boss"}
	if got := all[security.Kept]; got != want {
		t.Errorf("the oldest is %+v, want %+v", got, want)
	}
	if !strings.Contains(log.String(), "msg=security event=by_operator reason=user_removed from=192.0.2.1 uid=ann operator=boss\n") {
		t.Errorf("the log begins with %.200s", &log)
	}
	if some := l.Last(func(e security.Entry) bool { return e.Operator == "boss" }); len(some) != 1 {
		t.Errorf("%+v", some)
	}
	if none := (*security.Log)(nil).Last(nil); none != nil {
		t.Errorf("of no log: %+v", none)
	}
}
