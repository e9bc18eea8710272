package collection_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
)

type (
	embedded struct {
		ID collection.ID `json:"id"`
	}
	node struct {
		ID       string          `json:"id"`
		Children []node          `json:"children"`
		Parent   *node           `json:"parent"`
		ByName   map[string]node `json:"byName"`
		Any      any             `json:"any"`
		When     time.Time       `json:"when"`
		Day      time.Weekday    `json:"day"`
		Numbers  map[int]float64 `json:"numbers"`
		Nothing  struct{}        `json:"nothing"`
		hidden   func()
		Skipped  chan int `json:"-"`
	}
	loop []loop
)

func refused[R any](t *testing.T, says string, o collection.Options[R]) {
	t.Helper()
	o.Path = filepath.Join(t.TempDir(), "x.db")
	e, err := collection.Open(context.Background(), "test-notes", o)
	if err == nil {
		check(t, e.Close())
	}
	if err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("%v: got %v, want %q", reflect.TypeFor[R](), err, says)
	}
	if _, err := os.Stat(o.Path); err == nil {
		t.Errorf("%v: a file was made for it", reflect.TypeFor[R]())
	}
}

func TestStructsThatCannotBeSynced(t *testing.T) {
	t.Parallel()
	refused(t, "int is not a struct", collection.Options[int]{})
	refused(t, "is not a struct", collection.Options[*note]{})
	refused(t, "is not a struct", collection.Options[map[string]any]{})
	refused(t, "methods that make its JSON", collection.Options[time.Time]{})
	refused(t, "an embedded field's", collection.Options[struct {
		time.Time
		ID string `json:"id"`
	}]{})
	refused(t, "no field for its id", collection.Options[struct{ Title string }]{})
	refused(t, "no field for its id", collection.Options[struct{ ID string }]{}) // that is "ID" in JSON
	refused(t, "must be a plain string", collection.Options[struct {
		ID int `json:"id"`
	}]{})
	refused(t, "must be a plain string", collection.Options[struct {
		ID string `json:"id,string"`
	}]{})
	refused(t, "must be a plain string", collection.Options[struct{ *embedded }]{})
	refused(t, `its fields ID and Key have one name in JSON, "id"`, collection.Options[struct {
		embedded
		Key string `json:"id"`
	}]{})
	refused(t, "its fields ID and B have one name", collection.Options[struct {
		ID string `json:"id"`
		B  string `json:"Id"`
	}]{})
	refused(t, "its field Gone is what marks a deleted record", collection.Options[struct {
		embedded
		Gone bool `json:"deleted"`
	}]{})
	refused(t, `cannot be called "a.b"`, collection.Options[struct {
		embedded
		A int `json:"a.b"`
	}]{})
	refused(t, "its field Done is or holds a chan int", collection.Options[struct {
		embedded
		Done chan int `json:"done"`
	}]{})
	refused(t, "its field List its field F is or holds a func()", collection.Options[struct {
		embedded
		List []struct{ F func() }
	}]{})
	refused(t, "cannot be read back", collection.Options[struct {
		embedded
		Err error `json:"err"`
	}]{})
	refused(t, "a map by bool", collection.Options[struct {
		embedded
		M map[bool]int `json:"m"`
	}]{})
	refused(t, `there is none but sync:"fields"`, collection.Options[struct {
		embedded
		Tags []string `json:"tags" sync:"union"`
	}]{})
	refused(t, "is for a struct or a map", collection.Options[struct {
		embedded
		Tags []string `json:"tags" sync:"fields"`
	}]{})
	refused(t, "is within another", collection.Options[struct {
		embedded
		In struct {
			M map[string]int `json:"m" sync:"fields"`
		} `json:"in"`
	}]{})
	refused(t, "Merge and OnConflict exclude each other", collection.Options[note]{OnConflict: collection.KeepBoth, Merge: sum})
}

