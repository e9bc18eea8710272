package account_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/account"
)

func TestASessionOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	f := account.SessionFile{Path: filepath.Join(t.TempDir(), "session"), Key: [32]byte{1}}
	if _, err := f.Load(); !errors.Is(err, account.ErrNoSession) {
		t.Errorf("before anybody signed in: %v", err)
	}
	want := account.Session{Server: "https://sync.example", Email: "ann@example.org", UID: "uid", Token: "secret", Key: []byte("key"), KeyID: "kid"}
	want.Kept().DeviceID, want.Kept().Salt, want.Kept().CommandIndex = "device", "salt", 3
	want.Kept().Endpoints.Auth = "https://sync.example/auth/v1"
	if err := f.Save(want); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Load(); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("it came back as %v, %v", got, err)
	}
	raw, err := os.ReadFile(f.Path)
	if err != nil || strings.Contains(string(raw), "secret") || strings.Contains(string(raw), "example") {
		t.Errorf("the file can be read without the key: %v", err)
	}
	if info, err := os.Stat(f.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	other := account.SessionFile{Path: f.Path, Key: [32]byte{2}}
	if _, err := other.Load(); err == nil || errors.Is(err, account.ErrNoSession) || !strings.Contains(err.Error(), "local key") {
		t.Errorf("with another key: %v", err)
	}
	for range 2 {
		if err := f.Remove(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.Load(); !errors.Is(err, account.ErrNoSession) {
		t.Errorf("after Remove: %v", err)
	}
}
