package bookmarks_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// damage makes a record on the server unreadable for all devices.
func (a *account) damage(id engine.ID) {
	a.records[id] = engine.Incoming{ID: id, Modified: a.tick(), Err: errors.New("it cannot be decrypted")}
}

// rounds syncs devices in turn, and returns what each round sent.
func rounds(n int, devices ...*device) (sent [][]engine.ID) {
	for range n {
		var ids []engine.ID
		for _, d := range devices {
			_, out := d.sync()
			for _, o := range out {
				ids = append(ids, o.ID)
			}
		}
		sent = append(sent, ids)
	}
	return sent
}

func TestDevicesComeToRestWithADamagedRecord(t *testing.T) {
	t.Parallel()
	for name, pick := range map[string]func(p *pair) engine.ID{
		"bookmark":        func(p *pair) engine.ID { return p.b },
		"folder":          func(p *pair) engine.ID { return p.f },
		"in the folder":   func(p *pair) engine.ID { return p.x },
		"root":            func(*pair) engine.ID { return "menu" },
		"folder and root": func(p *pair) engine.ID { p.account.damage("menu"); return p.f },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPair(t)
			id := pick(p)
			p.account.damage(id)
			fresh := p.account.device(t)
			// No device with a good copy syncs yet.
			if sent := rounds(6, fresh); slices.ContainsFunc(sent, func(ids []engine.ID) bool { return len(ids) > 0 }) {
				t.Fatalf("a device that cannot read %s sends %v", id, sent)
			}
			if c, err := fresh.Check(t.Context()); err != nil || c.Counts["server cannot be read"] == 0 {
				t.Errorf("the check of a device that cannot read it: %+v, %v", c, err)
			}
			// The user's other edits are uploaded as usual.
			mine := fresh.add(bookmarks.Toolbar, "mine")
			fresh.sync()
			sent := rounds(6, fresh, p.two, p.one)
			healed := 1
			if name == "folder and root" {
				healed = 2
			}
			if len(sent[0]) != healed || !slices.Contains(sent[0], id) || slices.ContainsFunc(sent[1:], func(ids []engine.ID) bool { return len(ids) > 0 }) {
				t.Fatalf("sent in each round: %v; want %s once", sent, id)
			}
			for _, d := range []*device{p.one, p.two, fresh} {
				d.want(bookmarks.Menu, "a", "b", "c", "f/")
				d.want(p.f, "x")
				d.get(mine)
				d.sound()
			}
		})
	}
}

// A folder that is uploaded keeps the items that this device cannot read, in their places.
func TestAFolderKeepsWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.account.damage(p.b)
	p.account.damage(p.f)
	fresh := p.account.device(t)
	fresh.sync()
	fresh.want(bookmarks.Menu, "a", "c")
	if n, err := fresh.Count(t.Context()); err != nil || n != 2 {
		t.Fatalf("%d items, %v; want two: what is in a folder that cannot be read waits for it", n, err)
	}
	fresh.add(bookmarks.Menu, "d")
	fresh.move(p.c, bookmarks.Menu, 0)
	fresh.sync()
	if got := fmt.Sprint(p.account.record(t, "menu")["children"]); got != fmt.Sprint([]engine.ID{p.c, p.f, p.a, p.b, fresh.one("https://example.org/d").ID}) {
		t.Fatalf("the menu went up with %s", got)
	}
	rest(t, p.one, p.two, fresh)
	for _, d := range []*device{p.one, fresh} {
		d.want(bookmarks.Menu, "c", "f/", "a", "b", "d")
		d.want(p.f, "x")
	}
}

// If almost no record can be read, the keys may be wrong, so nothing is overwritten.
func TestMuchThatCannotBeReadIsNotReplaced(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	for i := range 12 {
		p.one.add(bookmarks.Toolbar, fmt.Sprint(i))
	}
	rest(t, p.one, p.two)
	for id := range p.account.records {
		p.account.damage(id)
	}
	if sent := rounds(3, p.one, p.two); len(sent[0]) > 0 || len(sent[1]) > 0 {
		t.Fatalf("sent %v", sent)
	}
}
