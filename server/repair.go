package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"

	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/token"
)

// ErrSound means that [Server.Repair] was called for a file that is not damaged.
var ErrSound = errors.New("the file is not damaged; add --force to replace it with an empty one anyway")

// ErrNoFiles means that the configured storage does not keep one file per user, which
// [Server.Repair] and [Server.Compact] need.
var ErrNoFiles = storage.ErrNoFiles

// Repaired is the result of [Server.Repair].
type Repaired struct {
	// UID is the uid of the account, and Storage the number of its new storage. Both are zero
	// for a file that belonged to no account.
	UID     string `json:"uid,omitempty"`
	Storage int64  `json:"storage,omitempty"`
	// Path is the path of the old file, relative to the data folder; "" if there was none.
	Path string `json:"path,omitempty"`
	// Node is the URL of the node with that data folder; "" is the server itself.
	Node string `json:"node,omitempty"`
}

// Repair gives a user whose file is damaged an empty storage, on the node where the old one is. The user's
// devices fill it at their next sync, as after any change of the server. Repair keeps the old file in another
// folder. who is the user's e-mail address, uid or storage number. A file that is not damaged
// is replaced only if force is set; otherwise Repair returns [ErrSound]. At a node itself, Repair only sets a file
// aside, and only if force is set: whose it is, the other server knows.
func (s *Server) Repair(ctx context.Context, who string, force bool) (Repaired, error) {
	if s.cfg.Node != nil && !force {
		return Repaired{}, fmt.Errorf("%w: run 'syncmanager server repair' there; --force sets the file aside here, if it belongs to nobody", ErrIsNode)
	}
	one, err := s.storageOf(ctx, who)
	if err != nil {
		return Repaired{}, err
	}
	there, err := s.storages(one.Node)
	if err != nil {
		return Repaired{}, err
	}
	// Also to replace a sound file, so that nothing has changed if it cannot be set aside.
	switch err := there.Examine(ctx, one.UID); {
	case errors.Is(err, storage.ErrDamaged), err == nil && force:
	case err == nil:
		return Repaired{}, fmt.Errorf("%s: %w", who, ErrSound)
	default:
		return Repaired{}, err
	}
	// Assign the new storage first: from then on no request reaches the old file, and if
	// Repair is interrupted here, the next purge removes only a file that is replaced.
	account, fresh, err := s.tokens.Reassign(ctx, one.UID)
	if err != nil && !errors.Is(err, token.ErrNoStorage) { // without a storage, the file belongs to no account
		return Repaired{}, fmt.Errorf("%s: %w", who, err)
	}
	out := Repaired{UID: account, Storage: fresh, Path: asideName(one.UID), Node: one.Node}
	err = there.SetAside(ctx, one.UID)
	if errors.Is(err, fs.ErrNotExist) {
		if fresh == 0 {
			return Repaired{}, fmt.Errorf("%s: %w", who, token.ErrNoStorage)
		}
		out.Path, err = "", nil // the user has no file yet
	}
	if err != nil {
		return out, fmt.Errorf("the old file of %s, storage %d, cannot be set aside: %w", who, one.UID, err)
	}
	s.cfg.Log.WarnContext(ctx, "a user's storage was replaced by an empty one", "uid", account, "old", one.UID, "new", fresh, "set_aside", out.Path, "node", one.Node)
	return out, nil
}

// storageOf returns the storage of a user, whom the operator names by e-mail address, uid or
// storage number.
func (s *Server) storageOf(ctx context.Context, who string) (one token.Storage, err error) {
	if n, err := strconv.ParseInt(who, 10, 64); err == nil && n > 0 {
		node, err := s.tokens.NodeOf(ctx, n)
		return token.Storage{UID: n, Node: node}, err
	}
	account, err := s.uid(ctx, who)
	if err != nil {
		return one, err
	}
	u, err := s.tokens.User(ctx, account)
	if err == nil && u.UID == 0 {
		err = fmt.Errorf("%s: %w", who, token.ErrNoStorage)
	}
	return token.Storage{UID: u.UID, Node: u.Node}, err
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
