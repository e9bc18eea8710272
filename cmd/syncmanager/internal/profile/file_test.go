package profile

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAWriteThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "settings.json")
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(path, []byte("new")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestASealedFileIsBoundToItsName(t *testing.T) {
	dir := t.TempDir()
	sealer := localKey(t).Sealer(constant('r'))
	one := sealedFile{filepath.Join(dir, "one"), sealer}
	if b, err := one.read(); b != nil || err != nil {
		t.Errorf("before it is written: %q, %v", b, err)
	}
	if err := one.write([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	if b, err := one.read(); string(b) != "secret" || err != nil {
		t.Errorf("read back: %q, %v", b, err)
	}
	if err := os.Rename(one.path, filepath.Join(dir, "two")); err != nil {
		t.Fatal(err)
	}
	if _, err := (sealedFile{filepath.Join(dir, "two"), sealer}).read(); err == nil {
		t.Error("it opens under another name")
	}
}