func TestStructsOfManyKinds(t *testing.T) {
	t.Parallel()
	c := newCloud()
	nodes := open(t, c, collection.Options[node]{})
	n := node{Parent: &node{ID: "p"}, Children: []node{{ID: "c"}}, Any: "x", Numbers: map[int]float64{1: 2}, When: time.UnixMilli(5).UTC(), hidden: func() {}}
	n = add(t, nodes, n)
	got, err := nodes.Get(t.Context(), collection.ID(n.ID))
	check(t, err)
	if n.hidden = nil; !reflect.DeepEqual(got, n) {
		t.Errorf("kept %+v as %+v", n, got)
	}
	add(t, open(t, c, collection.Options[struct {
		embedded
		Loop loop `json:"loop"`
	}]{}), struct {
		embedded
		Loop loop `json:"loop"`
	}{})
}

func TestNames(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{
		"bookmarks": "Firefox or the protocol own this name", "meta": "own this name", "keys": "own this name", "Tabs": "own this name",
		"": "1 to 32 letters", "a b": "1 to 32 letters", "a/b": "1 to 32 letters", strings.Repeat("x", 33): "1 to 32 letters",
	} {
		_, err := collection.Open(t.Context(), name, collection.Options[note]{Path: filepath.Join(t.TempDir(), "x.db")})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, want %q", name, err, says)
		}
	}
	if _, err := collection.Open(t.Context(), "x", collection.Options[note]{}); err == nil || !strings.Contains(err.Error(), "Path") {
		t.Errorf("without a path: %v", err)
	}
}

func TestTheFileIsTheCollectionsAndTheKeys(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	of := func(name string, key byte) error {
		e, err := collection.Open(t.Context(), name, collection.Options[note]{Path: path, Key: [32]byte{key}})
		if err != nil {
			return err
		}
		if n, err := e.Count(t.Context()); err != nil || n == 0 {
			add(t, e, note{Title: "a secret title"})
		}
		return e.Close()
	}
	check(t, of("test-notes", 1))
	raw, err := os.ReadFile(path)
	check(t, err)
	if strings.Contains(string(raw), "secret") {
		t.Error("the file can be read without the key")
	}
	if err := of("test-notes", 2); !errors.Is(err, engine.ErrKey) {
		t.Errorf("with another key: %v", err)
	}
	if err := of("test-other", 1); err == nil || !strings.Contains(err.Error(), `holds the collection "test-notes"`) {
		t.Errorf("as another collection: %v", err)
	}
	check(t, of("test-notes", 1))
}

// A key that the file was not made with, or none where it has one, is refused at once. Only
// a file in which nothing was written yet takes a key although it has none.
func TestTheKeyIsCheckedAtOpen(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		made, given [32]byte
		want        error
	}{
		"another key":                     {[32]byte{1}, [32]byte{2}, engine.ErrKey},
		"no key where it is encrypted":    {[32]byte{1}, [32]byte{}, engine.ErrNoKey},
		"a key where it is not encrypted": {[32]byte{}, [32]byte{1}, engine.ErrNotEncrypted},
		"the key":                         {[32]byte{1}, [32]byte{1}, nil},
		"none":                            {[32]byte{}, [32]byte{}, nil},
	} {
		for _, records := range []int{0, 1} {
			path := filepath.Join(t.TempDir(), "x.db")
			e, err := collection.Open(t.Context(), "test-notes", collection.Options[note]{Path: path, Key: c.made})
			check(t, err)
			for range records {
				add(t, e, note{Title: "x"})
			}
			check(t, e.Close())
			e, err = collection.Open(t.Context(), "test-notes", collection.Options[note]{Path: path, Key: c.given})
			want := c.want
			if records == 0 && errors.Is(want, engine.ErrNotEncrypted) {
				want = nil
			}
			if !errors.Is(err, want) || (err == nil) != (want == nil) {
				t.Errorf("%s, %d records: %v, want %v", name, records, err, want)
			}
			if err == nil {
				if n, err := e.Count(t.Context()); n != records || err != nil {
					t.Errorf("%s: %d records, %v", name, n, err)
				}
				check(t, e.Close())
			}
		}
	}
}
