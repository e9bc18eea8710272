package takeover

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/token"
)

// Target is where users are copied to.
type Target struct {
	Tokens  *token.Service
	Backend storage.Backend
	State   *State
	// Nodes has the storages of users who are assigned to storage nodes. It must be set if there are nodes.
	Nodes Nodes
}

// Options say what a run takes.
type Options struct {
	// Issuer is the name of the accounts server whose accounts count, as the other token server has it
	// after the "@"; "": that of the first user.
	Issuer string
	// Node is the URL of the other server whose records the source has; "": any.
	Node string
	// Now is the clock.
	Now func() time.Time
	// Progress, if set, is called before each user.
	Progress func(done, total int)
}

// Errors of single users. They are reported as skips.
var (
	errHasRecords = errors.New("it has records here that are not from there")
	errBothMoved  = errors.New("its keys or its engines changed there after devices had begun to write here: what is there was left there")
	// errCannot means that a backend cannot take records with their times.
	errCannot = errors.New("this storage cannot take records with times of the past")
)

// Run copies the users of src to the target; if to is nil, it only counts.
//
// A user is copied whole, under a new number, and then becomes reachable. Former keys
// are kept, so that they stay refused. Of a user who was copied before, Run takes what has changed:
//
//   - nothing, if the other server has what it had;
//   - everything again, if no device has written here since;
//   - otherwise the records that devices wrote there since, unless the one here is newer. They
//     count as written now, so that all devices see them. What was deleted there since, stays. If the
//     account's keys or its choice of engines changed there, nothing is taken and the user is reported;
//   - everything again, if the account has another key there, of a later time.
//
// A user with another key here, or with records here that were not copied, is reported and left as it is.
//
// If the target has storage nodes, each user is assigned to one as a sign-in would be, or stays on the one that they are
// on, and is copied there through the target's own storage.
//
// Run returns an error if a database fails; what was copied before that stays.
func Run(ctx context.Context, src Source, to *Target, o Options) (Report, error) {
	r := &run{src: src, to: to, o: o, report: Report{Collections: make(map[string]Amount), Skips: []Skip{}}}
	total, err := src.Count(ctx)
	if err != nil {
		return r.report, err
	}
	err = src.Users(ctx, func(u User) error {
		if o.Progress != nil {
			o.Progress(r.report.Users, total)
		}
		r.report.Users++
		return r.user(ctx, u)
	})
	return r.report, err
}

type run struct {
	src    Source
	to     *Target
	o      Options
	report Report
}

// user takes one user.
func (r *run) user(ctx context.Context, u User) error {
	if r.o.Issuer == "" {
		r.o.Issuer = issuer(u)
	}
	a, dropped, err := accountOf(u)
	if err != nil {
		r.report.skipUser(printable(u.Email), err.Error())
		return ctx.Err()
	}
	switch {
	case issuer(u) != r.o.Issuer, r.o.Node != "" && u.Keys[0].Node != r.o.Node && a.records:
		r.report.Elsewhere++
		return ctx.Err()
	case a.Current.Generation == deleted:
		r.report.Deleted++
		return ctx.Err()
	}
	if dropped > 0 {
		r.report.SkippedRecords += int64(dropped)
		r.report.name(Skip{User: a.Account, Item: fmt.Sprintf("%d former keys", dropped), Reason: "their client states are not hexadecimal or too long"})
	}
	if r.to == nil {
		return r.look(ctx, a)
	}
	err = r.take(ctx, a)
	for _, known := range []error{token.ErrRetired, token.ErrNewerKey, token.ErrMoved, token.ErrMoveOver, errHasRecords, errBothMoved} {
		if errors.Is(err, known) {
			r.report.skipUser(a.Account, known.Error())
			return nil
		}
	}
	if err != nil {
		return fmt.Errorf("user %s: %w", a.Account, err)
	}
	r.report.OldKeys += len(a.Old)
	return nil
}

// look counts what there is of a user.
func (r *run) look(ctx context.Context, a account) error {
	c, err := r.read(ctx, a, nil)
	if err != nil {
		return err
	}
	r.report.read(c)
	r.report.count(c.amounts)
	r.report.New++
	r.report.OldKeys += len(a.Old)
	return nil
}

func (r *run) read(ctx context.Context, a account, to func(string, []storage.Dated) error) (*content, error) {
	return read(ctx, r.src, a, r.now(), to)
}

func (r *run) now() bso.Timestamp { return bso.Timestamp(r.o.Now().UnixMilli() / 10) }

