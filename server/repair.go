package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/token"
)

// ErrSound means that a user's file was to be repaired that needs no repair.
var ErrSound = errors.New("the file is sound; add --force to begin with an empty one all the same")

// ErrNoFiles means that the configured storage has no file for each user, which Repair and Compact
// work on.
var ErrNoFiles = errors.New("the records are not in files of this server: use the tools of the storage that has them")

// files is the storage where it keeps each user in a file.
func (s *Server) files() (storage.FilePerUser, error) {
	if files, ok := s.backend.(storage.FilePerUser); ok {
		return files, nil
	}
	return nil, ErrNoFiles
}

// Repaired is what Repair did.
type Repaired struct {
	// UID is that of the account, Storage the number of the storage it has now; both
	// are zero for a file that belonged to nobody.
	UID     string `json:"uid,omitempty"`
	Storage int64  `json:"storage,omitempty"`
	// Path is where the old file is, below the data folder; "" if there was none.
	Path string `json:"path,omitempty"`
}

// asideFolder is where repaired users' old files go, in the data folder.
const asideFolder = "set-aside"

// Repair gives a user whose file is damaged an empty storage, which the user's
// devices fill again at their next sync, as they do after the server changed. The
// old file is set aside and kept. A user is named as elsewhere, or by the number of
// the storage. A sound file is replaced with force only.
func (s *Server) Repair(ctx context.Context, who string, force bool) (Repaired, error) {
	files, err := s.files()
	if err != nil {
		return Repaired{}, err
	}
	uid, err := s.storageOf(ctx, who)
	if err != nil {
		return Repaired{}, err
	}
	if !force {
		switch err := s.examine(ctx, files, uid); {
		case errors.Is(err, storage.ErrDamaged):
		case err != nil:
			return Repaired{}, err
		default:
			return Repaired{}, fmt.Errorf("%s: %w", who, ErrSound)
		}
	}
	folder := filepath.Join(s.cfg.Dir, asideFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return Repaired{}, fmt.Errorf("cannot set a file aside: %w", err)
	}
	// First the new storage: from then on nobody comes to the old file, and if this
	// ends here, the next purge removes nothing that is not replaced.
	account, fresh, err := s.tokens.Reassign(ctx, uid)
	if err != nil && !errors.Is(err, token.ErrNoStorage) { // such a file belongs to nobody
		return Repaired{}, fmt.Errorf("%s: %w", who, err)
	}
	out := Repaired{UID: account, Storage: fresh, Path: filepath.Join(asideFolder, strconv.FormatInt(uid, 10)+".sqlite")}
	err = files.SetAside(ctx, uid, filepath.Join(s.cfg.Dir, out.Path))
	if errors.Is(err, fs.ErrNotExist) {
		if fresh == 0 {
			return Repaired{}, fmt.Errorf("%s: %w", who, token.ErrNoStorage)
		}
		out.Path, err = "", nil // there was none yet
	}
	if err != nil {
		return out, fmt.Errorf("the old file of %s cannot be set aside: %w", who, err)
	}
	s.cfg.Log.WarnContext(ctx, "a user's storage was replaced by an empty one", "uid", account, "old", uid, "new", fresh, "set_aside", out.Path)
	return out, nil
}

// storageOf finds the storage of a user whom an operator named, also by its
// number.
func (s *Server) storageOf(ctx context.Context, who string) (int64, error) {
	if n, err := strconv.ParseInt(who, 10, 64); err == nil && n > 0 {
		return n, nil
	}
	account, err := s.uid(ctx, who)
	if err != nil {
		return 0, err
	}
	users, err := s.tokens.Users(ctx)
	if err != nil {
		return 0, err
	}
	for _, u := range users {
		if u.Account == account && u.UID != 0 {
			return u.UID, nil
		}
	}
	return 0, fmt.Errorf("%s: %w", who, token.ErrNoStorage)
}

// examine reads a user's file from end to end.
func (s *Server) examine(ctx context.Context, files storage.FilePerUser, uid int64) error {
	work, err := os.MkdirTemp(s.cfg.Dir, ".examine-*") // 0700
	if err != nil {
		return err
	}
	return errors.Join(files.Examine(ctx, uid, work), os.RemoveAll(work))
}

// reportSweep logs what went wrong with a sweep. The file of one user is named by
// itself: its operator can mend it, and it harms nobody else. It returns how many such files there are.
func (s *Server) reportSweep(ctx context.Context, err error) (damaged int) {
	if err == nil {
		return 0
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // the tree itself
		for _, one := range joined.Unwrap() {
			damaged += s.reportSweep(ctx, one)
		}
		return damaged
	}
	if file, ok := errors.AsType[*storage.UserError](err); ok && errors.Is(err, storage.ErrDamaged) {
		s.cfg.Log.ErrorContext(ctx, "a user's file is damaged; see 'syncmanager server repair'", "storage", file.UID, "err", file.Err)
		return 1
	}
	s.cfg.Log.ErrorContext(ctx, "purge failed", "err", err)
	return 0
}
