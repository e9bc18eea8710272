package bookmarks

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// unusable is a record that breaks the rules: another client cannot apply it either.
const unusable = "unusable record"

// CheckServer is Check with a look at all records that the server has now, in
// place of what this device saw of them at the last sync. An error of the records is
// returned as it is.
func (e *Engine) CheckServer(ctx context.Context, records iter.Seq2[engine.Incoming, error]) (*Checked, error) {
	c, err := e.Check(ctx)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(c.Counts, func(kind string, _ int) bool { return strings.HasPrefix(kind, string(There)+" ") })
	c.Faults = slices.DeleteFunc(c.Faults, func(f Fault) bool { return f.Where == There })
	c.Records, c.Live = 0, true
	var b tree.Builder
	for in, err := range records {
		if err != nil {
			return nil, err
		}
		if in.ID == WireID(Root) || IsRoot(in.ID) {
			continue // Firefox neither writes nor reads it
		}
		if err := c.record(&b, &in); err != nil {
			return nil, err
		}
	}
	c.problems(There, b.Build().Problems())
	return c, nil
}

// record adds a record of the server to its tree.
func (c *Checked) record(b *tree.Builder, in *engine.Incoming) error {
	guid := localID(in.ID)
	switch {
	case in.Err != nil:
		c.Records++
		c.fault(Fault{Where: There, Kind: unreadable, GUID: guid})
		return nil
	case in.Payload == nil:
		b.Delete(guid)
		return nil
	}
	c.Records++
	r, err := parseRecord(in.ID, in.Payload, in.Modified)
	if err != nil {
		c.fault(Fault{Where: There, Kind: unusable, GUID: guid})
		return nil
	}
	return insertItem(b, tree.Item{GUID: guid, Kind: tree.Kind(r.kind), Parent: r.parent, Modified: int64(in.Modified) * 10}, r.children)
}
