// Package enginetest is the conformance suite for engines: it tests an engine against the
// contract of package engine.
//
// A test of an engine fills in a Harness and calls Run:
//
//	func TestContract(t *testing.T) {
//		enginetest.Run(t, enginetest.Harness{
//			Open:     func(t testing.TB, dir string) engine.Engine { … },
//			Incoming: func(i, version int) engine.Incoming { … },
//			…
//		})
//	}
//
// Each case tests one promise of the contract, as a subtest with its own engine.
package enginetest

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// Harness defines how the suite uses an engine.
type Harness struct {
	// Open opens an engine with its files in dir. Opening the same dir again after Close
	// simulates a restart of the app.
	Open func(t testing.TB, dir string) engine.Engine
	// Close closes what Open returned.
	Close func(t testing.TB, e engine.Engine)

	// Incoming returns item number i (from 0) as another device writes it. Its ID depends on
	// i only, and its payload is valid. version is 0 at first, and another number after an
	// edit of one field, which is the same for all versions. No two items are duplicates of
	// each other. The suite sets Modified.
	Incoming func(i, version int) engine.Incoming
	// Add adds an item as the user, which is a duplicate of Incoming(i, 0) with another ID,
	// and returns that ID.
	Add func(ctx context.Context, e engine.Engine, i int) (engine.ID, error)
	// Edit changes an item to a version, as the user.
	Edit func(ctx context.Context, e engine.Engine, id engine.ID, version int) error
	// Delete deletes an item, as the user.
	Delete func(ctx context.Context, e engine.Engine, id engine.ID) error
	// Versions returns the versions of all items that the user sees.
	Versions func(ctx context.Context, e engine.Engine) (map[engine.ID]int, error)

	// Start has the parameters of each session; the suite sets Prefer.
	Start engine.Start

	// Invalid is a payload for Incoming(0, 0).ID that breaks the collection's
	// rules, as one of a later version of the app does; nil if there are no rules.
	Invalid []byte
	// Duplicates says that the engine recognizes duplicates by their content.
	Duplicates bool
	// RemembersDeletions says that the engine remembers the deletions that the server has,
	// and deletes older records again that come back; see [engine.Engine.Reset].
	RemembersDeletions bool
	// Unknown says that the engine sends back fields that it does not know.
	Unknown bool
	// OwnRecord is set for an engine whose devices own one record each, as in
	// tabs, to this device's: Add, Edit and Delete then all change that record,
	// Add returns its ID, and what came from other devices cannot be edited and
	// need not outlive Reset. Cases that do not apply to it are left out.
	OwnRecord engine.ID
	// Many is the number of records in cases with many records; 0 means 10,000.
	Many int
}

// Run runs all cases that apply to the engine, as subtests.
func Run(t *testing.T, h Harness) {
	if h.Many == 0 {
		h.Many = 10_000
	}
	for _, s := range Cases(h) {
		t.Run(s.Name, func(t *testing.T) { s.Run(t, h) })
	}
}

// Case tests one promise of the contract.
type Case struct {
	Name string
	// Run tests it with a new engine, and fails t if the engine breaks the promise.
	Run func(t testing.TB, h Harness)
}

// Cases returns the cases that apply to the engine of the harness.
func Cases(h Harness) []Case {
	all := append(slices.Concat(downloads, resets), Case{"TellsOfTheUsersChanges", notifies})
	if h.OwnRecord == "" {
		all = slices.Concat(all, uploads, merges, pasts, states)
	} else {
		all = slices.Concat(all, ownUploads)
	}
	if h.Duplicates {
		all = append(all, duplicates...)
	}
	if h.RemembersDeletions {
		all = append(all, Case{"OlderRecordIsDeletedAgain", olderRecord})
	}
	if h.Unknown {
		all = append(all, Case{"UnknownFieldsGoBack", unknownFields})
	}
	if h.Invalid != nil {
		all = append(all, Case{"InvalidRecordStopsNothing", invalid})
		if h.OwnRecord == "" {
			all = append(all, unknowns...)
		}
	}
	return all
}

// env is one engine on one folder, and a server's clock.
type env struct {
	testing.TB
	h      Harness
	dir    string
	e      engine.Engine
	at     engine.Timestamp
	prefer engine.Side
}

