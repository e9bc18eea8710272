package enginetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

var downloads = []Case{
	{"NothingIsAppliedBeforeMerge", nothingBeforeMerge},
	{"StageIsAnUpsert", stageIsUpsert},
	{"StagedIsVoidWithoutMerge", stagedIsVoid},
	{"SameRecordsAgainChangeNothing", idempotent},
	{"TombstonesDelete", tombstones},
	{"UnreadableRecordStopsNothing", unreadable},
	{"UnreadableRecordIsNotAskedForEver", retryEnds},
	{"CancelledCallsLoseNothing", cancelled},
	{"ManyRecordsComeInPages", manyIn},
}

var errStop = errors.New("stopped by the suite")

func nothingBeforeMerge(t testing.TB, h Harness) {
	w := newEnv(t, h)
	a, b := w.incoming(0, 0), w.incoming(1, 0)
	s := w.begin()
	if s.Since() != 0 || len(s.Retry()) != 0 {
		t.Fatalf("a new engine has Since %v and Retry %v; want nothing", s.Since(), s.Retry())
	}
	s.stage(a)
	s.stage(b)
	w.want("before Merge", map[engine.ID]int{})
	if s.Since() != 0 {
		t.Fatalf("Since moved to %v before Merge", s.Since())
	}
	m := s.merge()
	if m.Applied != 2 || m.Failed != 0 || m.Outgoing != 0 {
		t.Fatalf("merged %+v; want 2 applied and nothing else", m)
	}
	if s.Since() != w.at {
		t.Fatalf("Since is %v after Merge; want %v", s.Since(), w.at)
	}
	w.want("after Merge", map[engine.ID]int{a.ID: 0, b.ID: 0})
	if page := s.outgoing(10); len(page) != 0 {
		t.Fatalf("%d records would go up; want none", len(page))
	}
	s.end(nil)
	since := w.at
	w.reopen()
	if s := w.begin(); s.Since() != since {
		t.Fatalf("the next session has Since %v; want %v", s.Since(), since)
	} else {
		s.end(nil)
	}
}

func stageIsUpsert(t testing.TB, h Harness) {
	w := newEnv(t, h)
	in := w.incoming(0, 0)
	s := w.begin()
	s.stage(in, w.incoming(1, 0))
	s.stage(w.incoming(0, 1))
	gone := engine.Incoming{ID: w.incoming(1, 0).ID, Modified: w.at}
	s.stage(gone)
	clobbered := w.incoming(2, 0)
	s.stage(clobbered)
	for i := range clobbered.Payload {
		clobbered.Payload[i] = 'x' // it is the caller's again
	}
	s.merge()
	s.end(nil)
	w.want("after two pages with the same records", map[engine.ID]int{in.ID: 1, clobbered.ID: 0})
}

func stagedIsVoid(t testing.TB, h Harness) {
	w := newEnv(t, h)
	s := w.begin()
	s.stage(w.incoming(0, 0))
	s.end(errStop)
	if m, _ := w.sync(); m.Applied != 0 {
		t.Fatalf("%d records of an ended session were applied", m.Applied)
	}
	s = w.begin()
	s.stage(w.incoming(1, 0))
	w.reopen() // killed: no End
	w.sync()
	w.want("after sessions without Merge", map[engine.ID]int{})
}

func idempotent(t testing.TB, h Harness) {
	w := newEnv(t, h)
	in := []engine.Incoming{w.incoming(0, 0), w.incoming(1, 1), w.incoming(2, 0)}
	w.sync(in...)
	before := w.versions()
	m, out := w.sync(in...)
	if m.Applied != 0 || len(out) != 0 {
		t.Fatalf("the same records again: %d applied, %d go up; want none", m.Applied, len(out))
	}
	w.want("after the same records again", before)
}

func tombstones(t testing.TB, h Harness) {
	w := newEnv(t, h)
	a, b := w.incoming(0, 0), w.incoming(1, 0)
	w.sync(a, b)
	unknown := engine.Incoming{ID: w.incoming(7, 0).ID, Modified: w.at}
	m, out := w.sync(engine.Incoming{ID: a.ID, Modified: w.at}, unknown)
	if m.Applied != 1 || m.Failed != 0 || len(out) != 0 {
		t.Fatalf("merged %+v, %d go up; want 1 applied, none failed, none up", m, len(out))
	}
	w.want("after a tombstone", map[engine.ID]int{b.ID: 0})
}

func unreadable(t testing.TB, h Harness) {
	w := newEnv(t, h)
	a, b := w.incoming(0, 0), w.incoming(1, 0)
	w.sync(b)
	cause := errors.New("cannot be decrypted")
	bad := func(id engine.ID) engine.Incoming { return engine.Incoming{ID: id, Modified: w.at, Err: cause} }
	m, out := w.sync(bad(a.ID), bad(b.ID), w.incoming(2, 0))
	if m.Failed != 2 || m.NewFailed != 2 || len(m.Problems) != 2 || m.Applied != 1 {
		t.Fatalf("merged %+v; want 2 failed for the first time and named, 1 applied", m)
	}
	repaired := slices.ContainsFunc(out, func(o engine.Outgoing) bool { return o.ID == b.ID })
	if len(out) > 1 || len(out) == 1 && !repaired {
		t.Fatalf("%v go up; want none, but for the good copy of %v", out, b.ID)
	}
	w.want("after unreadable records", map[engine.ID]int{b.ID: 0, w.incoming(2, 0).ID: 0})
	w.reopen()
	readLater(w, a.ID, bad(b.ID), repaired)
	w.want("after one of them could be read", map[engine.ID]int{a.ID: 1, b.ID: 0, w.incoming(2, 0).ID: 0})
}

