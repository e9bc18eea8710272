package enginetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	jsonnotes "github.com/syncmanager/syncmanager/examples/engine"
)

// broken is the example engine with one promise not kept.
type broken struct {
	engine.Engine
	reset func(ctx context.Context, e engine.Engine, a engine.Association) error
	wipe  func(ctx context.Context, e engine.Engine) error
	wrap  func(*jsonnotes.Session) engine.Session
	// open does something to the notes of each new process.
	open func(*jsonnotes.Engine)
	// troubles is how many records it always claims to be stuck.
	troubles int
}

func (b *broken) Troubles(context.Context, int) (engine.Troubles, error) {
	return engine.Troubles{Unread: b.troubles}, nil
}

func (b *broken) Reset(ctx context.Context, a engine.Association) error {
	if b.reset != nil {
		return b.reset(ctx, b.Engine, a)
	}
	return b.Engine.Reset(ctx, a)
}

func (b *broken) OnChange(changed func()) { b.Engine.(engine.Notifier).OnChange(changed) }

func (b *broken) Wipe(ctx context.Context) error {
	if b.wipe != nil {
		return b.wipe(ctx, b.Engine)
	}
	return b.Engine.Wipe(ctx)
}

func (b *broken) Begin(ctx context.Context, s engine.Start) (engine.Session, error) {
	inner, err := b.Engine.Begin(ctx, s)
	if err != nil || b.wrap == nil {
		return inner, err
	}
	return b.wrap(inner.(*jsonnotes.Session)), nil
}

// odd is a session some of whose calls do something else.
type odd struct {
	*jsonnotes.Session
	since    func() engine.Timestamp
	retry    func() []engine.ID
	stage    func(context.Context, []engine.Incoming) error
	merge    func(context.Context, engine.Timestamp) (engine.Merged, error)
	outgoing func(context.Context, int) ([]engine.Outgoing, error)
	uploaded func(context.Context, engine.Receipt) error
}

func (o *odd) Since() engine.Timestamp {
	if o.since != nil {
		return o.since()
	}
	return o.Session.Since()
}

func (o *odd) Retry() []engine.ID {
	if o.retry != nil {
		return o.retry()
	}
	return o.Session.Retry()
}

func (o *odd) Stage(ctx context.Context, page []engine.Incoming) error {
	if o.stage != nil {
		return o.stage(ctx, page)
	}
	return o.Session.Stage(ctx, page)
}

func (o *odd) Merge(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
	if o.merge != nil {
		return o.merge(ctx, at)
	}
	return o.Session.Merge(ctx, at)
}

func (o *odd) Outgoing(ctx context.Context, max int) ([]engine.Outgoing, error) {
	if o.outgoing != nil {
		return o.outgoing(ctx, max)
	}
	return o.Session.Outgoing(ctx, max)
}

func (o *odd) Uploaded(ctx context.Context, r engine.Receipt) error {
	if o.uploaded != nil {
		return o.uploaded(ctx, r)
	}
	return o.Session.Uploaded(ctx, r)
}

// harness is the example engine's, whatever a test wrapped around it.
func harness() enginetest.Harness {
	return jsonnotes.Harness(func(e engine.Engine) *jsonnotes.Engine {
		if b, ok := e.(*broken); ok {
			e = b.Engine
		}
		return e.(*jsonnotes.Engine)
	})
}

// with makes a broken engine whose sessions are as f leaves them.
func with(f func(*odd)) *broken {
	return &broken{wrap: func(s *jsonnotes.Session) engine.Session {
		o := &odd{Session: s}
		f(o)
		return o
	}}
}

