package localkey_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/syncmanager/syncmanager/internal/localkey"
)

func TestSealedOpensInItsPlaceOnly(t *testing.T) {
	t.Parallel()
	s := localkey.Key{1}.Sealer(rand.Reader)
	sealed, err := s.Seal([]byte("hunter2"), []byte("id"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("hunter2")) {
		t.Fatal("the plaintext is in the sealed text")
	}
	if got, err := s.Open(sealed, []byte("id")); err != nil || string(got) != "hunter2" {
		t.Fatalf("opened %q, %v", got, err)
	}
	other := localkey.Key{2}.Sealer(rand.Reader)
	for name, open := range map[string]func() ([]byte, error){
		"elsewhere":         func() ([]byte, error) { return s.Open(sealed, []byte("other id")) },
		"under another key": func() ([]byte, error) { return other.Open(sealed, []byte("id")) },
		"cut":               func() ([]byte, error) { return s.Open(sealed[:20], []byte("id")) },
		"empty":             func() ([]byte, error) { return s.Open(nil, []byte("id")) },
	} {
		if got, err := open(); !errors.Is(err, localkey.ErrOpen) || got != nil {
			t.Errorf("%s: %q, %v; want ErrOpen", name, got, err)
		}
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := s.Open(bad, []byte("id")); !errors.Is(err, localkey.ErrOpen) {
			t.Fatalf("byte %d changed, and it opens: %v", i, err)
		}
	}
}

func TestEachSealDiffers(t *testing.T) {
	t.Parallel()
	s := localkey.Key{1}.Sealer(rand.Reader)
	a, _ := s.Seal([]byte("x"), nil)
	b, _ := s.Seal([]byte("x"), nil)
	if bytes.Equal(a, b) {
		t.Fatal("two seals of the same text are the same")
	}
}

func TestSubkeysDiffer(t *testing.T) {
	t.Parallel()
	k := localkey.Key{1}
	if k.Subkey("a") == k.Subkey("b") || k.Subkey("a") == k || k.Subkey("a") != k.Subkey("a") {
		t.Fatal("subkeys must differ by purpose, and by that alone")
	}
	if bytes.Equal(k.Subkey("a").MAC([]byte("v")), k.Subkey("b").MAC([]byte("v"))) {
		t.Fatal("MACs under two keys are the same")
	}
}

func TestKeyDoesNotPrint(t *testing.T) {
	t.Parallel()
	k := localkey.Key{0xab, 0xcd}
	for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s", k, k, k, k)} {
		if strings.Contains(s, "171") || strings.Contains(s, "ab") {
			t.Errorf("the key prints: %s", s)
		}
	}
}

func load(t *testing.T, dir string, change ...func(*localkey.Options)) (localkey.Key, error) {
	t.Helper()
	o := localkey.Options{Random: rand.Reader, Service: "s", Account: "a"}
	for _, c := range change {
		c(&o)
	}
	return localkey.Load(t.Context(), dir, o)
}

func TestFileKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "profile")
	first, err := load(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := load(t, dir, func(o *localkey.Options) { o.HaveData = true })
	if err != nil || again != first || first == (localkey.Key{}) {
		t.Fatalf("loaded again: same %v, %v", again == first, err)
	}
	for name, want := range map[string]fs.FileMode{"": 0o700, localkey.FileName: 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q has mode %v, %v; want %v", name, info.Mode().Perm(), err, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.key.*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestLooseFileIsTightened(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := load(t, dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, localkey.FileName)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := load(t, dir); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v", info.Mode().Perm())
	}
}

func TestMissingAndDamagedKeysAreNotReplaced(t *testing.T) {
	t.Parallel()
	if _, err := load(t, t.TempDir(), func(o *localkey.Options) { o.HaveData = true }); !errors.Is(err, localkey.ErrMissing) {
		t.Errorf("no key, but data: %v; want ErrMissing", err)
	}
	for _, text := range []string{"", "abcd", strings.Repeat("z", 64), strings.Repeat("a", 66), strings.Repeat("a", 5000)} {
		dir := t.TempDir()
		path := filepath.Join(dir, localkey.FileName)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := load(t, dir); !errors.Is(err, localkey.ErrDamaged) {
			t.Errorf("key file of %d bytes: %v; want ErrDamaged", len(text), err)
		}
		if after, _ := os.ReadFile(path); string(after) != text {
			t.Errorf("the damaged file of %d bytes was changed", len(text))
		}
	}
}

func TestTwoProcessesGetOneKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keys := make([]localkey.Key, 16)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			var err error
			if keys[i], err = load(t, dir); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, k := range keys {
		if k != keys[0] {
			t.Fatal("two loads made two keys")
		}
	}
}

// ring is a keyring in memory that can fail or not answer.
type ring struct {
	secrets map[string]string
	broken  error
	silent  chan struct{}
}

func (r *ring) wait() error {
	if r.silent != nil {
		<-r.silent
	}
	return r.broken
}

func (r *ring) Get(service, account string) (string, error) {
	if err := r.wait(); err != nil {
		return "", err
	}
	s, ok := r.secrets[service+"/"+account]
	if !ok {
		return "", localkey.ErrNotInRing
	}
	return s, nil
}

func (r *ring) Set(service, account, secret string) error {
	if err := r.wait(); err != nil {
		return err
	}
	r.secrets[service+"/"+account] = secret
	return nil
}

func in(r *ring) func(*localkey.Options) { return func(o *localkey.Options) { o.Ring = r } }

func TestRingKeepsTheKey(t *testing.T) {
	t.Parallel()
	dir, r := t.TempDir(), &ring{secrets: map[string]string{}}
	first, err := load(t, dir, in(r))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, localkey.FileName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the key is in a file too: %v", err)
	}
	if again, err := load(t, dir, in(r)); err != nil || again != first {
		t.Errorf("loaded again: same %v, %v", again == first, err)
	}
	delete(r.secrets, "s/a")
	haveData := func(o *localkey.Options) { o.HaveData = true }
	if _, err := load(t, dir, in(r), haveData); !errors.Is(err, localkey.ErrMissing) {
		t.Errorf("gone from the ring: %v; want ErrMissing", err)
	}
	r.broken = errors.New("locked")
	if _, err := load(t, dir, in(r), haveData); !errors.Is(err, r.broken) {
		t.Errorf("locked ring: %v; want its error", err)
	}
}

func TestSilentRingGivesWayToTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var first localkey.Key
	synctest.Test(t, func(t *testing.T) {
		r := &ring{silent: make(chan struct{})}
		defer close(r.silent)
		var err error
		first, err = localkey.Load(context.Background(), dir, localkey.Options{Random: rand.Reader, Ring: r})
		if err != nil {
			t.Fatal(err)
		}
	})
	if again, err := load(t, dir); err != nil || again != first {
		t.Errorf("not in the file: same %v, %v", again == first, err)
	}
}
