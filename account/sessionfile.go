package account

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/syncmanager/syncmanager/internal/localkey"
	"github.com/syncmanager/syncmanager/internal/sealedfile"
)

// ErrNoSession means that a SessionFile holds none: nobody signed in, or somebody
// signed out.
var ErrNoSession = errors.New("not signed in")

// SessionFile keeps a session between two runs of an app, in a file, 0600, that
// opens with this device's local key alone:
//
//	file := account.SessionFile{Path: path, Key: key}
//	c, err := account.New(account.Config{Server: server, Save: file.Save})
//
//	a, err := c.Login(ctx, email, password) // once
//	err = a.RegisterDevice(ctx, "Ann's laptop", "desktop")
//
//	session, err := file.Load() // and ever after
//	a := c.Resume(session)
type SessionFile struct {
	// Path is the file; its folder must exist.
	Path string
	// Key is the local key; see syncmanager.LocalKey.
	Key [32]byte
}

func (f SessionFile) file() sealedfile.File {
	sealer := localkey.Key(f.Key).Subkey("session").Sealer(rand.Reader) //nolint:forbidigo // a nonce must not come twice
	return sealedfile.File{Path: f.Path, Sealer: sealer}
}

// Save keeps s. It is what Config.Save takes.
func (f SessionFile) Save(s Session) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return f.file().Write(text)
}

// Load returns the session that was kept, or ErrNoSession. Where it cannot be read,
// signing in again makes a new one.
func (f SessionFile) Load() (s Session, err error) {
	text, err := f.file().Read()
	switch {
	case err != nil:
	case text == nil:
		return s, ErrNoSession
	default:
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return Session{}, fmt.Errorf("the sign-in in %s cannot be used: %w", f.Path, err)
	}
	return s, nil
}

// Remove forgets the session, on this device alone; see Account.SignOut.
func (f SessionFile) Remove() error {
	if err := os.Remove(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
