// Package sim plays random stories with several devices of one account: the real managers and
// engines against the real server, in one process and on a clock that the story moves. Devices
// edit, sync, have broken connections, lose their sync state and get old files back. When the
// story ends, all of them sync until nothing changes, and their data is compared with what the
// story allows.
//
// A story is made from a seed, and runs the same way each time. A failing story is reduced to
// the few steps that matter (see [Shrink]).
package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// Story is the sequence of steps of one run.
type Story struct {
	Seed    uint64
	Devices int
	// Kinds are what the devices sync, by the names of kinds.
	Kinds []string
	Steps []Step
}

// Op is what a step does.
type Op string

// These are the steps. A step that a device cannot do has no effect.
const (
	Sync    Op = "sync"    // syncs all engines
	Add     Op = "add"     // adds an item, or edits it where it is there
	Edit    Op = "edit"    // edits an item that is there
	Remove  Op = "remove"  // deletes an item that is there
	Move    Op = "move"    // moves a bookmark
	Reset   Op = "reset"   // makes the engine forget what it synced
	Wipe    Op = "wipe"    // makes the engine forget the user's data on this device too
	Reopen  Op = "reopen"  // ends the app and starts it again
	Save    Op = "save"    // copies the file of an engine
	PutBack Op = "putback" // puts the copy in the file's place
	Clone   Op = "clone"   // puts the file of another device in its place
	Rejoin  Op = "rejoin"  // disconnects from the account and joins again
	Off     Op = "off"     // switches an engine off for the account
	On      Op = "on"      // and on again
	Skew    Op = "skew"    // puts the device's own clock wrong
	Backup  Op = "backup"  // makes a backup of the server
	Restore Op = "restore" // restores the server's last backup
	Drop    Op = "drop"    // deletes a collection on the server
	Command Op = "command" // tells the other devices to start over with an engine, or to reset it
	Fresh   Op = "fresh"   // deletes all that the account has on the server, its keys too
)

// Step is one thing that happens on one device.
type Step struct {
	// N names the step, and what it writes, in this story.
	N      int           `json:"n"`
	Op     Op            `json:"op"`
	Device int           `json:"device"`
	Kind   string        `json:"kind,omitempty"`
	Item   int           `json:"item,omitempty"`  // which item, as far as there are so many
	Field  int           `json:"field,omitempty"` // which of its fields
	Other  int           `json:"other,omitempty"` // the other device, or folder
	Wait   time.Duration `json:"wait,omitempty"`  // how much time passes before
	By     time.Duration `json:"by,omitempty"`    // how wrong Skew puts the clock
	Fault  *Fault        `json:"fault,omitempty"`
}

// Fault is what happens to one request of a Sync.
type Fault struct {
	Kind string `json:"kind"`
	// At is which request of the sync it happens to, from 0.
	At int `json:"at"`
	// Step happens while the request is in flight.
	Step *Step `json:"step,omitempty"`
}

// String describes the step in words.
func (s Step) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d: device %d %s", s.N, s.Device, s.Op)
	if s.Kind != "" {
		b.WriteString(" " + s.Kind)
	}
	switch s.Op {
	case Add, Edit, Remove, Move:
		fmt.Fprintf(&b, " item %d field %d", s.Item, s.Field)
	case Skew:
		fmt.Fprintf(&b, " by %v", s.By)
	}
	if s.Op == Clone || s.Op == Move || s.Op == Add && s.Kind == "bookmarks" {
		fmt.Fprintf(&b, " other %d", s.Other)
	}
	if s.Wait > 0 {
		fmt.Fprintf(&b, " after %v", s.Wait)
	}
	if s.Fault != nil {
		fmt.Fprintf(&b, "; request %d: %s", s.Fault.At, s.Fault.Kind)
		if s.Fault.Step != nil {
			fmt.Fprintf(&b, " [%s]", s.Fault.Step)
		}
	}
	return b.String()
}

// String describes the story, with a step on each line, and then as JSON for [ParseStory].
func (s Story) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, %d devices, %s\n", s.Seed, s.Devices, strings.Join(s.Kinds, ", "))
	for _, step := range s.Steps {
		b.WriteString("  " + step.String() + "\n")
	}
	text, _ := json.Marshal(s)
	b.Write(text)
	return b.String()
}

// ParseStory reads the JSON of a story.
func ParseStory(text []byte) (s Story, err error) {
	err = json.Unmarshal(text, &s)
	return s, err
}

// Finding is the fault that a story showed.
type Finding struct {
	// Kind names the fault and the engine, as "lost passwords": it stays the same while the
	// story is reduced.
	Kind string
	Text string
}

func (f *Finding) Error() string { return f.Kind + ": " + f.Text }

func finding(kind, format string, args ...any) *Finding {
	return &Finding{kind, fmt.Sprintf(format, args...)}
}

// Play runs a story in its own folder below dir, and returns the fault that it found, or nil.
// tell, if not nil, is called with each step.
func (t *Stage) Play(ctx context.Context, s Story, tell func(string)) (found *Finding, err error) {
	r := &run{stage: t, story: s, tell: tell, model: newModel(s), rand: newRandom(s.Seed)}
	defer func() {
		err = joinClose(err, r.close())
		if p := recover(); p != nil {
			found = finding("panic", "%v\n%s", p, debug.Stack())
		}
	}()
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	for _, step := range s.Steps {
		if f := r.step(ctx, step); f != nil {
			return f, nil
		}
	}
	return r.end(ctx), nil
}

func joinClose(err, closing error) error {
	if err == nil {
		return closing
	}
	return err
}

// Shrink returns a shorter story that play finds the same fault in, after at most
// tries attempts.
func Shrink(s Story, tries int, fails func(Story) bool) Story {
	try := func(c Story) bool {
		if tries <= 0 {
			return false
		}
		tries--
		if !fails(c) {
			return false
		}
		s = c
		return true
	}
	with := func(steps []Step) Story { c := s; c.Steps = steps; return c }
	for again := true; again && tries > 0; {
		again = false
		for size := max(len(s.Steps)/2, 1); size >= 1; size /= 2 {
			for at := len(s.Steps) - size; at >= 0 && at+size <= len(s.Steps); {
				if try(with(slices.Delete(slices.Clone(s.Steps), at, at+size))) {
					again = true
				}
				at = min(at, len(s.Steps)) - size
			}
		}
		for i := range s.Kinds {
			if i < len(s.Kinds) && len(s.Kinds) > 1 {
				c := s
				c.Kinds = slices.Delete(slices.Clone(s.Kinds), i, i+1)
				again = try(c) || again
			}
		}
		for i := range s.Steps {
			for _, simpler := range simpler(s.Steps[i]) {
				steps := slices.Clone(s.Steps)
				steps[i] = simpler
				again = try(with(steps)) || again
			}
		}
	}
	return s
}

// simpler returns steps that do less than s.
func simpler(s Step) (list []Step) {
	change := func(f func(*Step)) {
		c := s
		f(&c)
		list = append(list, c)
	}
	if s.Fault != nil {
		change(func(c *Step) { c.Fault = nil })
		if s.Fault.Kind == during && s.Fault.Step != nil {
			change(func(c *Step) {
				f, inner := *s.Fault, *s.Fault.Step
				for _, in := range simpler(inner) {
					inner = in
					break
				}
				f.Step = &inner
				c.Fault = &f
			})
		}
	}
	if s.Wait > 0 {
		change(func(c *Step) { c.Wait = 0 })
	}
	if s.Item > 0 {
		change(func(c *Step) { c.Item = 0 })
	}
	return list
}
