package server

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strconv"

	"github.com/syncmanager/syncmanager/server/node"
	"github.com/syncmanager/syncmanager/server/storage"
)

// storages returns the storages of a node, for the operator; url "" is the server itself.
func (s *Server) storages(url string) (node.Storages, error) {
	if url == "" {
		return ownStorages{s}, nil
	}
	return s.nodeClient(url)
}

// ownStorages are the storages of this server.
type ownStorages struct{ s *Server }

// States implements [node.Storages].
func (o ownStorages) States(ctx context.Context, visit func(storage.State) error) error {
	return o.s.backend.States(ctx, visit)
}

// files returns the storage if it keeps one file per user.
func (o ownStorages) files() (storage.FilePerUser, error) {
	if files, ok := o.s.backend.(storage.FilePerUser); ok {
		return files, nil
	}
	return nil, ErrNoFiles
}

// Examine implements [node.Storages].
func (o ownStorages) Examine(ctx context.Context, uid int64) error {
	files, err := o.files()
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp(o.s.cfg.Dir, ".examine-*") // 0700
	if err != nil {
		return err
	}
	return errors.Join(files.Examine(ctx, uid, work), os.RemoveAll(work))
}

// asideFolder is the folder for users' old files, in the data folder.
const asideFolder = "set-aside"

// asideName returns the path of a file that was set aside, relative to the data folder.
func asideName(uid int64) string {
	return path.Join(asideFolder, strconv.FormatInt(uid, 10)+".sqlite")
}

// SetAside implements [node.Storages].
func (o ownStorages) SetAside(ctx context.Context, uid int64) error {
	files, err := o.files()
	if err != nil {
		return err
	}
	if o.s.cfg.Node != nil {
		o.s.moved(uid) // its tokens would begin a new file
	}
	to := filepath.Join(o.s.cfg.Dir, filepath.FromSlash(asideName(uid)))
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return files.SetAside(ctx, uid, to)
}

// Compact implements [node.Storages].
func (o ownStorages) Compact(ctx context.Context, uid int64) (before, after int64, err error) {
	files, err := o.files()
	if err != nil {
		return 0, 0, err
	}
	return files.Compact(ctx, uid)
}
