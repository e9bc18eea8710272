package enginetest_test

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	jsonnotes "github.com/syncmanager/syncmanager/examples/engine"
)

// mutants are broken engines by the case that is to notice them, and by what is wrong with
// each.
func mutants() map[string]map[string]*broken {
	return map[string]map[string]*broken{
		"NewProcessKnowsWhatToSend": {
			"that forgets pending deletions": reopens(func(n *jsonnotes.Engine) { dropDeletions(n) }),
			"that forgets the mirror":        reopens(eachNote(func(x *jsonnotes.Note) { x.Mirror = nil })),
			"that forgets edits":             reopens(eachNote(func(x *jsonnotes.Note) { x.Changes = 0 })),
			"that sends a deletion as null": reopens(eachNote(func(x *jsonnotes.Note) {
				if x.Local == nil {
					x.Local = []byte("null")
				}
			})),
		},
		"SnapshotIsWhatGoesUp": {
			"that sends what is there now": with(func(o *odd) {
				o.outgoing = func(ctx context.Context, max int) ([]engine.Outgoing, error) {
					out, err := o.Session.Outgoing(ctx, max)
					for i := range out {
						o.each([]engine.ID{out[i].ID}, func(x *jsonnotes.Note, _ engine.ID) { out[i].Payload = x.Local })
					}
					return out, err
				}
			}),
		},
		"ResetForgetsTheSyncState": {
			"that remembers refusals": resets(func(was map[engine.ID]jsonnotes.Note, n *jsonnotes.Engine) {
				for id, x := range n.Notes {
					x.Changes, x.Refused = was[id].Changes, was[id].Refused
				}
			}),
			"that asks for what could not be read": resetsDisk(func(was, now *jsonnotes.Disk) { now.Attempts = was.Attempts }),
			"that takes the mirror for the storage": resets(func(_ map[engine.ID]jsonnotes.Note, n *jsonnotes.Engine) {
				for _, x := range n.Notes {
					if x.Mirror != nil {
						x.Changes = 0
					}
				}
			}),
		},
		"ChangedItemsAreNamed": {
			"that names none": with(func(o *odd) {
				o.merge = func(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
					m, err := o.Session.Merge(ctx, at)
					m.Changed = nil
					return m, err
				}
			}),
			"that names all that came": with(func(o *odd) {
				o.merge = func(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
					came := slices.Collect(maps.Keys(o.Engine.Staged))
					m, err := o.Session.Merge(ctx, at)
					m.NoteChanged(came...)
					return m, err
				}
			}),
		},
		"ResetKeepsAPendingDeletion": {
			"that loses it": resets(func(_ map[engine.ID]jsonnotes.Note, n *jsonnotes.Engine) { dropDeletions(n) }),
			"that takes it for an edit": resets(func(_ map[engine.ID]jsonnotes.Note, n *jsonnotes.Engine) {
				for _, x := range n.Notes {
					if x.Local == nil {
						x.Local = x.Mirror
					}
				}
			}),
		},
		"WipeForgetsTheSyncState": {
			"that asks for what could not be read": wipesDisk(func(was, now *jsonnotes.Disk) { now.Attempts = was.Attempts }),
			"that keeps the snapshot":              wipesDisk(func(was, now *jsonnotes.Disk) { now.Sent = was.Sent }),
		},
	}
}

func dropDeletions(n *jsonnotes.Engine) {
	maps.DeleteFunc(n.Notes, func(_ engine.ID, x *jsonnotes.Note) bool { return x.Local == nil })
}

func eachNote(f func(*jsonnotes.Note)) func(*jsonnotes.Engine) {
	return func(n *jsonnotes.Engine) {
		for _, x := range n.Notes {
			f(x)
		}
	}
}

// reopens does something to the notes of each new process.
func reopens(f func(*jsonnotes.Engine)) *broken {
	return &broken{open: func(n *jsonnotes.Engine) {
		_ = n.Do(context.Background(), func() error { f(n); return nil })
	}}
}

// resets does something to the notes after each Reset, which were as in was.
func resets(f func(was map[engine.ID]jsonnotes.Note, n *jsonnotes.Engine)) *broken {
	return &broken{reset: func(ctx context.Context, e engine.Engine, a engine.Association) error {
		n := e.(*jsonnotes.Engine)
		was := map[engine.ID]jsonnotes.Note{}
		for id, x := range n.Notes {
			was[id] = *x
		}
		return errors.Join(e.Reset(ctx, a), n.Do(ctx, func() error { f(was, n); return nil }))
	}}
}

// resetsDisk keeps something over each Reset.
func resetsDisk(f func(was, now *jsonnotes.Disk)) *broken {
	return &broken{reset: func(ctx context.Context, e engine.Engine, a engine.Association) error {
		n := e.(*jsonnotes.Engine)
		was := n.Disk
		return errors.Join(e.Reset(ctx, a), n.Do(ctx, func() error { f(&was, &n.Disk); return nil }))
	}}
}

// wipesDisk keeps something over each Wipe.
func wipesDisk(f func(was, now *jsonnotes.Disk)) *broken {
	return &broken{wipe: func(ctx context.Context, e engine.Engine) error {
		n := e.(*jsonnotes.Engine)
		was := n.Disk
		return errors.Join(e.Wipe(ctx), n.Do(ctx, func() error { f(&was, &n.Disk); return nil }))
	}}
}
