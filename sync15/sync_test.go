package sync15_test

import (
	"maps"
	"testing"
)

func TestARecordTravelsFromDeviceToDevice(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.shelf.put("note-1", "hello")
	if c := a.mustSync(); c.Uploaded != 1 {
		t.Errorf("uploaded %d", c.Uploaded)
	}
	b.mustSync()
	if got := b.shelf.content(); !maps.Equal(got, a.shelf.content()) || len(got) != 1 {
		t.Errorf("b has %v", got)
	}
	b.shelf.put("note-1", "hello yourself")
	b.shelf.put("note-2", "new")
	b.mustSync()
	a.mustSync()
	b.shelf.drop("note-1")
	b.mustSync()
	a.mustSync()
	if got := a.shelf.content(); len(got) != 1 || got["note-2"] != "new" {
		t.Errorf("a has %v", got)
	}
}

// TestRequestBudget asserts how few requests a sync makes.
func TestRequestBudget(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.shelf.put("note-1", "hello")
	a.mustSync()
	w.expect("GET info/collections", "GET info/configuration", "GET storage/meta/global",
		"DELETE storage", "PUT storage/meta/global", "PUT storage/crypto/keys",
		"GET info/collections", "GET info/configuration", "GET storage/meta/global", "GET storage/crypto/keys",
		"POST storage/clients", "POST storage/notes")
	a.mustSync()
	w.expect("GET info/collections")

	b.mustSync()
	w.expect("GET info/collections", "GET info/configuration", "GET storage/meta/global", "GET storage/crypto/keys",
		"GET storage/clients", "POST storage/clients", "GET storage/notes")
	b.mustSync()
	w.expect("GET info/collections")

	// Device a has not seen device b yet. Once it has, there is nothing to sync again.
	a.mustSync()
	w.expect("GET info/collections", "GET storage/clients")
	a.mustSync()
	w.expect("GET info/collections")

	a.shelf.put("note-2", "one local change")
	a.mustSync()
	w.expect("GET info/collections", "POST storage/notes")
	a.mustSync()
	w.expect("GET info/collections")
	b.mustSync()
	w.expect("GET info/collections", "GET storage/notes")
	b.mustSync()
	w.expect("GET info/collections")
}