// A suite that nothing fails says nothing: each promise, broken, is noticed by
// the case that is about it.
func TestBrokenPromisesAreNoticed(t *testing.T) {
	engines := map[string]*broken{
		"NothingIsAppliedBeforeMerge": with(func(o *odd) {
			o.stage = func(ctx context.Context, page []engine.Incoming) error {
				if err := o.Session.Stage(ctx, page); err != nil {
					return err
				}
				_, err := o.Session.Merge(ctx, 0)
				return err
			}
		}),
		"StageIsAnUpsert": with(func(o *odd) {
			seen := map[engine.ID]bool{}
			o.stage = func(ctx context.Context, page []engine.Incoming) error {
				for _, in := range page {
					if !seen[in.ID] {
						if err := o.Session.Stage(ctx, []engine.Incoming{in}); err != nil {
							return err
						}
					}
					seen[in.ID] = true
				}
				return nil
			}
		}),
		"StagedIsVoidWithoutMerge": {wrap: func() func(s *jsonnotes.Session) engine.Session {
			var kept []engine.Incoming
			return func(s *jsonnotes.Session) engine.Session {
				o := &odd{Session: s}
				if len(kept) > 0 {
					_ = s.Stage(context.Background(), kept)
				}
				o.stage = func(ctx context.Context, page []engine.Incoming) error {
					for _, in := range page {
						in.Payload = bytes.Clone(in.Payload)
						kept = append(kept, in)
					}
					return s.Stage(ctx, page)
				}
				return o
			}
		}()},
		"SameRecordsAgainChangeNothing": with(func(o *odd) {
			o.merge = func(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
				n := len(o.Engine.Staged)
				m, err := o.Session.Merge(ctx, at)
				m.Applied = n
				return m, err
			}
		}),
		"TombstonesDelete": with(func(o *odd) {
			o.stage = func(ctx context.Context, page []engine.Incoming) error {
				var records []engine.Incoming
				for _, in := range page {
					if !in.Tombstone() {
						records = append(records, in)
					}
				}
				return o.Session.Stage(ctx, records)
			}
		}),
		"UnreadableRecordStopsNothing": with(func(o *odd) {
			o.stage = func(ctx context.Context, page []engine.Incoming) error {
				for i := range page {
					page[i].Err = nil // and so it is taken for a tombstone
				}
				return o.Session.Stage(ctx, page)
			}
		}),
		"UnreadableRecordIsNotAskedForEver": with(func(o *odd) {
			o.retry = func() (all []engine.ID) {
				for id := range o.Engine.Attempts {
					all = append(all, id)
				}
				return all
			}
		}),
		"InvalidRecordStopsNothing": with(func(o *odd) {
			o.stage = func(ctx context.Context, page []engine.Incoming) error {
				for _, in := range page {
					if jsonnotes.Field(in.Payload, "name") == "" {
						return errors.New("a bad record")
					}
				}
				return o.Session.Stage(ctx, page)
			}
		}),
		"EditOfAnUnknownRecordIsHeld":     forgetsUnknown(),
		"DeletionOfAnUnknownRecordIsHeld": forgetsUnknown(),
		"UnknownRecordIsNotReplaced": with(func(o *odd) {
			o.merge = func(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
				var unknown []engine.ID
				for id, in := range o.Engine.Staged {
					if in.Err != "" && in.Payload != nil {
						unknown = append(unknown, id)
					}
				}
				// The good copy goes up in its place.
				o.each(unknown, func(x *jsonnotes.Note, _ engine.ID) { x.Changes++ })
				m, err := o.Session.Merge(ctx, at)
				if err != nil || len(unknown) == 0 {
					return m, err
				}
				return m, o.Engine.Do(ctx, func() error { clear(o.Engine.Unknown); return nil })
			}
		}),
		"CancelledCallsLoseNothing": with(func(o *odd) {
			o.merge = func(_ context.Context, at engine.Timestamp) (engine.Merged, error) {
				return o.Session.Merge(context.Background(), at)
			}
		}),
		"ManyRecordsComeInPages": with(func(o *odd) {
			o.stage = func(ctx context.Context, page []engine.Incoming) error {
				return o.Session.Stage(ctx, page[:min(len(page), 100)])
			}
		}),
		"TellsOfTheUsersChanges": with(func(o *odd) {
			o.merge = func(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
				defer o.Engine.Notify()
				return o.Session.Merge(ctx, at)
			}
		}),
		"AssociationLivesWithTheData": {reset: func(ctx context.Context, e engine.Engine, _ engine.Association) error {
			return e.Reset(ctx, engine.Association{})
		}},
		"ResetKeepsTheData": {reset: func(ctx context.Context, e engine.Engine, _ engine.Association) error {
			return e.Wipe(ctx)
		}},
		"WipeLeavesNothing": {wipe: func(ctx context.Context, e engine.Engine) error {
			for id := range e.(*jsonnotes.Engine).Notes {
				if err := e.(*jsonnotes.Engine).Delete(ctx, id); err != nil {
					return err
				}
			}
			return nil
		}},
		"NewItemsGoUpOnce": with(func(o *odd) {
			o.uploaded = func(context.Context, engine.Receipt) error { return nil }
		}),
		"NothingIsHeldBetweenCalls": with(func(o *odd) {
			o.merge = func(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
				m, err := o.Session.Merge(ctx, at)
				var once bool
				o.outgoing = func(ctx context.Context, max int) ([]engine.Outgoing, error) {
					if !once {
						once = true
						return o.Session.Outgoing(ctx, max)
					}
					// It looks at the store again, and not at a snapshot.
					_, err := o.Session.Merge(ctx, at)
					if err != nil {
						return nil, err
					}
					return o.Session.Outgoing(ctx, max)
				}
				return m, err
			}
		}),
		"EditDuringUploadSurvives": with(func(o *odd) {
			o.uploaded = func(ctx context.Context, r engine.Receipt) error {
				o.each(r.Stored, func(x *jsonnotes.Note, id engine.ID) { x.Changes = o.Engine.Sent[id].Changes })
				return o.Session.Uploaded(ctx, r)
			}
		}),
		"DeletionDuringUploadSurvives": with(func(o *odd) {
			o.merge = func(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
				m, err := o.Session.Merge(ctx, at)
				clear(o.Engine.Sent)
				return m, err
			}
			o.uploaded = func(context.Context, engine.Receipt) error { return nil }
		}),
		"FailureAfterTwoBatches": with(func(o *odd) {
			batch := 0
			o.uploaded = func(ctx context.Context, r engine.Receipt) error {
				if batch++; batch == 2 {
					r.Stored = nil
				}
				return o.Session.Uploaded(ctx, r)
			}
		}),
		"LostReceiptIsNoConflict": {wrap: func(s *jsonnotes.Session) engine.Session {
			clear(s.Engine.Sent)
			return s
		}},
		"ConflictStartsAgain": with(func(o *odd) {
			o.outgoing = func(ctx context.Context, max int) ([]engine.Outgoing, error) {
				out, err := o.Session.Outgoing(ctx, max)
				for _, x := range out {
					o.each([]engine.ID{x.ID}, func(x *jsonnotes.Note, _ engine.ID) { x.Changes = 0 })
				}
				return out, err
			}
		}),
		"RefusedForEverWaitsForAnEdit": with(func(o *odd) {
			o.uploaded = func(ctx context.Context, r engine.Receipt) error {
				for i := range r.Refused {
					r.Refused[i].Permanent = false
				}
				return o.Session.Uploaded(ctx, r)
			}
		}),
		"RefusedOnceGoesUpAgain": with(func(o *odd) {
			o.uploaded = func(ctx context.Context, r engine.Receipt) error {
				for i := range r.Refused {
					r.Refused[i].Permanent = true
				}
				return o.Session.Uploaded(ctx, r)
			}
		}),
		"ReceiptsMoveSince": with(func(o *odd) {
			at := o.Session.Since()
			o.since = func() engine.Timestamp { return at }
		}),
		"ManyRecordsGoInPages": with(func(o *odd) {
			o.outgoing = func(ctx context.Context, max int) ([]engine.Outgoing, error) {
				out, err := o.Session.Outgoing(ctx, max)
				return out[:min(len(out), 100)], err
			}
		}),
		"DeletionGoesUpAsATombstone": with(func(o *odd) {
			o.outgoing = func(ctx context.Context, max int) ([]engine.Outgoing, error) {
				out, err := o.Session.Outgoing(ctx, max)
				if len(out) == 1 && out[0].Payload == nil {
					return nil, err
				}
				return out, err
			}
		}),
		"EditBeatsDeletion": with(func(o *odd) {
			o.stage = func(ctx context.Context, page []engine.Incoming) error {
				for _, in := range page {
					if in.Tombstone() {
						o.each([]engine.ID{in.ID}, func(x *jsonnotes.Note, _ engine.ID) { x.Changes = 0 })
					}
				}
				return o.Session.Stage(ctx, page)
			}
		}),
		"ServerThatWentBackTakesWhatIsNewer": with(func(o *odd) {
			o.stage = func(ctx context.Context, page []engine.Incoming) error {
				for i := range page {
					page[i].Modified = 1 << 50 // as if all that comes were new
				}
				return o.Session.Stage(ctx, page)
			}
		}),
		"EmptiedCollectionIsFilledAgain": {reset: func(ctx context.Context, e engine.Engine, a engine.Association) error {
			return errors.Join(e.Wipe(ctx), e.Reset(ctx, a))
		}},
		"TroublesAreListed": {troubles: 1},
		"OlderRecordIsDeletedAgain": {reset: func(ctx context.Context, e engine.Engine, a engine.Association) error {
			n := e.(*jsonnotes.Engine)
			return errors.Join(e.Reset(ctx, a), n.Do(ctx, func() error { clear(n.Deletions); return nil }))
		}},
		"PreferDecides": {wrap: func(s *jsonnotes.Session) engine.Session {
			s.Prefer = engine.PreferNeither
			return s
		}},
		"EditsDuringTheSyncAreKept": with(func(o *odd) {
			o.uploaded = func(ctx context.Context, r engine.Receipt) error {
				err := o.Session.Uploaded(ctx, r)
				o.each(r.Stored, func(x *jsonnotes.Note, _ engine.ID) { x.Changes++ })
				return err
			}
		}),
		"DuplicateTakesTheAccountsID": with(func(o *odd) { o.stage = rename(o) }),
		"DuplicateThatWasSyncedLeavesATombstone": with(func(o *odd) {
			o.merge = func(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
				err := o.Engine.Do(ctx, func() error {
					for _, x := range o.Engine.Notes {
						x.Mirror = nil
					}
					return nil
				})
				if err != nil {
					return engine.Merged{}, err
				}
				return o.Session.Merge(ctx, at)
			}
		}),
		"UnknownFieldsGoBack": with(func(o *odd) {
			o.outgoing = func(ctx context.Context, max int) ([]engine.Outgoing, error) {
				out, err := o.Session.Outgoing(ctx, max)
				for i := range out {
					out[i].Payload = fmt.Appendf(nil, `{"id":"%s","name":"%s"}`, out[i].ID, jsonnotes.Field(out[i].Payload, "name"))
				}
				return out, err
			}
		}),
	}
	for _, s := range enginetest.Cases(harness()) {
		t.Run(s.Name, func(t *testing.T) {
			all := maps.Clone(mutants()[s.Name])
			if b := engines[s.Name]; b != nil {
				all = map[string]*broken{"": b}
			}
			if len(all) == 0 {
				t.Fatal("there is no broken engine for this case")
			}
			for name, b := range all {
				if !fails(t, b.harness(), s) {
					t.Errorf("the case does not notice the broken engine %s", name)
				}
			}
		})
	}
}

