package syncmanager

import (
	"context"
	"crypto/rand"

	"github.com/syncmanager/syncmanager/internal/localkey"
	"github.com/syncmanager/syncmanager/internal/sealedfile"
)

// LocalKey returns this device's local key, for Config.Key and for the engines that
// encrypt at rest. It is in the file local.key in dir, 0600 in a folder of 0700, and
// is made where there is none: then nothing that was sealed before can be opened.
func LocalKey(ctx context.Context, dir string) ([32]byte, error) {
	return localkey.Load(ctx, dir, localkey.Options{Random: rand.Reader}) //nolint:forbidigo // a key must not be told by a test's randomness
}

// FileState keeps a manager's state in the file at path, 0600, whose folder must
// exist.
func FileState(path string) State { return fileState{sealedfile.File{Path: path}} }

type fileState struct{ file sealedfile.File }

func (f fileState) Load(context.Context) ([]byte, error) { return f.file.Read() }

func (f fileState) Save(_ context.Context, sealed []byte) error { return f.file.Write(sealed) }
