package sync15

import (
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

// mark is the last write to a collection that this device knows of: its time, and the records
// that it wrote. A download of what is newer begins just before it, and has to bring one of the
// records again, as it was or newer. If none comes, the server was put back to a time before
// the write, and the collection was written to since: its time alone says nothing then. The
// check costs no request.
//
// A record that was deleted and left no tombstone, or that expired, does not come. So records
// that expire soon make no mark, one such record among others is left out, and there is no mark
// while the deletion is the last write. What is left (a deletion, and another device's write
// after it) costs each device one full download, which makes a new mark: see restoredError.
type mark struct {
	At  bso.Timestamp `json:"at"`
	IDs []bso.ID      `json:"ids"`
}

const (
	// maxMarked is how many records a mark has at most, because they are downloaded twice.
	maxMarked = 10
	// markLasts is how long a mark is relied on: visits of Firefox expire after 60 days.
	markLasts = 30 * 24 * time.Hour
	// expiresSoon is the lifetime of a record, in seconds, that makes no mark.
	expiresSoon = 2 * int(markLasts/time.Second)
)

// mark returns what the download has to find, or nil.
func (r *Run) mark(collection string, since, at bso.Timestamp) *mark {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	m, known := r.c.state.Marks[collection]
	// The engine's file may be a copy of an older one.
	if !known || m.At != since || at.Time().Sub(since.Time()) > markLasts {
		return nil
	}
	return &m
}

// setMark notes the last write to a collection. A write of no records, or of too many, sets no
// mark.
func (r *Run) setMark(collection string, m mark) {
	r.c.mu.Lock()
	defer r.c.mu.Unlock()
	if len(m.IDs) == 0 || len(m.IDs) > maxMarked || collection == "tabs" {
		delete(r.c.state.Marks, collection)
		return
	}
	if r.c.state.Marks == nil {
		r.c.state.Marks = map[string]mark{}
	}
	r.c.state.Marks[collection] = m
}

// marker looks for a mark among the records of a download, and makes the next.
type marker struct {
	want  *mark
	found bool
	last  mark
}

// see notes a record, and reports whether the engine has it already.
func (m *marker) see(id bso.ID, modified bso.Timestamp) (known bool) {
	if m.want != nil {
		for _, marked := range m.want.IDs {
			m.found = m.found || id == marked
		}
		if modified <= m.want.At {
			return true
		}
	}
	if modified > m.last.At {
		m.last = mark{At: modified, IDs: m.last.IDs[:0]}
	}
	if modified == m.last.At && len(m.last.IDs) <= maxMarked && !slices.Contains(m.last.IDs, id) {
		m.last.IDs = append(m.last.IDs, id)
	}
	return false
}

// end returns, after the download of a collection with that time, the mark of its last write,
// and whether the records of the previous mark are gone. A deletion that left no record may be
// both.
func (m *marker) end(at bso.Timestamp) (last mark, lost bool) {
	if m.last.At != at {
		return mark{}, false
	}
	return m.last, m.want != nil && !m.found
}
