package browsertree

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
)

// someDeletions is how many items an exchange deletes without asking, however few there are.
const someDeletions = 20

// errUnchanged ends a transaction that changes nothing.
var errUnchanged = errors.New("nothing to store")

// Exchange merges a browser's tree with the store. If the result is Done, the view is to be
// stored before the operations are passed on; one that is lost does no harm, but the next
// exchange then does its work again. An error changed neither the store nor what the view
// knows of the browser.
func (v *View) Exchange(ctx context.Context, e *bookmarks.Engine, now time.Time, q Request) (Result, error) {
	r, err := read(q.Nodes)
	if err != nil {
		return Result{}, err
	}
	v.Version = stateVersion
	was := slices.Clone(v.Base)
	defer func() { v.noteChange(was, now) }()
	v.acknowledge(q.Acks)
	next := v.copy()
	if err := r.findRoots(next); err != nil {
		return Result{}, err
	}
	if v.Session != q.Session {
		next.rollBack(r)
		next.Session = q.Session
	}
	next.adopt(r)
	x := &exchange{Request: q, view: next, report: r, now: now}
	run := "browser " + now.UTC().Format("2006-01-02T15:04:05.000Z")
	err = e.EditLogged(ctx, run, x.run)
	if err != nil && !errors.Is(err, errUnchanged) {
		return Result{}, err
	}
	if x.result.Status == Done && !q.Preview {
		*v = *next
	}
	return x.result, nil
}

// Forget makes the next exchange a first one.
func (v *View) Forget() { *v = View{Install: v.Install, Next: v.Next} }

func (v *View) copy() *View {
	c := *v
	c.Base, c.Sent = slices.Clone(v.Base), slices.Clone(v.Sent)
	c.Stand, c.Refused = maps.Clone(v.Stand), maps.Clone(v.Refused)
	return &c
}

// exchange is one on its way.
type exchange struct {
	Request
	view   *View
	report *report
	now    time.Time

	store, browser *side
	merged         *merged
	plan           *planner
	result         Result
}

// run is the exchange, in a transaction of the store.
func (x *exchange) run(tx *bookmarks.Tx) error {
	top, err := tx.Tree(bookmarks.Root)
	if err != nil {
		return err
	}
	x.store = storeSide(top)
	if err := x.merge(); err != nil {
		return err
	}
	deleted, held := x.deletions()
	if held && x.Answer == Restore && x.Token == token(deleted) {
		x.restore(deleted)
		if err := x.merge(); err != nil {
			return err
		}
		deleted, held = x.deletions()
	}
	x.describe()
	switch {
	case !x.view.Merged && !x.Agreed:
		x.result.Status = First
	case held && (x.Answer != Accept || x.Token != token(deleted)):
		x.result.Status, x.result.Token = Held, token(deleted)
	default:
		x.result.Status = Done
	}
	if x.result.Status != Done || x.Preview {
		return errUnchanged
	}
	x.result.Ops = x.plan.ops
	stored := x.store
	if x.result.Store.any() {
		if err := x.merged.apply(tx, x.store); err != nil {
			return err
		}
		if top, err = tx.Tree(bookmarks.Root); err != nil {
			return err
		}
		stored = storeSide(top)
	}
	x.rebase(stored)
	if !x.result.Store.any() {
		return errUnchanged
	}
	return nil
}

// merge merges, and plans what the browser is to do.
func (x *exchange) merge() (err error) {
	base, byGUID := x.view.baseSide()
	modified := int64(0) // in a first exchange the store's values are the newer ones
	if x.view.Merged {
		modified = x.now.UnixMilli()
	}
	x.browser = x.report.side(x.view, base, byGUID, modified)
	if x.merged, err = x.view.merge(x.browser, x.store, base, byGUID); err != nil {
		return err
	}
	planned := x.view.copy()
	planned.Sent = nil
	x.plan = x.merged.plan(planned, x.report, x.browser)
	return nil
}

// deletions returns what is deleted on either side, and whether that is so much that the user has
// to accept it.
func (x *exchange) deletions() (deleted []engine.ID, held bool) {
	ofStore, ofBrowser := x.merged.deletions(x.store), x.merged.goneFrom(x.browser)
	many := func(n, total int) bool { return n > someDeletions && n*10 > total }
	held = many(len(ofStore), x.store.size()) || many(len(ofBrowser), len(x.report.guids))
	return append(ofStore, ofBrowser...), held
}

// token stands for a set of deletions.
func token(deleted []engine.ID) string {
	h := sha256.New()
	for _, id := range slices.Sorted(slices.Values(deleted)) {
		_, _ = h.Write([]byte(id + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// restore lets the base forget what was deleted on one side, so that it is new on the other.
func (x *exchange) restore(deleted []engine.ID) {
	gone := make(map[engine.ID]bool, len(deleted))
	for _, id := range deleted {
		gone[id] = true
	}
	x.view.Base = slices.DeleteFunc(x.view.Base, func(k known) bool { return gone[k.GUID] })
}

// rebase makes what the browser has now, and the store agreed to, the base.
func (x *exchange) rebase(stored *side) {
	m, v := x.merged, x.view
	old := make(map[engine.ID]known, len(v.Base))
	for _, k := range v.Base {
		old[k.GUID] = k
	}
	items, lists := map[engine.ID]known{}, map[engine.ID][]engine.ID{}
	name := func(ofBrowser engine.ID) engine.ID {
		if to, ok := m.ofBrowser[ofBrowser]; ok {
			return to
		}
		return ofBrowser // it is to be deleted there
	}
	x.browser.each(func(it *item) {
		if it.node == "" {
			return
		}
		k := known{GUID: name(it.guid), Parent: name(it.parent), ID: it.node, Added: it.added, Kind: it.kind, Value: it.value}
		was, known := old[k.GUID]
		switch s := stored.items[k.GUID]; {
		case s == nil && known:
			k.Store = was.Store
		case s != nil:
			k.Kind = s.kind
			if m.source[k.GUID] != fromStore || same(it.value, s.value, s.kind) {
				k.Store = other(it.value, s.value)
			} // else the browser is told, and the store's value is new until then
		}
		items[k.GUID] = k
		lists[k.Parent] = append(lists[k.Parent], k.GUID)
	})
	m.each(func(it *item) {
		if !x.plan.hidden[it.guid] || !isRoot(it.parent) && items[it.parent].GUID == "" {
			return
		}
		s := stored.items[it.guid]
		items[it.guid] = known{GUID: it.guid, Parent: it.parent, Kind: it.kind, Value: s.value}
		siblings := m.children[it.parent]
		lists[it.parent] = insertAfter(lists[it.parent], siblings[:slices.Index(siblings, it.guid)], it.guid)
	})
	v.Base = flatten(items, lists)
	v.Merged, v.Next, v.Sent = true, x.plan.view.Next, x.plan.view.Sent
	for id, refused := range v.Refused {
		if s := stored.items[id]; s == nil || s.value != refused {
			delete(v.Refused, id)
		}
	}
}
