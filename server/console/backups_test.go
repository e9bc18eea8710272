package console

import (
	"errors"
	"testing"
)

// Two backups are never made at the same time.
func TestOneBackupAtATime(t *testing.T) {
	t.Parallel()
	b := &backups{cfg: Config{Backups: t.TempDir()}, running: true}
	if err := b.start(t.Context()); !errors.Is(err, errBackupRuns) {
		t.Errorf("a second one: %v", err)
	}
}
