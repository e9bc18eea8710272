package door

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/internal/lazyre"
	"github.com/syncmanager/syncmanager/internal/sealedfile"
)

// Client is a program that may call.
type Client struct {
	Name string `json:"name"`
	// Hash is the SHA-256 of its token, in hexadecimal. The token itself is not stored.
	Hash   string     `json:"hash"`
	Rights api.Rights `json:"rights"`
	// Added is when it was added.
	Added time.Time `json:"added"`
}

// File keeps clients in a file, which it reads for each token, so that a client that was
// removed is refused from then on. It has the mode 0600. Its methods may be called from
// several goroutines and several processes at once.
type File struct {
	// Path is the file. Its folder must exist.
	Path string
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Rand is a source of secure random bytes. Nil: crypto/rand.
	Rand io.Reader
}

var _ Clients = File{}

const (
	// MaxClients bounds how many clients a File has.
	MaxClients = 100
	// tokenPrefix tells a token from other secrets.
	tokenPrefix = "sm_"
	maxFile     = 1 << 20
)

var (
	// ErrClientExists means that there is a client with the name.
	ErrClientExists = errors.New("there is a client with this name already")
	// ErrNoClient means that there is no client with the name.
	ErrNoClient = errors.New("there is no client with this name")
	// ErrTooManyClients means that there are [MaxClients].
	ErrTooManyClients = errors.New("there are too many clients; remove one first")
	// ErrClientName means that a name is not one of a client.
	ErrClientName = errors.New("the name of a client has 1 to 64 letters, digits, points, dashes and underscores")
)

var clientName = lazyre.New(`^[A-Za-z0-9._-]{1,64}$`)

// List lists the clients, sorted by name.
func (f File) List() ([]Client, error) {
	file, err := os.Open(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the clients: %w", err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxFile))
	if err != nil {
		return nil, fmt.Errorf("cannot read the clients in %s: %w", f.Path, err)
	}
	var all []Client
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; move it away, and add the clients again", f.Path, err)
	}
	return all, nil
}

// Add adds a client, and returns its token, which is shown only now.
func (f File) Add(name string, r api.Rights) (token string, err error) {
	if !clientName.MatchString(name) {
		return "", ErrClientName
	}
	random, now := f.Rand, f.Now
	if random == nil {
		random = rand.Reader //nolint:forbidigo // here the app's real randomness comes in
	}
	if now == nil {
		now = time.Now //nolint:forbidigo // and its real clock
	}
	var secret [32]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return "", fmt.Errorf("cannot make a token: %w", err)
	}
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(secret[:])
	return token, f.change(func(all []Client) ([]Client, error) {
		switch i := find(all, name); {
		case i >= 0:
			return nil, ErrClientExists
		case len(all) >= MaxClients:
			return nil, ErrTooManyClients
		}
		return append(all, Client{name, hash(token), r, now().UTC().Truncate(time.Second)}), nil
	})
}

// Remove removes a client: its token is refused from now on.
func (f File) Remove(name string) error {
	return f.change(func(all []Client) ([]Client, error) {
		i := find(all, name)
		if i < 0 {
			return nil, ErrNoClient
		}
		return slices.Delete(all, i, i+1), nil
	})
}

// Find implements [Clients].
func (f File) Find(token string) (Client, bool, error) {
	if !strings.HasPrefix(token, tokenPrefix) || len(token) > 100 {
		return Client{}, false, nil
	}
	all, err := f.List()
	if err != nil {
		return Client{}, false, err
	}
	given := []byte(hash(token))
	for _, c := range all {
		if subtle.ConstantTimeCompare(given, []byte(c.Hash)) == 1 {
			return c, true, nil
		}
	}
	return Client{}, false, nil
}

func find(all []Client, name string) int {
	return slices.IndexFunc(all, func(c Client) bool { return c.Name == name })
}

// hash is what is stored of a token. A token is random, so that a fast hash is enough.
func hash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// change replaces the file, while no other process does.
func (f File) change(edit func([]Client) ([]Client, error)) (err error) {
	release, err := dirlock.Acquire(filepath.Dir(f.Path), filepath.Base(f.Path)+".lock")
	if err != nil {
		return fmt.Errorf("cannot change the clients: %w", err)
	}
	defer func() { err = errors.Join(err, release()) }()
	all, err := f.List()
	if err != nil {
		return err
	}
	if all, err = edit(all); err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b Client) int { return strings.Compare(a.Name, b.Name) })
	raw, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	return sealedfile.Write(f.Path, append(raw, '\n'))
}
