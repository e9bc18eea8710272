package syncmanager

import (
	"context"
	"crypto/rand"

	"github.com/syncmanager/syncmanager/internal/localkey"
	"github.com/syncmanager/syncmanager/internal/sealedfile"
)

// LocalKey returns this device's local key, for [Config].Key and for engines that encrypt at
// rest. The key is in the file local.key in dir, with mode 0600 in a folder with mode 0700.
// If there is no file, LocalKey makes a new key, which cannot decrypt earlier data.
// A browser has no files: there an app makes a key itself.
func LocalKey(ctx context.Context, dir string) ([32]byte, error) {
	return localkey.Load(ctx, dir, localkey.Options{Random: rand.Reader}) //nolint:forbidigo // a key must not be told by a test's randomness
}

// FileState returns a [State] in the file at path, with mode 0600. Its folder must exist.
// A browser has no files: there an app implements State, for example on its local storage.
func FileState(path string) State { return fileState{sealedfile.File{Path: path}} }

type fileState struct{ file sealedfile.File }

func (f fileState) Load(context.Context) ([]byte, error) { return f.file.Read() }

func (f fileState) Save(_ context.Context, sealed []byte) error { return f.file.Write(sealed) }
