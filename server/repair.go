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

// ErrSound means that [Server.Repair] was called for a file that is not damaged.
var ErrSound = errors.New("the file is not damaged; add --force to replace it with an empty one anyway")

// ErrNoFiles means that the configured storage does not keep one file per user, which
// [Server.Repair] and [Server.Compact] need.
var ErrNoFiles = errors.New("the configured storage does not keep records in files: use the storage's own tools")

// files returns the storage if it keeps one file per user.
func (s *Server) files() (storage.FilePerUser, error) {
	if files, ok := s.backend.(storage.FilePerUser); ok {
		return files, nil
	}
	return nil, ErrNoFiles
}

// Repaired is the result of [Server.Repair].
type Repaired struct {
	// UID is the uid of the account, and Storage the number of its new storage. Both are zero
	// for a file that belonged to no account.
	UID     string `json:"uid,omitempty"`
	Storage int64  `json:"storage,omitempty"`
	// Path is the path of the old file, relative to the data folder; "" if there was none.
	Path string `json:"path,omitempty"`
}

// asideFolder is the folder for users' old files, in the data folder.
const asideFolder = "set-aside"

// Repair gives a user whose file is damaged an empty storage. The user's devices fill it at
// their next sync, as after any change of the server. Repair keeps the old file in another
// folder. who is the user's e-mail address, uid or storage number. A file that is not damaged
// is replaced only if force is set; otherwise Repair returns [ErrSound].
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
	// Assign the new storage first: from then on no request reaches the old file, and if
	// Repair is interrupted here, the next purge removes only a file that is replaced.
	account, fresh, err := s.tokens.Reassign(ctx, uid)
	if err != nil && !errors.Is(err, token.ErrNoStorage) { // without a storage, the file belongs to no account
		return Repaired{}, fmt.Errorf("%s: %w", who, err)
	}
	out := Repaired{UID: account, Storage: fresh, Path: filepath.Join(asideFolder, strconv.FormatInt(uid, 10)+".sqlite")}
	err = files.SetAside(ctx, uid, filepath.Join(s.cfg.Dir, out.Path))
	if errors.Is(err, fs.ErrNotExist) {
		if fresh == 0 {
			return Repaired{}, fmt.Errorf("%s: %w", who, token.ErrNoStorage)
		}
		out.Path, err = "", nil // the user has no file yet
	}
	if err != nil {
		return out, fmt.Errorf("the old file of %s cannot be set aside: %w", who, err)
	}
	s.cfg.Log.WarnContext(ctx, "a user's storage was replaced by an empty one", "uid", account, "old", uid, "new", fresh, "set_aside", out.Path)
	return out, nil
}

// storageOf returns the storage of a user, whom the operator names by e-mail address, uid or
// storage number.
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

// reportSweep logs the errors of a purge and returns the number of damaged users' files. Each
// damaged file has its own log line, because the operator can repair it and no other user is
// affected.
func (s *Server) reportSweep(ctx context.Context, err error) (damaged int) {
	if err == nil {
		return 0
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { // the errors one by one
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
