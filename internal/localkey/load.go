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

// FileName is the name of the key's file in its folder. It contains 64 hexadecimal digits.
const FileName = "local.key"

var (
	// ErrMissing means that there is encrypted data, but no key.
	ErrMissing = errors.New("this device's local key is missing, and the encrypted data cannot be read without it: restore it from a backup, or remove the data and sync again")
	// ErrDamaged means that the stored key is not valid.
	ErrDamaged = errors.New("this device's local key is damaged: restore it from a backup, or remove it with the data and sync again")
)

// Ring is a keyring: a secret store of the system. Get must return an error that wraps
// [ErrNotInRing] if the ring has no such secret.
type Ring interface {
	Get(service, account string) (string, error)
	Set(service, account, secret string) error
}

// ErrNotInRing means that a [Ring] does not have a secret.
var ErrNotInRing = errors.New("not in the keyring")

// Options configure [Load].
type Options struct {
	// Random is the source for a new key.
	Random io.Reader
	// HaveData says that encrypted data exists. Load then does not make a new key, which
	// could not decrypt the data.
	HaveData bool
	// Ring, if set, stores the key if the key's file does not exist; package keyring has the
	// system's. If the ring fails or does not answer, Load uses the file instead.
	Ring Ring
	// Service and Account identify the key in the ring.
	Service, Account string
	// Deadline bounds each call of the ring; 0 means three seconds.
	Deadline time.Duration
}

// Load returns this device's local key, and makes it if there is none. The key is in the file
// [FileName] in dir (mode 0600, the folder 0700), or in [Options.Ring]. Errors wrap
// [ErrMissing], [ErrDamaged], or the failure of a file or the ring.
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
			return Key{}, fmt.Errorf("the system's keyring, which may contain the key, failed: %w", err)
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

// readFile reads the key. If other users can read the file, readFile changes its mode to
// 0600.
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
			return Key{}, fmt.Errorf("other users can read it: %w", err)
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, 1024))
	if err != nil {
		return Key{}, err
	}
	return parse(text)
}

// create writes the key's file atomically. If another process has created it meanwhile,
// create returns that key.
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
