package collection_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

// Whatever two devices do, and whenever they sync, they end up with the same
// records, and with all that nobody deleted.
func TestDevicesConverge(t *testing.T) {
	t.Parallel()
	rules := map[string]collection.Options[note]{
		"NewerField": {}, "NewerRecord": {OnConflict: collection.NewerRecord}, "KeepBoth": {OnConflict: collection.KeepBoth},
		"Merge": {Merge: sum},
		"a Merge that fails now and then": {Merge: func(base *note, local, remote, merged note) note {
			if local.Count > remote.Count {
				panic("no")
			}
			return sum(base, local, remote, merged)
		}},
	}
	dir, n := t.TempDir(), 0
	long.Check(t, 40, func(r *rapid.T) {
		n++
		run := filepath.Join(dir, fmt.Sprint(n))
		check(t, os.Mkdir(run, 0o700))
		defer func() { check(t, os.RemoveAll(run)) }()
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(rules))).Draw(r, "rule")
		play(t, r, name, run, rules[name])
	})
}

func play(t *testing.T, r *rapid.T, name, dir string, o collection.Options[note]) {
	ctx := context.Background()
	c := newCloud()
	o.Now = c.now
	var devices []*collection.Engine[note]
	for i := range 2 {
		o.Path = filepath.Join(dir, fmt.Sprint(i))
		e, err := collection.Open(ctx, "test-notes", o)
		check(t, err)
		defer func() { check(t, e.Close()) }()
		devices = append(devices, e)
	}
	made, deleted, total := map[collection.ID]bool{}, map[collection.ID]bool{}, 0
	device := func() *collection.Engine[note] { return rapid.SampledFrom(devices).Draw(r, "device") }
	pick := func(e *collection.Engine[note]) (picked note, ok bool) {
		var all []note
		for n, err := range e.List(ctx) {
			check(t, err)
			all = append(all, n)
		}
		if len(all) == 0 {
			return note{}, false
		}
		return rapid.SampledFrom(all).Draw(r, "note"), true
	}
	r.Repeat(map[string]func(*rapid.T){
		"add": func(*rapid.T) {
			n := add(t, device(), note{Title: "new"})
			made[n.ID] = true
		},
		"edit": func(*rapid.T) {
			e := device()
			if n, ok := pick(e); ok {
				n.Title = rapid.StringMatching("[a-z]").Draw(r, "title")
				n.Labels = map[string]string{rapid.StringMatching("[a-c]").Draw(r, "label"): n.Title}
				by := rapid.IntRange(0, 3).Draw(r, "by")
				n.Count += by
				total += by
				_, err := e.Update(ctx, n)
				check(t, err)
			}
		},
		"delete": func(*rapid.T) {
			e := device()
			if n, ok := pick(e); ok && rapid.IntRange(0, 3).Draw(r, "really") == 0 {
				check(t, e.Delete(ctx, n.ID))
				deleted[n.ID] = true
			}
		},
		"sync": func(*rapid.T) {
			_, err := c.sync(device(), engine.Start{})
			check(t, err)
		},
	})
	for range 4 {
		for _, e := range devices {
			_, err := c.sync(e, engine.Start{})
			check(t, err)
		}
	}
	have := make([]map[collection.ID]string, len(devices))
	sums := 0
	for i, e := range devices {
		have[i] = map[collection.ID]string{}
		sums = 0
		for n, err := range e.List(ctx) {
			check(t, err)
			have[i][n.ID] = fmt.Sprint(n)
			sums += n.Count
		}
		if changes, err := e.Changes(ctx); err != nil || changes != 0 {
			r.Fatalf("device %d still sends %d records, %v", i, changes, err)
		}
	}
	if !maps.Equal(have[0], have[1]) {
		r.Fatalf("the devices have\n%v\n%v", have[0], have[1])
	}
	for _, id := range slices.Sorted(maps.Keys(made)) {
		if _, there := have[0][id]; !there && !deleted[id] {
			r.Fatalf("%s is lost, and nobody deleted it", id)
		}
	}
	if name == "Merge" && len(deleted) == 0 && sums != total {
		r.Fatalf("%d was added in all, and %d is there", total, sums)
	}
}
