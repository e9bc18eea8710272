package mirror

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

// Two stores, edited at random and synced through a server that fails at random,
// end up the same, and with all that nobody deleted.
func TestStoresConverge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := 0
	long.Check(t, 50, func(r *rapid.T) { converge(r, dir, &n, testSchema(true)) })
}

// The same where both sides of a conflict are kept, and no dedupe key tells that two
// are the same.
func TestStoresThatKeepBothConverge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := 0
	schema := testSchema(false)
	schema.Fork = true
	long.Check(t, 50, func(r *rapid.T) { converge(r, dir, &n, schema) })
}

func converge(r *rapid.T, dir string, n *int, schema Schema[testRecord]) {
	*n++
	run := filepath.Join(dir, fmt.Sprint(*n))
	if err := os.Mkdir(run, 0o700); err != nil {
		r.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(run) }()
	w := newModel(r, run, schema)
	defer w.close()
	r.Repeat(map[string]func(*rapid.T){
		"add":    func(r *rapid.T) { w.add(r, w.pick(r)) },
		"edit":   func(r *rapid.T) { w.edit(r, w.pick(r)) },
		"delete": func(r *rapid.T) { w.delete(r, w.pick(r)) },
		"sync":   func(r *rapid.T) { w.sync(r, w.pick(r), true) },
		"reset": func(r *rapid.T) {
			w.must(r, w.pick(r).Reset(context.Background(), engine.Association{}))
		},
		"file": func(r *rapid.T) {
			switch d := w.pick(r); rapid.IntRange(0, 7).Draw(r, "what becomes of it") {
			case 0:
				w.copyFile(r, d)
			case 1:
				w.putBack(r, d)
			}
		},
	})
	w.settle(r)
}

type serverRecord struct {
	payload  []byte // nil: a tombstone
	modified engine.Timestamp
}

type device struct {
	*Store[testRecord]
	name   string
	path   string
	open   func() (*Store[testRecord], error)
	copied bool
	cancel func() // when the clock has been looked at alarm times
	alarm  int
}

type model struct {
	server  map[engine.ID]serverRecord
	at      engine.Timestamp
	devices []*device
	serial  int
	// What the users did with each name: who made it, who wrote its fields last,
	// and whether anyone deleted it.
	makers  map[string]map[string]bool
	writers map[string]map[string]bool
	last    map[string]string
	deleted map[string]bool
	// edits counts what users wrote of each name; lost tells that a file was put back
	// that did not have it all.
	edits map[string]int
	lost  bool
	keyed bool
}

func newModel(r *rapid.T, dir string, schema Schema[testRecord]) *model {
	w := &model{server: map[engine.ID]serverRecord{}, at: 100, makers: map[string]map[string]bool{}, writers: map[string]map[string]bool{},
		last: map[string]string{}, deleted: map[string]bool{}, edits: map[string]int{}, keyed: !schema.Fork}
	for _, name := range []string{"A", "B"} {
		d := &device{name: name}
		now := func() time.Time {
			if d.alarm--; d.alarm == 0 && d.cancel != nil {
				d.cancel()
			}
			return time.UnixMilli(int64(w.at) * 10)
		}
		d.path = filepath.Join(dir, name)
		d.open = func() (*Store[testRecord], error) {
			s, err := open(context.Background(), schema, engine.StoreConfig{Path: d.path, Now: now, Rand: rand.Reader}, 0)
			if err == nil {
				s.setChunk(3)
			}
			return s, err
		}
		s, err := d.open()
		w.must(r, err)
		d.Store = s
		w.devices = append(w.devices, d)
	}
	return w
}

// testSchema is that of records with a name, by which two are the same thing if keyed.
func testSchema(keyed bool) Schema[testRecord] {
	return Schema[testRecord]{
		Collection: "test", Version: 1,
		ID:    func(r *testRecord) *engine.ID { return &r.ID },
		Check: named(keyed, func(r *testRecord) string { return r.Name }),

		Lookup:        func(r *testRecord) []string { return []string{"name " + r.Name, "record"} },
		LookupVersion: 1,
	}
}

// named is a check that a record has a name, which is its dedupe key if keyed.
func named[R any](keyed bool, name func(*R) string) func(*R) (Keys, error) {
	return func(r *R) (k Keys, err error) {
		if name(r) == "" {
			return k, errors.New("it has no name")
		}
		if keyed {
			k.Dedupe = []byte(name(r))
		}
		return k, nil
	}
}