// harness is that of the broken engine.
func (b *broken) harness() enginetest.Harness {
	h := harness()
	open := h.Open
	h.Open = func(t testing.TB, dir string) engine.Engine {
		b := *b
		b.Engine = open(t, dir)
		if b.open != nil {
			b.open(b.Engine.(*jsonnotes.Engine))
		}
		return &b
	}
	return h
}

// forgetsUnknown counts the records that it does not know, and sends over them.
func forgetsUnknown() *broken {
	return with(func(o *odd) {
		o.merge = func(ctx context.Context, at engine.Timestamp) (engine.Merged, error) {
			if err := o.Engine.Do(ctx, func() error { clear(o.Engine.Unknown); return nil }); err != nil {
				return engine.Merged{}, err
			}
			return o.Session.Merge(ctx, at)
		}
	})
}

// rename gives what comes another name, so that no duplicate is known.
func rename(o *odd) func(context.Context, []engine.Incoming) error {
	return func(ctx context.Context, page []engine.Incoming) error {
		for i := range page {
			page[i].Payload = []byte(strings.Replace(string(page[i].Payload), `"name":"`, `"name":"not `, 1))
		}
		return o.Session.Stage(ctx, page)
	}
}

// each changes notes as the engine itself would: while no edit of the user's does.
func (o *odd) each(ids []engine.ID, f func(x *jsonnotes.Note, id engine.ID)) {
	_ = o.Engine.Do(context.Background(), func() error {
		for _, id := range ids {
			if x := o.Engine.Notes[id]; x != nil {
				f(x, id)
			}
		}
		return nil
	})
}

// recorder is a testing.TB that notes a failure instead of failing.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Error(...any)          { r.failed = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true; runtime.Goexit() }
func (r *recorder) Fatal(...any)          { r.failed = true; runtime.Goexit() }
func (r *recorder) FailNow()              { r.failed = true; runtime.Goexit() }
func (r *recorder) Failed() bool          { return r.failed }

func fails(t *testing.T, h enginetest.Harness, s enginetest.Case) bool {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(r, h)
	}()
	<-done
	return r.failed
}