// readLater brings the record a, which can be read now, and the unreadable b again, unless
// the engine repaired it.
func readLater(w *env, a engine.ID, b engine.Incoming, repaired bool) {
	w.Helper()
	s := w.begin()
	if retry := s.Retry(); !slices.Contains(retry, a) || slices.Contains(retry, b.ID) == repaired {
		w.Fatalf("Retry is %v; want %v, and %v unless its good copy is on the server", retry, a, b.ID)
	}
	if repaired {
		s.stage(w.incoming(0, 1))
	} else {
		s.stage(w.incoming(0, 1), b)
	}
	if m := s.merge(); m.NewFailed != 0 || m.Applied != 1 || (m.Failed == 0) != repaired || m.Outgoing != 0 {
		w.Fatalf("merged %+v; want 1 applied, nothing that failed for the first time, and none up", m)
	}
	s.end(nil)
	s = w.begin()
	if slices.Contains(s.Retry(), a) {
		w.Fatalf("Retry still names %v, which could be read", a)
	}
	s.end(nil)
}

// retries is more often than an engine may ask for one record.
const retries = 10

func retryEnds(t testing.TB, h Harness) {
	for name, again := range map[string]func(w *env) []engine.Incoming{
		"fails each time": func(w *env) []engine.Incoming {
			return []engine.Incoming{{ID: w.incoming(0, 0).ID, Modified: w.at, Err: errStop}}
		},
		"is not there any more": func(*env) []engine.Incoming { return nil },
	} {
		w := newEnv(t, h)
		w.sync(engine.Incoming{ID: w.incoming(0, 0).ID, Modified: w.at, Err: errStop})
		asked := 0
		for range retries {
			s := w.begin()
			if len(s.Retry()) > 0 {
				asked++
				s.stage(again(w)...)
			}
			s.merge()
			s.end(nil)
		}
		if asked == 0 || asked == retries {
			t.Fatalf("a record that %s was asked for in %d of %d syncs; want a few", name, asked, retries)
		}
	}
}

func invalid(t testing.TB, h Harness) {
	w := newEnv(t, h)
	bad := w.incoming(0, 0)
	bad.Payload = h.Invalid
	m, out := w.sync(bad, w.incoming(1, 0))
	if m.Failed != 1 || m.NewFailed != 1 || len(m.Problems) != 1 || m.Problems[0].ID != bad.ID || m.Applied != 1 || len(out) != 0 {
		t.Fatalf("merged %+v, %d go up; want 1 failed and named, 1 applied, none up", m, len(out))
	}
	w.want("after an invalid record", map[engine.ID]int{w.incoming(1, 0).ID: 0})
}

func cancelled(t testing.TB, h Harness) {
	w := newEnv(t, h)
	w.sync(w.incoming(0, 0))
	since := w.at
	gone, cancel := context.WithCancel(w.ctx())
	cancel()
	if _, err := w.e.Begin(gone, h.Start); !errors.Is(err, context.Canceled) {
		t.Fatalf("Begin with a cancelled context: %v", err)
	}
	s := w.begin()
	err := s.Stage(gone, []engine.Incoming{w.incoming(1, 0)})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Stage with a cancelled context: %v", err)
	}
	s.end(err)
	s = w.begin()
	s.stage(w.incoming(1, 0))
	if _, err = s.Merge(gone, w.tick()); !errors.Is(err, context.Canceled) {
		t.Fatalf("Merge with a cancelled context: %v", err)
	}
	s.end(err)
	s = w.begin()
	if s.Since() != since {
		t.Fatalf("Since is %v after cancelled calls; want %v", s.Since(), since)
	}
	s.stage(w.incoming(1, 0))
	s.merge()
	if _, err = s.Outgoing(gone, 10); !errors.Is(err, context.Canceled) {
		t.Fatalf("Outgoing with a cancelled context: %v", err)
	}
	s.end(err)
	w.sync()
	w.want("in the end", map[engine.ID]int{w.incoming(0, 0).ID: 0, w.incoming(1, 0).ID: 0})
}

func manyIn(t testing.TB, h Harness) {
	w := newEnv(t, h)
	s := w.begin()
	want := make(map[engine.ID]int, h.Many)
	for from := 0; from < h.Many; from += 1000 {
		var page []engine.Incoming
		for i := from; i < min(from+1000, h.Many); i++ {
			in := w.incoming(i, 0)
			page = append(page, in)
			want[in.ID] = 0
		}
		s.stage(page...)
	}
	if m := s.merge(); m.Applied != h.Many {
		t.Fatalf("%d applied; want %d", m.Applied, h.Many)
	}
	s.end(nil)
	w.want("after many records", want)
}
