package takeover

import (
	"context"
	"errors"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/transfer"
	"github.com/syncmanager/syncmanager/server/token"
)

// Users on storage nodes. What is taken for them is first in the target's own storage, so that nothing of a node's has to be
// known here but how a storage is copied.

// Nodes has the storages of storage nodes.
type Nodes interface {
	// Peer returns the storages of the node with the root url.
	Peer(url string) (transfer.Peer, error)
	// Move moves a storage to a node with room, as a drain does: no device writes to it meanwhile. copied gets it in place of a
	// copy, and writes what the new one is to have into to. Move returns the number of the new one.
	Move(ctx context.Context, uid int64, copied func(from transfer.Peer, fromUID int64, to transfer.Peer, toUID int64) error) (int64, error)
}

// own are the target's own storages.
func (r *run) own() transfer.Peer { return transfer.Local{Backend: r.to.Backend} }

// modified returns the last-modified time of a user's storage.
func (r *run) modified(ctx context.Context, is token.Standing) (t bso.Timestamp, err error) {
	if is.Node == "" {
		err = r.to.Backend.View(ctx, is.UID, func(v storage.View) (err error) {
			t, err = v.Modified("", "")
			return err
		})
		return t, err
	}
	from, err := r.to.Nodes.Peer(is.Node)
	if err != nil {
		return 0, err
	}
	sum, err := from.Sum(ctx, is.UID, 0)
	return sum.Modified, err
}

// at reads a user's storage, wherever it is.
func (r *run) at(ctx context.Context, a account, is token.Standing, horizon bso.Timestamp) (c *content, err error) {
	if is.Node == "" {
		return r.here(ctx, is.UID, horizon)
	}
	from, err := r.to.Nodes.Peer(is.Node)
	if err != nil {
		return nil, err
	}
	err = r.staged(ctx, a, func(uid int64) error {
		_, err := transfer.Copy(ctx, r.now(), from, is.UID, r.own(), uid)
		if errors.Is(err, transfer.ErrDiffers) { // a device wrote to it
			return errHasRecords
		}
		if err == nil {
			c, err = r.here(ctx, uid, horizon)
		}
		return err
	})
	return c, err
}

// staged calls f with a storage of this server, which is empty and is deleted afterwards.
func (r *run) staged(ctx context.Context, a account, f func(uid int64) error) error {
	uid, err := r.to.Tokens.Reserve(ctx, a.Account, "")
	if err != nil {
		return err
	}
	return errors.Join(f(uid), r.drop(ctx, a, uid))
}

// drop deletes a reserved storage of this server.
func (r *run) drop(ctx context.Context, a account, uid int64) error {
	ctx = context.WithoutCancel(ctx)
	if err := r.to.Backend.Delete(ctx, uid); err != nil {
		return err
	}
	return r.to.Tokens.GiveBack(ctx, a.Account, uid)
}

// toNode copies a storage of this server to a reserved one of a node. A copy that no user gets is deleted by the purge after a
// day.
func (r *run) toNode(ctx context.Context, a account, uid int64, url string) (copied int64, err error) {
	to, err := r.to.Nodes.Peer(url)
	if err != nil {
		return 0, err
	}
	if copied, err = r.to.Tokens.Reserve(ctx, a.Account, url); err != nil {
		return 0, err
	}
	_, err = transfer.Copy(ctx, r.now(), r.own(), uid, to, copied)
	return copied, err
}

// mergeOnNode calls into for a copy of a storage on a node, and makes the result the user's.
func (r *run) mergeOnNode(ctx context.Context, a account, is token.Standing, into func(uid int64) error) (int64, error) {
	return r.to.Nodes.Move(ctx, is.UID, func(from transfer.Peer, fromUID int64, to transfer.Peer, toUID int64) error {
		return r.staged(ctx, a, func(uid int64) error {
			if _, err := transfer.Copy(ctx, r.now(), from, fromUID, r.own(), uid); err != nil {
				return err
			}
			if err := into(uid); err != nil {
				return err
			}
			_, err := transfer.Copy(ctx, r.now(), r.own(), uid, to, toUID)
			return err
		})
	})
}