func (w *model) close() {
	for _, d := range w.devices {
		_ = d.Close()
	}
}

func (w *model) must(r *rapid.T, err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

func (w *model) pick(r *rapid.T) *device { return rapid.SampledFrom(w.devices).Draw(r, "device") }

// next is a number that was not there before, at a moment that was not either.
func (w *model) next() int {
	w.serial++
	w.at++
	return w.serial
}

func (w *model) add(r *rapid.T, d *device) {
	name := fmt.Sprint("n", rapid.IntRange(0, 7).Draw(r, "name"))
	id := engine.ID(fmt.Sprintf("%s-%06d", d.name, w.next()))
	value := fmt.Sprint(w.next())
	err := d.Edit(context.Background(), func(e *Tx[testRecord]) error {
		return e.put(id, fmt.Appendf(nil, `{"name":"%s","a":"%s"}`, name, value))
	})
	if errors.Is(err, engine.ErrDuplicate) {
		return
	}
	w.must(r, err)
	w.edits[name]++
	w.note(w.makers, name, d)
	w.note(w.writers, name, d)
	w.last[name+" a"] = value
}

func (w *model) note(in map[string]map[string]bool, name string, d *device) {
	if in[name] == nil {
		in[name] = map[string]bool{}
	}
	in[name][d.name] = true
}

// testRecord is a record whose whole text a test looks at.
type testRecord struct {
	ID      engine.ID
	Name    string
	payload []byte
}

func (r *testRecord) UnmarshalJSON(payload []byte) error {
	var known struct {
		ID   engine.ID
		Name string
	}
	err := json.Unmarshal(payload, &known)
	*r = testRecord{known.ID, known.Name, bytes.Clone(payload)}
	return err
}

func (w *model) records(r *rapid.T, d *device) (all []testRecord) {
	for payload, err := range d.payloads(context.Background()) {
		w.must(r, err)
		var record testRecord
		w.must(r, json.Unmarshal(payload, &record))
		all = append(all, record)
	}
	return all
}

func (w *model) edit(r *rapid.T, d *device) {
	all := w.records(r, d)
	if len(all) == 0 {
		return
	}
	record := rapid.SampledFrom(all).Draw(r, "record")
	field := rapid.SampledFrom([]string{"a", "b"}).Draw(r, "field")
	value := fmt.Sprint(w.next())
	o, err := parse(record.payload)
	w.must(r, err)
	o.set(field, []byte(`"`+value+`"`))
	w.must(r, d.Edit(context.Background(), func(e *Tx[testRecord]) error { return e.put(record.ID, o.append(nil)) }))
	w.edits[record.Name]++
	w.note(w.writers, record.Name, d)
	w.last[record.Name+" "+field] = value
}

func (w *model) delete(r *rapid.T, d *device) {
	all := w.records(r, d)
	if len(all) == 0 {
		return
	}
	record := rapid.SampledFrom(all).Draw(r, "record")
	w.must(r, d.Edit(context.Background(), func(e *Tx[testRecord]) error { return e.Delete(record.ID) }))
	w.deleted[record.Name] = true
}

// copyFile keeps a copy of the device's file, and putBack puts it in the file's place.
func (w *model) copyFile(r *rapid.T, d *device) {
	w.must(r, d.Close())
	text, err := os.ReadFile(d.path)
	w.must(r, err)
	w.must(r, os.WriteFile(d.path+" copy", text, 0o600))
	d.Store, err = d.open()
	w.must(r, err)
	d.copied = true
}

func (w *model) putBack(r *rapid.T, d *device) {
	if !d.copied {
		return
	}
	w.must(r, d.Close())
	text, err := os.ReadFile(d.path + " copy")
	w.must(r, err)
	w.must(r, os.WriteFile(d.path, text, 0o600))
	d.Store, err = d.open()
	w.must(r, err)
	w.lost = true
}

var errBroken = errors.New("the connection broke")

// sync is one sync of one device. With faults, it may break off anywhere, and
// the other device may write in the middle.
func (w *model) sync(r *rapid.T, d *device, faults bool) (sent int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d.cancel = cancel
	d.alarm = 0
	if faults && rapid.Bool().Draw(r, "killed") {
		d.alarm = rapid.IntRange(1, 20).Draw(r, "alarm")
	}
	s, err := d.Begin(ctx, engine.Start{})
	w.must(r, err)
	sent, err = w.session(ctx, r, s, d, faults)
	w.must(r, s.End(context.Background(), err))
	if err != nil && !errors.Is(err, errBroken) && !errors.Is(err, context.Canceled) {
		r.Fatal(err)
	}
	return sent
}

func (w *model) session(ctx context.Context, r *rapid.T, s engine.Session, d *device, faults bool) (sent int, err error) {
	breaks := func(where string) bool { return faults && rapid.IntRange(0, 7).Draw(r, where) == 0 }
	at := w.at
	var page []engine.Incoming
	for _, id := range slices.Sorted(maps.Keys(w.server)) {
		if record := w.server[id]; record.modified > s.Since() {
			page = append(page, engine.Incoming{ID: id, Modified: record.modified, Payload: bytes.Clone(record.payload)})
		}
	}
	if err := s.Stage(ctx, page); err != nil {
		return 0, err
	}
	if breaks("after Stage") {
		return 0, errBroken
	}
	if _, err := s.Merge(ctx, at); err != nil {
		return 0, err
	}
	for {
		if breaks("before a batch") {
			return sent, errBroken
		}
		out, err := s.Outgoing(ctx, 2)
		if err != nil || len(out) == 0 {
			return sent, err
		}
		if breaks("edited while the batch is on its way") {
			w.edit(r, d)
			w.delete(r, d)
		}
		w.at++
		receipt := engine.Receipt{At: w.at}
		for _, o := range out {
			w.server[o.ID] = serverRecord{o.Payload, w.at}
			receipt.Stored = append(receipt.Stored, o.ID)
			sent++
		}
		if breaks("the receipt is lost") {
			return sent, errBroken
		}
		if err := s.Uploaded(context.WithoutCancel(ctx), receipt); err != nil {
			return sent, err
		}
	}
}

// settle syncs until nothing moves and looks at what is left.
func (w *model) settle(r *rapid.T) {
	for range 6 {
		for _, d := range w.devices {
			w.sync(r, d, false)
		}
	}
	live := map[string]string{}
	for id, record := range w.server {
		if record.payload != nil {
			live[string(id)] = canonical(r, record.payload)
		}
	}
	names := map[string]map[string]string{}
	for _, d := range w.devices {
		if sent := w.sync(r, d, false); sent != 0 {
			r.Fatalf("%s still sends %d records", d.name, sent)
		}
		have := map[string]string{}
		for _, record := range w.records(r, d) {
			have[string(record.ID)] = canonical(r, record.payload)
			if names[record.Name] != nil && d.name == "A" && w.keyed {
				r.Fatalf("%s is there twice", record.Name)
			}
			fields := map[string]string{}
			w.must(r, json.Unmarshal(record.payload, &fields))
			names[record.Name] = fields
		}
		w.must(r, looksUp(d.Store))
		if !maps.Equal(have, live) {
			r.Fatalf("%s has %v\nthe server has %v", d.name, have, live)
		}
		if n, err := d.Changes(context.Background()); err != nil || n != 0 {
			r.Fatalf("%s counts %d changes, %v", d.name, n, err)
		}
	}
	if !w.keyed {
		w.noneTwice(r)
	}
	for name := range w.makers {
		if w.deleted[name] && w.edits[name] == 1 && names[name] != nil && !w.lost {
			r.Fatalf("%s is back, and nobody changed it", name)
		}
		if w.deleted[name] || w.lost {
			continue
		}
		if names[name] == nil {
			r.Fatalf("%s is lost, and nobody deleted it", name)
		}
		// One user alone wrote it: each field is as that one left it.
		if len(w.writers[name]) == 1 && w.keyed {
			for _, field := range []string{"a", "b"} {
				if got, want := names[name][field], w.last[name+" "+field]; got != want {
					r.Fatalf("%s has %s = %q, and its one writer left it %q", name, field, got, want)
				}
			}
		}
	}
}

// noneTwice looks for what was doubled: no two records say the same.
func (w *model) noneTwice(r *rapid.T) {
	seen := map[string]engine.ID{}
	for _, record := range w.records(r, w.devices[0]) {
		o, err := parse(record.payload)
		w.must(r, err)
		o.set("id", []byte(`""`))
		text := canonical(r, o.append(nil))
		if other, twice := seen[text]; twice {
			r.Fatalf("%s is there as %s and as %s", text, other, record.ID)
		}
		seen[text] = record.ID
	}
}

func canonical(r *rapid.T, payload []byte) string {
	var v any
	if err := json.Unmarshal(payload, &v); err != nil {
		r.Fatal(err)
	}
	text, _ := json.Marshal(v)
	return string(text)
}
