package main

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
)

// A sync shows what each engine does, and does not show steps without records.
func TestSyncProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := (&term.Console{Err: &out}).NewProgress()
		time.Sleep(2 * time.Second) // the bubble's time
		showProgress(p, syncmanager.Progress{Phase: "setup"})
		showProgress(p, syncmanager.Progress{Engine: "passwords", Phase: "download", Records: 3000})
		showProgress(p, syncmanager.Progress{Engine: "passwords", Phase: "done"})
		time.Sleep(time.Minute)
		showProgress(p, syncmanager.Progress{Engine: "tabs", Phase: "upload", Records: 4})
		if want := "passwords receiving 3,000\ntabs sending 4\n"; out.String() != want {
			t.Errorf("got %q, want %q", out.String(), want)
		}
	})
}
