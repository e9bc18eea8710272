package term

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressSpeaksAfterASecondAndThenNowAndThen(t *testing.T) {
	now := time.Unix(0, 0)
	var out strings.Builder
	p := &Progress{out: &out, now: func() time.Time { return now }, next: now.Add(patience), steps: map[string]string{}}
	step := func(after time.Duration, records int) {
		now = now.Add(after)
		p.Say("passwords", "passwords receiving "+Count(records))
	}
	step(900*time.Millisecond, 1000)
	if out.Len() > 0 {
		t.Errorf("a word before a second was over: %q", out.String())
	}
	step(200*time.Millisecond, 2000)
	step(9*time.Second, 3000)
	step(2*time.Second, 40000)
	if want := "passwords receiving 2,000\npasswords receiving 40,000\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	p.Done()
	step(time.Hour, 50000)
	if strings.Contains(out.String(), "50,000") {
		t.Error("it went on after the end")
	}
}

func TestProgressTellsOfWorkThatDoesNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		p := &Progress{out: &out, now: time.Now, next: time.Now().Add(patience), steps: map[string]string{}}
		p.While("importing", func() { time.Sleep(15 * time.Second) }) // the bubble's time
		if want := "importing\nimporting\n"; out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
		p.Say("more", "more")
		if strings.Contains(out.String(), "more") {
			t.Error("it went on after the end")
		}
	})
}
