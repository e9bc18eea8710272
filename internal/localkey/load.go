package localkey

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// FileName is the key's file within its folder: 64 hexadecimal digits.
const FileName = "local.key"

var (
	// ErrMissing means that there is data sealed with a key, and no key.
	ErrMissing = errors.New("this device's local key is gone, and without it the encrypted data cannot be read; restore it from a backup, or remove the data and sync again")
	// ErrDamaged means that what is stored as the key is not a key.
	ErrDamaged = errors.New("this device's local key is damaged; restore it from a backup, or remove it with the data and sync again")
)

// Ring is a secret store of the system. NotFound must be wrapped where it has
// nothing.
type Ring interface {
	Get(service, account string) (string, error)
	Set(service, account, secret string) error
}

// ErrNotInRing is what a Ring returns when it has nothing.
var ErrNotInRing = errors.New("not in the keyring")

// Options say how Load works.
type Options struct {
	// Random makes a new key.
	Random io.Reader
	// HaveData tells that something was sealed already: a new key would not open
	// it, so none is made.
	HaveData bool
	// Ring is where the key is kept, if not nil and there is no file; see System.
	// A ring that fails or does not answer is passed over for the file.
	Ring Ring
	// Service and Account name the key in the ring.
	Service, Account string
	// Deadline bounds each call of the ring; 0: three seconds.
	Deadline time.Duration
}

// Load returns this device's local key, and makes it when there is none. It is in
// the file local.key in dir (the file 0600, the folder 0700), or in o.Ring.
func Load(ctx context.Context, dir string, o Options) (Key, error) {
	k, err := load(ctx, dir, o)
	if err != nil {
		return Key{}, fmt.Errorf("cannot load the local key of %s: %w", dir, err)
	}
	return k, nil
}

func load(ctx context.Context, dir string, o Options) (Key, error) {
	path := filepath.Join(dir, FileName)
	k, err := readFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	ring := deadlined{o.Ring, o.Deadline}
	if o.Ring != nil {
		secret, err := ring.get(ctx, o.Service, o.Account)
		switch {
		case err == nil:
			return parse([]byte(secret))
		case o.HaveData && !errors.Is(err, ErrNotInRing):
			return Key{}, fmt.Errorf("the system's keyring, where it may be, did not give it: %w", err)
		case !errors.Is(err, ErrNotInRing):
			o.Ring = nil
		}
	}
	if o.HaveData {
		return Key{}, ErrMissing
	}
	if k, err = New(o.Random); err != nil {
		return Key{}, err
	}
	if o.Ring != nil && ring.set(ctx, o.Service, o.Account, hex.EncodeToString(k[:])) == nil {
		return k, nil
	}
	return create(dir, path, k)
}

func parse(text []byte) (k Key, err error) {
	text = bytes.TrimSpace(text)
	if len(text) != hex.EncodedLen(len(k)) {
		return Key{}, ErrDamaged
	}
	if _, err := hex.Decode(k[:], text); err != nil {
		return Key{}, ErrDamaged
	}
	return k, nil
}

// readFile reads the key, and takes the file from others if it was open to them.
func readFile(path string) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Key{}, err
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		if err := f.Chmod(0o600); err != nil {
			return Key{}, fmt.Errorf("others can read it: %w", err)
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return Key{}, err
	}
	return parse(text)
}

// create writes the key so that the file is there whole or not at all. If another
// process was first, its key stands.
func create(dir, path string, k Key) (Key, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Key{}, err
	}
	f, err := os.CreateTemp(dir, FileName+".*") // 0600
	if err != nil {
		return Key{}, err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.WriteString(hex.EncodeToString(k[:]) + "\n")
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return Key{}, err
	}
	err = os.Link(f.Name(), path)
	switch {
	case errors.Is(err, fs.ErrExist):
		return readFile(path)
	case err != nil: // a file system without links
		err = os.Rename(f.Name(), path)
	}
	return k, err
}
