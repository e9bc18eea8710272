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

// ErrNoSession means that a [SessionFile] has no session: nobody has signed in, or the user
// signed out.
var ErrNoSession = errors.New("not signed in")

// SessionFile stores a session between two runs of an app, in a file with mode 0600 that is
// encrypted with this device's local key:
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
	// Key is the local key; see [github.com/syncmanager/syncmanager.LocalKey].
	Key [32]byte
}

func (f SessionFile) file() sealedfile.File {
	sealer := localkey.Key(f.Key).Subkey("session").Sealer(rand.Reader) //nolint:forbidigo // a nonce must not come twice
	return sealedfile.File{Path: f.Path, Sealer: sealer}
}

// Save stores s. Use it as [Config].Save.
func (f SessionFile) Save(s Session) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return f.file().Write(text)
}

// Load returns the saved session, or [ErrNoSession]. If the file cannot be read, the user can
// sign in again.
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

// Remove deletes the session on this device only; see [Account.SignOut].
func (f SessionFile) Remove() error {
	if err := os.Remove(f.Path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
