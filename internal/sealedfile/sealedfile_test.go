package sealedfile

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/internal/localkey"
)

func TestAWriteThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "settings.json")
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("new")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestASealedFileIsBoundToItsName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	sealer := localkey.Key{1}.Sealer(rand.Reader)
	one := File{filepath.Join(dir, "one"), sealer}
	if b, err := one.Read(); b != nil || err != nil {
		t.Errorf("before it is written: %q, %v", b, err)
	}
	if err := one.Write([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	if b, err := one.Read(); string(b) != "secret" || err != nil {
		t.Errorf("read back: %q, %v", b, err)
	}
	if err := os.Rename(one.Path, filepath.Join(dir, "two")); err != nil {
		t.Fatal(err)
	}
	if _, err := (File{filepath.Join(dir, "two"), sealer}).Read(); err == nil {
		t.Error("it opens under another name")
	}
}
