package enginetest

import (
	"bytes"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
)

// ownUploads are the cases of an engine whose devices own one record each.
var ownUploads = []Case{
	{"OwnRecordGoesUpWhenItChanged", ownGoesUp},
	{"OwnRecordIsNotTakenFromTheServer", ownIsOurs},
	{"EditDuringUploadSurvives", ownEditDuringUpload},
	{"RefusedForEverWaitsForAnEdit", ownRefused},
}

func ownGoesUp(t testing.TB, h Harness) {
	w := newEnv(t, h)
	if _, out := w.sync(); len(out) != 0 {
		t.Fatalf("%v goes up, and there is nothing to tell", ids(out))
	}
	w.add(0)
	w.wantChanges("after adding", 1)
	_, out := w.sync()
	if len(out) != 1 || out[0].ID != h.OwnRecord {
		t.Fatalf("%v goes up; want %v", ids(out), h.OwnRecord)
	}
	wantPayload(t, out[0])
	w.wantChanges("after the upload", 0)
	w.reopen()
	if _, out := w.sync(); len(out) != 0 {
		t.Fatal("it goes up again, unchanged")
	}
	s := w.begin()
	w.add(1)
	s.merge()
	s.outgoing(10)
	s.end(errStop)
	if _, out := w.sync(); len(out) != 1 {
		t.Fatalf("%d records go up after a failed upload; want the own one", len(out))
	}
}

func ownIsOurs(t testing.TB, h Harness) {
	w := newEnv(t, h)
	w.add(0)
	before := w.versions()
	_, out := w.sync()
	w.sync(engine.Incoming{ID: h.OwnRecord, Modified: w.tick(), Payload: out[0].Payload})
	w.want("after the own record came back", before)
	w.sync(engine.Incoming{ID: h.OwnRecord, Modified: w.tick()})
	w.want("after a tombstone for the own record", before)
}

func ownEditDuringUpload(t testing.TB, h Harness) {
	w := newEnv(t, h)
	w.add(0)
	s := w.begin()
	s.merge()
	first := s.outgoing(10)
	w.add(1)
	s.stored(first...)
	s.end(nil)
	w.wantChanges("after an edit during the upload", 1)
	_, out := w.sync()
	if len(out) != 1 || bytes.Equal(out[0].Payload, first[0].Payload) {
		t.Fatalf("the next sync sends %d records; want the edit", len(out))
	}
}

func ownRefused(t testing.TB, h Harness) {
	w := newEnv(t, h)
	w.add(0)
	s := w.begin()
	s.merge()
	s.refused(true, s.outgoing(10)...)
	s.end(nil)
	w.reopen()
	if _, out := w.sync(); len(out) != 0 {
		t.Fatal("a record that was refused for ever goes up again")
	}
	w.add(1)
	if _, out := w.sync(); len(out) != 1 {
		t.Fatalf("%d records go up after an edit; want 1", len(out))
	}
}
