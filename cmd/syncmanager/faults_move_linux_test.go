package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A server that runs is moved to a disk that is too small, which grows after each attempt. Each says so, and lets
// the server write again; the last goes on with what is there.
func TestFaultAMoveFillsTheDisk(t *testing.T) {
	t.Parallel()
	const step = 128 << 10
	disk := t.TempDir()
	size := func(n int) string { return fmt.Sprintf("size=%d", n*step) }
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, size(1)); err != nil {
		t.Skip("left out: only root can mount a small disk: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(disk, syscall.MNT_DETACH) })
	main := &cluster{t: t, dir: filepath.Join(t.TempDir(), "main"), args: []string{"--sign-up", "open"}}
	main.listen()
	main.add()
	to := filepath.Join(disk, "new")
	during(t, main, func(l *load) {
		full, marked := 0, 0
		for n := 2; ; n++ {
			out, code := main.move(to)
			if code == exitDone {
				break
			}
			// SQLite may say that it cannot write, where it is its index that has no room.
			if !strings.Contains(out, "disk") && !strings.Contains(out, "no space left") || n > 100 {
				t.Fatalf("a move to a disk of %s: %d: %s", size(n-1), code, out)
			}
			full++
			if _, err := os.Stat(filepath.Join(to, "moving")); err == nil {
				marked++
			}
			l.awaitAcked(5) // the server writes
			check(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, size(n)))
		}
		t.Logf("%d moves filled the disk, %d of them had begun to copy", full, marked)
		if full < 2 || marked == 0 {
			t.Error("the disk was not full in the middle of a move")
		}
		main.kill(main.nodes[0])
		check(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, size(1000)))
		main.dir = to
		main.add()
		l.awaitAcked(20)
	})
}
