package bookmarks

import (
	"context"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// Where says which of the two trees a Fault is in.
type Where string

// The trees.
const (
	// Here is the user's tree on this device.
	Here Where = "device"
	// There is the tree on the server, as far as this device has seen it.
	There Where = "server"
	// Between is a difference of the two that no waiting change explains.
	Between Where = "both"
)

// Fault is an inconsistency in the bookmarks.
type Fault struct {
	Where Where
	// Kind names it: "orphan", "missing child", "cycle", "different value" …
	Kind string
	// GUID is the item, Folder the other one involved, or "".
	GUID, Folder engine.ID
}

func (f Fault) String() string {
	s := fmt.Sprintf("%s: %s: %s", f.Where, f.Kind, f.GUID)
	if f.Folder != "" {
		s += " (" + string(f.Folder) + ")"
	}
	return s
}

// Checked is the result of [Engine.Check].
type Checked struct {
	// Items counts what is on this device, Records what is on the server.
	Items, Records int
	// Live: the server's records were read for this check; else they are those of the
	// last sync.
	Live bool
	// Counts has how many faults there are of a kind; the key is Where, a space and
	// Kind. It is empty when all is well.
	Counts map[string]int
	// Faults names them, at most a few hundred.
	Faults []Fault
}

// Kinds of faults that are ours; the others are those of package tree.
const (
	badPosition  = "position out of order"
	noURL        = "bookmark without URL"
	missingHere  = "missing on this device"
	missingThere = "missing on the server"
	otherValue   = "different value"
	otherParent  = "different folder"
	otherOrder   = "different order"
	unreadable   = "cannot be read"
)

const maxFaults = 300

const (
	sqlBadPositions = `SELECT guid FROM (SELECT guid, parent, position, row_number() OVER (PARTITION BY parent ORDER BY position) - 1 AS i
		FROM bookmarks WHERE parent > 0) WHERE position <> i`
	sqlNoURLs = `SELECT guid FROM bookmarks WHERE kind IN (1, 2) AND place IS NULL AND guid > ''`
	sqlSynced = sqlItem + `WHERE b.n > 0 AND b.changes = 0`
)

// Check looks for what is wrong with the user's tree and with the one on the
// server, as Firefox's own validator does, and compares the two.
func (e *Engine) Check(ctx context.Context) (*Checked, error) {
	c := &Checked{Counts: make(map[string]int)}
	err := e.view(ctx, func(t *tx) error {
		l := &loader{tx: t, plan: &plan{}, changed: make(map[engine.ID]*tree.Item)}
		if err := l.localItems(); err != nil {
			return err
		}
		base, err := l.remoteItems()
		if err != nil {
			return err
		}
		for i := range l.items {
			if err := l.local.Insert(l.items[i]); err != nil {
				return err
			}
		}
		c.Items = len(l.items) - len(wireIDs)
		c.problems(Here, l.local.Build().Problems())
		if err := c.local(t); err != nil {
			return err
		}
		if base == nil {
			return nil // nothing was synced yet
		}
		for guid := range l.hidden.guids {
			c.fault(Fault{Where: There, Kind: unreadable, GUID: guid})
		}
		c.Records = len(base.parents)
		c.problems(There, l.remote.Build().Problems())
		return c.compare(t, l, base)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot check the bookmarks: %w", err)
	}
	return c, nil
}

func (c *Checked) fault(f Fault) {
	c.Counts[string(f.Where)+" "+f.Kind]++
	if len(c.Faults) < maxFaults {
		c.Faults = append(c.Faults, f)
	}
}

func (c *Checked) problems(where Where, p *tree.Problems) {
	for kind, n := range p.Counts {
		if n > 0 {
			c.Counts[string(where)+" "+tree.ProblemKind(kind).String()] += n
		}
	}
	for _, q := range p.First {
		if len(c.Faults) < maxFaults {
			c.Faults = append(c.Faults, Fault{where, q.Kind.String(), q.GUID, q.Folder})
		}
	}
}

// local finds what no tree can have, but a file.
func (c *Checked) local(t *tx) error {
	for query, kind := range map[string]string{sqlBadPositions: badPosition, sqlNoURLs: noURL} {
		rows, err := t.Query(query)
		if err != nil {
			return err
		}
		guids, err := scanAll[engine.ID](rows)
		if err != nil {
			return err
		}
		for _, guid := range guids {
			c.fault(Fault{Where: Here, Kind: kind, GUID: guid})
		}
	}
	return nil
}

// compare compares items that wait for nothing with their records.
func (c *Checked) compare(t *tx, l *loader, base *mirrorTree) error {
	rows, err := t.Query(sqlSynced)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		it, err := scanRow(rows.Scan)
		if err != nil {
			return err
		}
		if err := c.pair(t, it); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for guid := range base.parents {
		var here, deleted bool
		if err := t.QueryRow(sqlIsHere, guid).Scan(&here, &deleted); err != nil {
			return err
		}
		if !here && !deleted && !l.hidden.waits(guid, base.parents) {
			c.fault(Fault{Where: Between, Kind: missingHere, GUID: guid})
		}
	}
	return nil
}

func (c *Checked) pair(t *tx, it *row) error {
	if it.ID == Root {
		return nil
	}
	there, ok, err := t.mirrored(it.ID)
	if err != nil {
		return err
	}
	if !ok {
		if !IsRoot(it.ID) {
			c.fault(Fault{Where: Between, Kind: missingThere, GUID: it.ID})
		}
		return nil
	}
	if !IsRoot(it.ID) && !sameValue(recordOf(it), &there) {
		c.fault(Fault{Where: Between, Kind: otherValue, GUID: it.ID})
	}
	if there.parent != it.Parent {
		c.fault(Fault{Where: Between, Kind: otherParent, GUID: it.ID, Folder: there.parent})
	}
	if it.Kind == Folder {
		children, _, err := t.list(it)
		if err != nil {
			return err
		}
		both := common(children, there.children)
		if len(both) != len(children) || len(both) != len(there.children) || !slices.Equal(both, common(there.children, children)) {
			c.fault(Fault{Where: Between, Kind: otherOrder, GUID: it.ID})
		}
	}
	return nil
}

const sqlIsHere = `SELECT EXISTS (SELECT 1 FROM bookmarks WHERE guid = ?1), EXISTS (SELECT 1 FROM bookmark_tombstones WHERE guid = ?1)`
