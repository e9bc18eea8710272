//go:build unix

package main

import (
	"encoding/json"
	"os"
	"testing"
)

// What costs more than a tenth more is dearer, whichever cost it is.
func TestCompare(t *testing.T) {
	was := cost{Instructions: 100_000, Allocations: 20, Bytes: 5000}
	for _, c := range []struct {
		name     string
		was, now cost
		want     string
	}{
		{"the same", was, was, ""},
		{"a little more", was, cost{109_000, 21, 5400}, ""},
		{"more instructions", was, cost{115_000, 20, 5000}, dearer},
		{"more allocations", was, cost{100_000, 23, 5000}, dearer},
		{"more bytes", was, cost{100_000, 20, 5700}, dearer},
		{"fewer instructions and more bytes", was, cost{50_000, 20, 5700}, dearer},
		{"fewer instructions", was, cost{80_000, 20, 5000}, cheaper},
		{"an allocation where none was", cost{Instructions: 1000}, cost{1000, 1, 16}, dearer},
		{"parts of an allocation", cost{Instructions: 1000}, cost{1000, 0.1, 16}, ""},
		{"instructions that were not counted now", was, cost{0, 20, 5000}, ""},
		{"instructions that were not counted then", cost{0, 20, 5000}, was, ""},
		{"new work", cost{}, was, unknown},
	} {
		if got := compare(c.was, c.now); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Each work has its costs in the baseline, and nothing else is there.
func TestBaseline(t *testing.T) {
	text, err := os.ReadFile("baseline.json")
	if err != nil {
		t.Fatal(err)
	}
	var b baseline
	if err := json.Unmarshal(text, &b); err != nil {
		t.Fatal(err)
	}
	for _, w := range workloads() {
		if _, ok := b.Costs[w.name]; !ok {
			t.Errorf("%s is not in baseline.json: go run ./bench check -update", w.name)
		}
		delete(b.Costs, w.name)
	}
	for name := range b.Costs {
		t.Errorf("baseline.json has %s, which is no work", name)
	}
}

// A work costs something, by unit, and costs the same again.
func TestCost(t *testing.T) {
	for _, w := range workloads() {
		if w.name != "server: info/collections" && w.name != "up forms" {
			continue
		}
		w.few, w.many = 10, 60
		first, err := w.cost(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.cost(t.Context(), "")
		if err != nil || first.Allocations < 1 || again.Allocations > first.Allocations*1.5+5 || first.Allocations > again.Allocations*1.5+5 {
			t.Errorf("%s: %+v, then %+v, %v", w.name, first, again, err)
		}
	}
}
