package sync15

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/seal"
)

// maxRounds is how often one engine starts again in one sync because another device wrote to
// its collection.
const maxRounds = 4

// Stats is the result of [Run.SyncEngine].
type Stats struct {
	// Downloaded counts the records that were received, in all rounds.
	Downloaded int
	Merged     engine.Merged
	// Uploaded counts the records that the server took; Refused lists the others.
	Uploaded int
	Refused  []engine.Refusal
}

// SyncEngine syncs one collection with its engine. It is safe to call for
// several engines at once.
func (r *Run) SyncEngine(ctx context.Context, e engine.Engine, start engine.Start) (Stats, error) {
	var total Stats
	name := e.Collection()
	defer func() { r.c.progress(name, "done", total.Downloaded+total.Uploaded) }()
	defer func() { r.settle(name, total.Uploaded) }()
	assoc, err := r.association(name)
	if err != nil {
		return total, err
	}
	keys, err := r.bundle(name)
	if err != nil {
		return total, err
	}
	if err := r.associate(ctx, e, assoc, keys); err != nil {
		return total, err
	}
	for round := 1; ; {
		err := r.round(ctx, e, start, round, &total)
		var restored *restoredError
		var lost *lostError
		switch {
		case errors.As(err, &lost):
			if assoc, err = r.renew(ctx, e, assoc, lost); err != nil {
				return total, err
			}
		case errors.As(err, &restored):
			if round > 1 {
				return total, protocolError("sync "+name, "its times go back")
			}
			if assoc, err = r.renew(ctx, e, assoc, restored); err != nil {
				return total, err
			}
			round++
		case isConflict(err) && round < maxRounds:
			round++
		case err != nil:
			return total, err
		default:
			return total, nil
		}
	}
}

// associate resets an engine whose sync state belongs to another storage, another sync ID of
// its collection, or other keys.
func (r *Run) associate(ctx context.Context, e engine.Engine, want engine.Association, keys *seal.Bundle) error {
	name := e.Collection()
	have, err := e.Association(ctx)
	if err != nil {
		return err
	}
	r.c.mu.Lock()
	sealed, known := r.c.state.SealedWith[name]
	r.c.mu.Unlock()
	if have != want || known && sealed != keys.Fingerprint() {
		r.c.cfg.Log.Info("reset an engine", "engine", name, "keysChanged", known && sealed != keys.Fingerprint())
		if err := resetTo(ctx, e, want); err != nil {
			return err
		}
	}
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if r.c.state.SealedWith == nil {
		r.c.state.SealedWith = map[string]string{}
	}
	r.c.state.SealedWith[name] = keys.Fingerprint()
	return nil
}

func resetTo(ctx context.Context, e engine.Engine, a engine.Association) error {
	if err := e.Reset(ctx, a); err != nil {
		return fmt.Errorf("reset %s: %w", e.Collection(), err)
	}
	return nil
}

// bundle returns the keys that the collection is encrypted with.
func (r *Run) bundle(collection string) (*seal.Bundle, error) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if r.c.state.Keys == nil {
		return nil, ErrReassigned // see state.forgetNode
	}
	return r.c.state.Keys.For(collection), nil
}

func (r *Run) limits() bso.Limits {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if r.c.state.Limits == nil {
		return bso.SilentLimits()
	}
	return *r.c.state.Limits
}

// restoredError says that the server's collection is older than what the engine
// has seen of it, or lacks what it had seen there: the server was restored from a backup, or
// the collection was deleted and another device's late upload made it again. The collection
// gets a new sync ID, since a device that only reset itself would hide that from the others:
// what it uploads again are the records by which they would notice.
type restoredError struct{}

func (*restoredError) Error() string { return "the server was restored from an older state" }

// round is one session of the engine, from Begin to End.
func (r *Run) round(ctx context.Context, e engine.Engine, start engine.Start, round int, total *Stats) (err error) {
	name := e.Collection()
	start.Skew, start.MaxPayload, start.Account = r.c.skew(), maxCleartext(r.limits()), r.c.accountName()
	session, err := e.Begin(ctx, start)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer func() {
		// An error of End matters only if there was no other.
		if endErr := session.End(context.WithoutCancel(ctx), err); err == nil && endErr != nil {
			err = fmt.Errorf("close %s: %w", name, endErr)
		}
	}()

	d, err := r.plan(name, session, round)
	if err != nil {
		return err
	}
	last, err := r.fetch(ctx, d, session)
	total.Downloaded += d.count
	if err != nil {
		return err
	}

	r.c.progress(name, "merge", d.count)
	merged, err := session.Merge(ctx, d.at)
	if err != nil {
		return fmt.Errorf("merge %s: %w", name, err)
	}
	addMerged(&total.Merged, merged)
	if d.pages {
		r.setMark(name, last)
	}
	if merged.Outgoing == 0 {
		r.c.saw(name, d.at)
		return nil
	}
	if r.lost(name) {
		return &lostError{}
	}
	u := &upload{r: r, collection: name, session: session, at: d.at, keys: d.keys, total: total}
	err = u.run(ctx)
	if err == nil {
		r.c.saw(name, u.at)
	}
	return err
}

// plan decides what a round downloads.
func (r *Run) plan(name string, session engine.Session, round int) (*download, error) {
	keys, err := r.bundle(name)
	if err != nil {
		return nil, err
	}
	d := &download{r: r, collection: name, since: session.Since(), keys: keys}
	at, there := r.info[name]
	switch {
	case round > 1:
		// The time from info/collections is outdated by now.
		d.pages = true
	case d.since > at:
		return nil, &restoredError{}
	case there:
		d.pages = at > d.since
		d.retry = usable(session.Retry())
		d.marks.want = r.mark(name, d.since, at)
	}
	return d, nil
}

// fetch downloads what was planned, if anything, and returns the mark of the collection's
// last write.
func (r *Run) fetch(ctx context.Context, d *download, session engine.Session) (last mark, err error) {
	if !d.pages && len(d.retry) == 0 {
		d.at = r.info[d.collection]
		return mark{}, nil
	}
	err = d.run(ctx, session.Stage)
	last, lost := d.marks.end(d.at)
	if err == nil && (d.at < d.since || d.pages && lost) {
		err = &restoredError{}
	}
	return last, err
}

// maxCleartext is the largest cleartext whose payload a server with these limits takes.
// A payload is a JSON object of the ciphertext in base64, an IV and a HMAC; see package
// seal.
func maxCleartext(l bso.Limits) int {
	const (
		around   = len(`{"ciphertext":"","IV":"","hmac":""}`) + 24 + 64
		envelope = 256 // of the record's line: ID, sort index, escaped quotes
		block    = 16
	)
	most := min(l.MaxRecordPayloadBytes, l.MaxPostBytes, l.MaxTotalBytes, l.MaxRequestBytes-envelope) - around
	return max(most/4*3/block*block-1, 1)
}

func addMerged(to *engine.Merged, m engine.Merged) {
	to.Applied += m.Applied
	to.Reconciled += m.Reconciled
	to.Failed += m.Failed
	to.NewFailed += m.NewFailed
	to.Problems = append(to.Problems, m.Problems...)
	to.NoteChanged(m.Changed...)
	to.MoreChanged = to.MoreChanged || m.MoreChanged
	to.Outgoing = m.Outgoing
}

// usable leaves out IDs that cannot be in a comma-separated list.
func usable(ids []bso.ID) []bso.ID {
	return slices.DeleteFunc(slices.Clone(ids), func(id bso.ID) bool {
		return !id.Valid() || slices.Contains([]byte(id), ',')
	})
}