func newEnv(t testing.TB, h Harness) *env {
	w := &env{TB: t, h: h, dir: t.TempDir(), at: 179_537_000_000}
	w.e = h.Open(t, w.dir)
	t.Cleanup(func() { h.Close(t, w.e) })
	return w
}

// reopen is a new process on the same files.
func (w *env) reopen() {
	w.Helper()
	w.h.Close(w.TB, w.e)
	w.e = w.h.Open(w.TB, w.dir)
}

func (w *env) ctx() context.Context { return w.Context() }

func (w *env) check(err error, doing string) {
	w.Helper()
	if err != nil {
		w.Fatalf("%s: %v", doing, err)
	}
}

// tick is the server's next moment.
func (w *env) tick() engine.Timestamp {
	w.at += 100
	return w.at
}

func (w *env) incoming(i, version int) engine.Incoming {
	in := w.h.Incoming(i, version)
	in.Modified = w.at
	return in
}

func (w *env) begin() *session {
	w.Helper()
	start := w.h.Start
	start.Prefer = w.prefer
	s, err := w.e.Begin(w.ctx(), start)
	w.check(err, "Begin")
	return &session{s, w}
}

func (w *env) add(i int) engine.ID {
	w.Helper()
	id, err := w.h.Add(w.ctx(), w.e, i)
	w.check(err, "adding an item")
	return id
}

func (w *env) edit(id engine.ID, version int) {
	w.Helper()
	w.check(w.h.Edit(w.ctx(), w.e, id, version), "editing an item")
}

func (w *env) delete(id engine.ID) {
	w.Helper()
	w.check(w.h.Delete(w.ctx(), w.e, id), "deleting an item")
}

func (w *env) versions() map[engine.ID]int {
	w.Helper()
	v, err := w.h.Versions(w.ctx(), w.e)
	w.check(err, "reading the items")
	return v
}

// want compares what the user sees.
func (w *env) want(when string, want map[engine.ID]int) {
	w.Helper()
	if got := w.versions(); !maps.Equal(got, want) {
		if len(got)+len(want) > 20 {
			w.Fatalf("%s: the user sees %d items, or other versions; want %d", when, len(got), len(want))
		}
		w.Fatalf("%s: the user sees %v; want %v", when, got, want)
	}
}

// sync is one whole sync in which the server stores all that goes up.
func (w *env) sync(in ...engine.Incoming) (engine.Merged, []engine.Outgoing) {
	w.Helper()
	s := w.begin()
	s.stage(in...)
	m := s.merge()
	var all []engine.Outgoing
	for {
		page := s.outgoing(100)
		if len(page) == 0 {
			break
		}
		all = append(all, page...)
		s.stored(page...)
	}
	s.end(nil)
	return m, all
}

// session is a session whose calls must not fail.
type session struct {
	engine.Session
	w *env
}

func (s *session) stage(in ...engine.Incoming) {
	s.w.Helper()
	s.w.check(s.Stage(s.w.ctx(), in), "Stage")
}

func (s *session) merge() engine.Merged {
	s.w.Helper()
	m, err := s.Merge(s.w.ctx(), s.w.tick())
	s.w.check(err, "Merge")
	return m
}

func (s *session) outgoing(max int) []engine.Outgoing {
	s.w.Helper()
	page, err := s.Outgoing(s.w.ctx(), max)
	s.w.check(err, "Outgoing")
	if len(page) > max {
		s.w.Fatalf("Outgoing(%d) returned %d records", max, len(page))
	}
	return page
}

func (s *session) stored(page ...engine.Outgoing) engine.Timestamp {
	s.w.Helper()
	r := engine.Receipt{At: s.w.tick()}
	for _, out := range page {
		r.Stored = append(r.Stored, out.ID)
	}
	s.w.check(s.Uploaded(s.w.ctx(), r), "Uploaded")
	return r.At
}

func (s *session) refused(permanent bool, page ...engine.Outgoing) {
	s.w.Helper()
	var r engine.Receipt
	for _, out := range page {
		r.Refused = append(r.Refused, engine.Refusal{ID: out.ID, Reason: "refused by the suite", Permanent: permanent})
	}
	s.w.check(s.Uploaded(s.w.ctx(), r), "Uploaded")
}

func (s *session) end(cause error) {
	s.w.Helper()
	s.w.check(s.End(s.w.ctx(), cause), "End")
}