// take copies a user, or what has changed.
func (r *run) take(ctx context.Context, a account) error {
	is, err := r.to.Tokens.Standing(ctx, a.Adoption)
	if err != nil {
		return err
	}
	if !is.Same {
		if is.UID == 0 {
			return r.copy(ctx, a, is, &r.report.New)
		}
		return r.copy(ctx, a, is, &r.report.Updated)
	}
	before, err := r.to.State.find(ctx, a.Account)
	if err != nil {
		return err
	}
	modified, err := r.modified(ctx, is)
	switch {
	case err != nil:
		return err
	case before == nil && modified == 0:
		return r.copy(ctx, a, is, &r.report.New)
	case before == nil || before.uid != is.UID:
		return r.recognize(ctx, a, is)
	}
	there, err := r.read(ctx, a, nil)
	switch {
	case err != nil:
		return err
	case bytes.Equal(there.hash(), before.hash):
		r.report.Unchanged++
		r.report.read(there)
		return r.to.Tokens.Adopt(ctx, a.Adoption, is.UID, is.UID)
	case modified == before.modified:
		return r.copy(ctx, a, is, &r.report.Updated)
	}
	return r.merge(ctx, a, is, before)
}

// recognize accepts a user who has here what is there, without a note of it: an earlier run ended
// before it wrote one.
func (r *run) recognize(ctx context.Context, a account, is token.Standing) error {
	there, err := r.read(ctx, a, nil)
	if err != nil {
		return err
	}
	here, err := r.at(ctx, a, is, there.horizon)
	if err != nil {
		return err
	}
	if !here.same(there) {
		return errHasRecords
	}
	if err := r.to.Tokens.Adopt(ctx, a.Adoption, is.UID, is.UID); err != nil {
		return err
	}
	r.report.Unchanged++
	r.report.read(there)
	return r.note(ctx, a, is.UID, there)
}

// note notes what was taken of an account.
func (r *run) note(ctx context.Context, a account, uid int64, c *content) error {
	return r.to.State.put(ctx, a.Account, taken{uid: uid, source: c.storage, modified: c.storage, hash: c.hash()})
}

// here reads a storage of this server.
func (r *run) here(ctx context.Context, uid int64, horizon bso.Timestamp) (c *content, err error) {
	err = r.to.Backend.View(ctx, uid, func(v storage.View) (err error) {
		c, err = contentHere(v, horizon)
		return err
	})
	return c, err
}

// copy copies what is stored of a user into a storage of its own, compares, and makes it the
// user's. Another storage that the user has is given up.
func (r *run) copy(ctx context.Context, a account, is token.Standing, count *int) error {
	url, err := r.to.Tokens.Place(ctx, a.Account)
	if err != nil {
		return err
	}
	uid, err := r.to.Tokens.Reserve(ctx, a.Account, "")
	if err != nil {
		return err
	}
	there, err := r.fill(ctx, a, uid)
	if err == nil {
		err = r.compare(ctx, uid, there)
	}
	final := uid
	if err == nil && url != "" {
		final, err = r.toNode(ctx, a, uid, url)
	}
	if err == nil {
		err = r.to.Tokens.Adopt(ctx, a.Adoption, is.UID, final)
	}
	if err != nil || final != uid {
		// Nothing refers to the copy here. The purge would find it after a day.
		err = errors.Join(err, r.drop(ctx, a, uid))
	}
	if err != nil {
		return err
	}
	*count++
	r.report.read(there)
	r.report.count(there.amounts)
	return r.note(ctx, a, final, there)
}

// compare checks a copy.
func (r *run) compare(ctx context.Context, uid int64, there *content) error {
	here, err := r.here(ctx, uid, there.horizon)
	if err == nil && !here.same(there) {
		err = errors.New("the copy is not what was read: nothing of the user was changed")
	}
	return err
}

// fill copies what is stored of a user into an empty storage, in one step.
func (r *run) fill(ctx context.Context, a account, uid int64) (c *content, err error) {
	err = r.to.Backend.Update(ctx, uid, storage.Durable, func(tx storage.Tx) error {
		into, ok := tx.(storage.Importer)
		if !ok {
			return errCannot
		}
		latest := make(map[string]bso.Timestamp)
		c, err = r.read(ctx, a, func(collection string, records []storage.Dated) error {
			latest[collection] = storage.LastModified(latest[collection], records)
			return into.Import(collection, latest[collection], records)
		})
		if err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(c.times)) {
			if c.times[name] != latest[name] {
				if err := into.Import(name, c.times[name], nil); err != nil {
					return err
				}
			}
		}
		return into.ImportModified(c.storage)
	})
	return c, err
}
