package dirlock_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/dirlock"
)

func TestAcquire(t *testing.T) {
	dir := t.TempDir()
	release, err := dirlock.Acquire(dir, "lock")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dirlock.Acquire(dir, "lock"); !errors.Is(err, dirlock.ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("a second time: %v, want ErrLocked with the folder", err)
	}
	other, err := dirlock.Acquire(dir, "other")
	if err != nil {
		t.Errorf("another purpose: %v", err)
	} else if err := other(); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "lock")); err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Errorf("the file: %v, %v", info, err)
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	again, err := dirlock.Acquire(dir, "lock")
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	if err := again(); err != nil {
		t.Error(err)
	}
	if _, err := dirlock.Acquire(filepath.Join(dir, "nowhere"), "lock"); err == nil || errors.Is(err, dirlock.ErrLocked) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

// The lock holds against another process, and ends when that is killed.
func TestOtherProcess(t *testing.T) {
	if dir := os.Getenv("DIRLOCK_TEST_DIR"); dir != "" {
		if _, err := dirlock.Acquire(dir, "lock"); err != nil {
			t.Fatal(err)
		}
		os.Stdout.WriteString("held\n")
		select {} // until killed
	}
	dir := t.TempDir()
	child := exec.Command(os.Args[0], "-test.run=^TestOtherProcess$")
	child.Env = append(os.Environ(), "DIRLOCK_TEST_DIR="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if _, err := dirlock.Acquire(dir, "lock"); !errors.Is(err, dirlock.ErrLocked) {
		t.Errorf("held by another process: %v, want ErrLocked", err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	release, err := dirlock.Acquire(dir, "lock")
	if err != nil {
		t.Fatalf("after its death: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}
