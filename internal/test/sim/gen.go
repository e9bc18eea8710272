package sim

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Chaos says which faults the stories of [New] may have.
type Chaos struct {
	// Faults are the kinds of [Fault], Upsets the steps that are not edits.
	Faults []string
	Upsets []Op
	// Kinds are the stores; nil: all.
	Kinds []string
}

// All has all faults.
func All() Chaos {
	return Chaos{
		Faults: faultKinds,
		Upsets: []Op{Reset, Wipe, Reopen, Save, PutBack, Clone, Rejoin, Off, Skew, Backup, Restore, Drop, Command, Fresh},
	}
}

// New makes the story of a seed, with about the given number of steps. Each story has only some
// of the stores and faults, so that stories differ more.
func New(seed uint64, length int, c Chaos) Story {
	r := rand.New(rand.NewPCG(seed, 0))
	g := &generator{r: r, s: Story{Seed: seed, Devices: 2 + r.IntN(maxDevices-1)}}
	names := c.Kinds
	if names == nil {
		names = kindNames
	}
	for range 1 + r.IntN(3) {
		if k := names[r.IntN(len(names))]; !slices.Contains(g.s.Kinds, k) {
			g.s.Kinds = append(g.s.Kinds, k)
		}
	}
	slices.Sort(g.s.Kinds)
	g.faults, g.upsets = some(r, c.Faults), some(r, c.Upsets)
	if slices.Contains(c.Upsets, PutBack) && slices.Contains(g.upsets, Save) {
		g.upsets = append(g.upsets, PutBack)
	}
	for range length/2 + r.IntN(length) {
		g.s.Steps = append(g.s.Steps, g.step())
	}
	return g.s
}

// some returns each with an even chance.
func some[T any](r *rand.Rand, all []T) (list []T) {
	for _, x := range all {
		if r.IntN(3) == 0 {
			list = append(list, x)
		}
	}
	return list
}

type generator struct {
	r      *rand.Rand
	s      Story
	n      int
	faults []string
	upsets []Op
}

// waits are how much time passes between two steps. A day is rare, as it takes a new
// access token.
var waits = []time.Duration{
	0, 0, 0, 0, 0, time.Second, time.Second, time.Second, 10 * time.Second, 10 * time.Second, 10 * time.Second, 40 * time.Second, 40 * time.Second,
	time.Minute, time.Minute, time.Minute, time.Minute, time.Minute, time.Hour, time.Hour, time.Hour, 25 * time.Hour,
}

func (g *generator) step() Step {
	s := g.edit()
	s.Wait = waits[g.r.IntN(len(waits))]
	switch n := g.r.IntN(100); {
	case n < 40:
		s.Op, s.Kind = Sync, ""
		s.Field = g.r.IntN(2)
		if len(g.faults) > 0 && g.r.IntN(3) == 0 {
			s.Fault = g.fault(s.Device)
		}
	case n < 50 && len(g.upsets) > 0:
		g.upset(&s)
	}
	return s
}

// edit is a user's edit on any device.
func (g *generator) edit() Step {
	g.n++
	s := Step{
		N: g.n, Device: g.r.IntN(g.s.Devices), Kind: g.s.Kinds[g.r.IntN(len(g.s.Kinds))],
		Item: g.r.IntN(20), Field: g.r.IntN(4), Other: g.r.IntN(6),
	}
	ops := []Op{Add, Add, Edit, Edit, Edit, Remove}
	if s.Kind == "bookmarks" {
		ops = append(ops, Move, Move)
	}
	s.Op = ops[g.r.IntN(len(ops))]
	return s
}

func (g *generator) fault(device int) *Fault {
	f := &Fault{Kind: g.faults[g.r.IntN(len(g.faults))], At: g.r.IntN(9)}
	if f.Kind == during {
		s := g.edit()
		if g.r.IntN(2) == 0 {
			s.Op, s.Kind = Sync, ""
			s.Device = (device + 1 + g.r.IntN(g.s.Devices-1)) % g.s.Devices
		}
		f.Step = &s
	}
	return f
}

func (g *generator) upset(s *Step) {
	s.Op = g.upsets[g.r.IntN(len(g.upsets))]
	switch s.Op {
	case Skew:
		s.Kind = ""
		s.By = []time.Duration{-40 * time.Hour, -time.Hour, -time.Minute, time.Minute, time.Hour, 40 * time.Hour}[g.r.IntN(6)]
	case Save, PutBack:
		if g.r.IntN(3) == 0 {
			s.Kind = ""
		}
	case Clone:
		s.Other = (s.Device + 1 + g.r.IntN(g.s.Devices-1)) % g.s.Devices
	case Off:
		if g.r.IntN(2) == 0 {
			s.Op = On
		}
	case Reopen, Rejoin, Backup, Restore, Fresh:
		s.Kind = ""
	}
}
