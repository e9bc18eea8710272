// Package node is what a token server and its storage nodes say to each other: it moves the
// storages of users from one node to another, lists, repairs and compacts them, tells which tokens ended, and hears whether a node is well.
//
// A node has a secret, which the token server derives from its own for the node's URL. With it the
// tokens for the node are signed, and the requests of this package, by HAWK: with the hash of their body, and
// each once. Answers are not signed: they are as safe as the connection, so a node that other
// machines reach has HTTPS.
package node

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/transfer"
)

// Prefix is the path of the requests, below a node's root.
const Prefix = "/__node__/"

// Errors of a [Client].
var (
	// ErrAway means that a node did not answer.
	ErrAway = errors.New("the node does not answer")
	// ErrLater is an ErrAway that may be over soon: the node, or a proxy before it, answered that it is not there for now.
	ErrLater = fmt.Errorf("%w for now", ErrAway)
	// ErrSecret means that a node has another secret, or that something else is at its URL.
	ErrSecret = errors.New("there is no node with this secret: give it the file that 'server node add' wrote")
)

// kinds are the errors that a client can test for, by their names in answers.
var kinds = map[string]error{
	"damaged": storage.ErrDamaged, "full": storage.ErrFull, "busy": storage.ErrBusy, "closed": storage.ErrClosed,
	"fenced": storage.ErrFenced, "stream": transfer.ErrStream, "no-copies": transfer.ErrNoCopies,
	"no-files": storage.ErrNoFiles, "no-file": fs.ErrNotExist,
}

// Marker is the name of the file that marks the data folder of a node, with the node's URL.
const Marker = "storage-node"

// Folder returns the URL of the node that a data folder belongs to; "": it does not belong to a node.
func Folder(dir string) (url string, err error) {
	text, err := os.ReadFile(filepath.Join(dir, Marker))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	url = string(bytes.TrimSpace(text))
	if err == nil && url == "" {
		err = fmt.Errorf("%s does not contain the node's URL: start the node, which writes it again", filepath.Join(dir, Marker))
	}
	return url, err
}

// failure is the body of an answer to a request that failed.
type failure struct {
	Error string `json:"error"`
	Kind  string `json:"kind,omitempty"`
}

// contentType is that of all bodies.
const contentType = "application/octet-stream"

// credentials are what requests are signed with.
func credentials(secret []byte) (hawk.Credentials, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "syncmanager/node/v1/requests", sha256.Size)
	return hawk.Credentials{ID: "token-server", Key: key}, err
}

// FormatSecret returns the content of a node's secret file.
func FormatSecret(url string, secret []byte) []byte {
	return fmt.Appendf(nil, "%s %s\n", url, hex.EncodeToString(secret))
}

// ParseSecret reads the content of a node's secret file. The error does not contain it.
func ParseSecret(text []byte) (url string, secret []byte, err error) {
	url, digits, found := strings.Cut(string(bytes.TrimSpace(text)), " ")
	secret, err = hex.DecodeString(digits)
	if !found || err != nil || len(secret) != sha256.Size {
		return "", nil, errors.New("it is not a node's secret: take the file that 'server node add' wrote")
	}
	return url, secret, nil
}
