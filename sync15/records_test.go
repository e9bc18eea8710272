package sync15_test

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/seal"
	"github.com/syncmanager/syncmanager/server/token"
	"github.com/syncmanager/syncmanager/sync15"
)

// records opens the account of a device for reading and writing records.
func (d *device) records() *sync15.Records {
	d.w.t.Helper()
	d.w.mu.Lock()
	d.w.asked = nil
	d.w.mu.Unlock()
	rs, err := d.client().OpenRecords(d.w.t.Context())
	if err != nil {
		d.w.t.Fatal(err)
	}
	return rs
}

func collect(t *testing.T, list iter.Seq2[sync15.Record, error]) (all []sync15.Record) {
	t.Helper()
	for rec, err := range list {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
	return all
}

func TestRecordsShowWhatTheServerHas(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.shelf.put("note-1", "hello")
	a.mustSync()
	a.put("notes", "damaged", "<html>")
	other, _ := seal.RandomBundle(rand.Reader)
	foreign, _ := other.Seal(nil, []byte(`{"id":"foreign"}`), rand.Reader)
	a.put("notes", "foreign", string(foreign))
	moved, _ := a.state.Inner().Keys.Default.Seal(nil, []byte(`{"id":"elsewhere"}`), rand.Reader)
	a.put("notes", "moved", string(moved))
	gone, _ := a.state.Inner().Keys.Default.Seal(nil, []byte(`{"id":"gone","deleted":true}`), rand.Reader)
	a.put("notes", "gone", string(gone))

	rs := a.records()
	var shown []string
	for _, rec := range collect(t, rs.List(t.Context(), "notes", false)) {
		shown = append(shown, fmt.Sprintf("%s %s %v", rec.ID, rec.Cleartext, rec.Err != nil))
		if rec.Sealed == "" || rec.Modified == 0 {
			t.Errorf("%s lacks what the server has: %+v", rec.ID, rec)
		}
	}
	want := []string{
		`note-1 {"id":"note-1","text":"hello"} false`, "damaged  true", "foreign  true", "moved  true", `gone {"id":"gone","deleted":true} false`,
	}
	if !slices.Equal(shown, want) {
		t.Errorf("listed\n\t%s", strings.Join(shown, "\n\t"))
	}
	rec, err := rs.Get(t.Context(), "notes", "damaged", true)
	if err != nil || rec.Sealed != "<html>" || rec.Cleartext != nil || rec.Err != nil {
		t.Errorf("as it is: %+v, %v", rec, err)
	}
	if rec, err = rs.Get(t.Context(), "notes", "foreign", false); err != nil || !errors.Is(rec.Err, seal.ErrHMAC) {
		t.Errorf("opened: %+v, %v", rec, err)
	}
	// meta is in the clear, and crypto has a key of its own.
	for name, want := range map[string]string{"meta/global": `"storageVersion":5`, "crypto/keys": `"default":[`, "clients/" + string(a.state.Inner().Clients.Self): `"name":"a"`} {
		collection, id, _ := strings.Cut(name, "/")
		if rec, err := rs.Get(t.Context(), collection, bso.ID(id), false); err != nil || !strings.Contains(string(rec.Cleartext), want) {
			t.Errorf("%s: %s, %v, %v", name, rec.Cleartext, rec.Err, err)
		}
	}
	list, err := rs.Collections(t.Context())
	if err != nil || len(list) != 4 || list[3].Name != "notes" || *list[3].Records != 5 || *list[3].Bytes < 100 || list[3].Modified == 0 {
		t.Errorf("the collections are %+v, %v", list, err)
	}
	if w.writes() != 0 {
		t.Errorf("a look wrote: %v", w.asked)
	}
}

func TestRecordsThatAreNotThere(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	// Reading records does not set anything up.
	rs := a.records()
	if list, err := rs.Collections(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("the collections are %v, %v", list, err)
	}
	_, err := rs.Put(t.Context(), "notes", sync15.Record{ID: "x", Cleartext: []byte("{}")}, 0)
	if !errors.Is(err, sync15.ErrNoStorage) || w.writes() != 0 {
		t.Errorf("%v, after %v", err, w.asked)
	}
	a.mustSync()
	rs = a.records()
	for _, err := range rs.List(t.Context(), "martians", false) {
		if !errors.Is(err, sync15.ErrNoCollection) {
			t.Errorf("list: %v", err)
		}
	}
	if _, err := rs.Get(t.Context(), "martians", "x", true); !errors.Is(err, sync15.ErrNoCollection) {
		t.Errorf("get: %v", err)
	}
	if err := rs.DeleteCollection(t.Context(), "martians"); !errors.Is(err, sync15.ErrNoCollection) {
		t.Errorf("delete: %v", err)
	}
	if _, err := rs.Get(t.Context(), "meta", "martian", true); !errors.Is(err, sync15.ErrNoRecord) {
		t.Errorf("get: %v", err)
	}
	if err := rs.Delete(t.Context(), "meta", "martian", 0); !errors.Is(err, sync15.ErrNoRecord) {
		t.Errorf("delete: %v", err)
	}
}

// TestRecordsOfAnotherServer covers a server without counts, one whose answers make no sense,
// and one that the storage moved to.
func TestRecordsOfAnotherServer(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.mustSync()
	w.before = func(r *http.Request) *http.Response {
		if strings.Contains(r.URL.Path, "/info/collection_") {
			return answer(404, "application/json", "0")
		}
		return nil
	}
	if list, err := a.records().Collections(t.Context()); err != nil || len(list) != 3 || list[0].Records != nil || list[0].Bytes != nil {
		t.Errorf("the collections are %+v, %v", list, err)
	}
	for path, body := range map[string]string{"/info/collection_usage": `["none"]`, "/storage/meta/global": `{"id":"global"}`} {
		w.before = func(r *http.Request) *http.Response {
			if isGet(r, path) {
				return answer(200, "application/json", body)
			}
			return nil
		}
		_, err := a.records().Get(t.Context(), "meta", "global", true)
		if err == nil {
			_, err = a.records().Collections(t.Context())
		}
		if !errors.Is(err, sync15.ErrProtocol) {
			t.Errorf("%s is %s: %v", path, body, err)
		}
	}
	w.before = nil
	w.close()
	w.dir, w.node, w.signer = t.TempDir(), "http://node2.test/storage", token.NewSigner([]byte("another"))
	w.open()
	if list, err := a.records().Collections(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("where the storage moved to: %+v, %v", list, err)
	}
}

// TestAListOfManyPages reads them one after another, and stops when the reader
// does.
func TestAListOfManyPages(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	for i := range 2500 {
		a.shelf.put(bso.ID(fmt.Sprintf("note-%05d", i)), "hello")
	}
	a.mustSync()
	if n := len(collect(t, a.records().List(t.Context(), "notes", false))); n != 2500 {
		t.Errorf("%d records", n)
	}
	w.expect("GET info/collections", "GET storage/notes", "GET storage/notes", "GET storage/notes")
	for _, err := range a.records().List(t.Context(), "notes", false) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	if n := len(w.asked); n > 3 {
		t.Errorf("%d requests for one record", n)
	}
	// Somebody writes between the first page and the second.
	rs := a.records()
	n := 0
	var last error
	for _, err := range rs.List(t.Context(), "notes", true) {
		if n++; n == 1 {
			a.put("notes", "late", "late")
		}
		last = err
	}
	if !errors.Is(last, sync15.ErrChanged) || n >= 2500 {
		t.Errorf("after %d records: %v", n, last)
	}
	// An answer that breaks off is reported.
	w.after = func(r *http.Request, resp *http.Response) {
		if isGet(r, "/storage/notes") {
			resp.Body = io.NopCloser(io.LimitReader(resp.Body, 5000))
		}
	}
	last = nil
	for _, err := range a.records().List(t.Context(), "notes", true) {
		last = err
	}
	if !errors.Is(last, sync15.ErrProtocol) {
		t.Errorf("half an answer: %v", last)
	}
}

func TestPutComparesAndSwaps(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.mustSync()
	b.mustSync()
	weight := 7
	rs := a.records()
	at, err := rs.Put(t.Context(), "notes", sync15.Record{ID: "note-1", Cleartext: []byte(` { "text":"by hand" }`), SortIndex: &weight, TTL: 100}, 0)
	if err != nil || at == 0 {
		t.Fatalf("%v, %v", at, err)
	}
	rec, err := a.records().Get(t.Context(), "notes", "note-1", false)
	if err != nil || string(rec.Cleartext) != ` {"id":"note-1", "text":"by hand" }` || rec.Modified != at || *rec.SortIndex != 7 {
		t.Errorf("it became %s %+v, %v", rec.Cleartext, rec, err)
	}
	b.mustSync()
	if b.shelf.content()["note-1"] != "by hand" {
		t.Errorf("the engine has %v", b.shelf.content())
	}
	if _, err := rs.Put(t.Context(), "notes", sync15.Record{ID: "note-1", Cleartext: []byte(`{}`)}, 0); !errors.Is(err, sync15.ErrExists) {
		t.Errorf("a new one, where one is: %v", err)
	}
	b.shelf.put("note-1", "by the engine")
	b.mustSync()
	if _, err := rs.Put(t.Context(), "notes", rec, at); !errors.Is(err, sync15.ErrChanged) {
		t.Errorf("put after a concurrent write: %v", err)
	}
	if err := rs.Delete(t.Context(), "notes", "note-1", at); !errors.Is(err, sync15.ErrChanged) {
		t.Errorf("delete after a concurrent write: %v", err)
	}
	rec, err = a.records().Get(t.Context(), "notes", "note-1", false)
	if err != nil || !strings.Contains(string(rec.Cleartext), "by the engine") {
		t.Errorf("it became %s, %v", rec.Cleartext, err)
	}
	rs = a.records()
	b.shelf.put("note-2", "later")
	b.mustSync()
	if err := rs.DeleteCollection(t.Context(), "notes"); !errors.Is(err, sync15.ErrChanged) {
		t.Errorf("a collection that changed: %v", err)
	}
	rs = a.records()
	if err := rs.Delete(t.Context(), "notes", "note-1", rec.Modified); err != nil {
		t.Error(err)
	}
	if err := a.records().DeleteCollection(t.Context(), "notes"); err != nil {
		t.Error(err)
	}
	if list, err := a.records().Collections(t.Context()); err != nil || slices.ContainsFunc(list, func(c sync15.Collection) bool { return c.Name == "notes" }) {
		t.Errorf("the collections are %+v, %v", list, err)
	}
}

func TestPutRefusesWhatCannotBeARecord(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.mustSync()
	rs := a.records()
	weight := 1_000_000_000
	for want, rec := range map[string]sync15.Record{
		"printable ASCII":     {ID: "é", Cleartext: []byte("{}")},
		"1 to 64":             {Cleartext: []byte("{}")},
		"not a JSON object":   {ID: "x", Cleartext: []byte(`["a list"]`)},
		"not a JSON object:":  {ID: "x", Cleartext: []byte(`{"id":"x"`)},
		`is "y", and not "x"`: {ID: "x", Cleartext: []byte(`{"id":"y"}`)},
		"is 7, and not":       {ID: "x", Cleartext: []byte(`{"id":7}`)},
		"nine digits":         {ID: "x", Cleartext: []byte("{}"), SortIndex: &weight},
		"seconds":             {ID: "x", Cleartext: []byte("{}"), TTL: -1},
		"the server takes":    {ID: "x", Cleartext: []byte(`{"text":"` + strings.Repeat("x", 5<<20) + `"}`)},
		"server takes":        {ID: "x", Sealed: strings.Repeat("x", 5<<20)},
	} {
		if _, err := rs.Put(t.Context(), "notes", rec, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := rs.Put(t.Context(), "no/tes", sync15.Record{ID: "x", Cleartext: []byte("{}")}, 0); err == nil || !strings.Contains(err.Error(), "collection's name") {
		t.Errorf("a name that is none: %v", err)
	}
	if w.writes() != 0 {
		t.Errorf("the requests were %v", w.asked)
	}
}

// FuzzWithID: what Put accepts contains the record's ID, and all that it contained before.
func FuzzWithID(f *testing.F) {
	for _, text := range []string{`{}`, ` { "a" : 1.50 } `, `{"id":"x"}`, `{"id":"x","id":"y"}`, `{"\u0069d":"x"}`, `[{}]`, `{"a":{"id":"y"}}`, "\ufeff{}"} {
		f.Add(text, "x")
	}
	f.Add(`{}`, `"\/`)
	f.Fuzz(func(t *testing.T, text, id string) {
		if !bso.ID(id).Valid() {
			return
		}
		with, err := sync15.WithID([]byte(text), bso.ID(id))
		if err != nil {
			return
		}
		var before, after map[string]any
		if err := json.Unmarshal([]byte(text), &before); err != nil {
			t.Fatalf("%q is no object, and became %q", text, with)
		}
		if err := json.Unmarshal(with, &after); err != nil {
			t.Fatalf("%q became %q: %v", text, with, err)
		}
		before["id"] = id
		if !reflect.DeepEqual(before, after) {
			t.Errorf("%q with %q became %q", text, id, with)
		}
	})
}
