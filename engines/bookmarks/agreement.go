package bookmarks

import (
	"hash/maphash"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/bookmarks/internal/tree"
)

// agreement finds out, as records come in, whether they agree about what is where: each item
// is listed once, by the folder that it names, and folders list nothing else. Then the tree
// is what the lists say, and nothing of it has to be repaired. (Folders that are within each
// other are found by who walks the tree: it has fewer items then than came.)
//
// It keeps sums of hashes in place of names: of all statements of items, and of all of lists.
// Nobody can foresee the hashes, so two sums that are the same are of the same statements.
type agreement struct {
	seeds        [2]maphash.Seed
	items, lists [2]uint64
	// records counts the items, roots the records of roots, tombstones the deletions.
	records, roots, tombstones int
	// broken is set by a record that cannot stay as it is.
	broken bool
}

func newAgreement() *agreement {
	return &agreement{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

// note notes a record.
func (a *agreement) note(r *record) {
	if r.kind == livemark || r.rewritten || r.guid == tree.Tags || !tree.ValidGUID(r.guid) {
		a.broken = true
	}
	if IsRoot(r.guid) {
		a.roots++
		if r.kind != Folder || r.parent != "" && r.parent != Root {
			a.broken = true
		}
	} else {
		a.records++
		a.add(&a.items, r.parent, r.guid)
	}
	for _, child := range r.children {
		a.add(&a.lists, r.guid, child)
	}
}

// noteDeletion notes a tombstone.
func (a *agreement) noteDeletion(guid engine.ID) {
	a.tombstones++
	a.broken = a.broken || IsRoot(guid)
}

// add adds the statement that a folder holds an item to a sum.
func (a *agreement) add(sum *[2]uint64, folder, item engine.ID) {
	for i, seed := range a.seeds {
		var h maphash.Hash
		h.SetSeed(seed)
		_, _ = h.WriteString(string(folder))
		_ = h.WriteByte(0) // which no ID has
		_, _ = h.WriteString(string(item))
		sum[i] += h.Sum64()
	}
}

// came is how many records were noted.
func (a *agreement) came() int { return a.records + a.roots + a.tombstones }

// holds reports whether the records agree, of which none may have been noted twice.
func (a *agreement) holds() bool { return !a.broken && a.items == a.lists }

// agreementOfStaged notes what was staged.
func (t *tx) agreementOfStaged() (*agreement, error) {
	a := newAgreement()
	rows, err := t.Query(sqlStaged)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var guid, parent engine.ID
		var kind Kind
		var modified engine.Timestamp
		var payload []byte
		if err := rows.Scan(&guid, &parent, &kind, &modified, &payload); err != nil {
			return nil, err
		}
		if payload == nil {
			a.noteDeletion(guid)
			continue
		}
		r, err := parseRecord(guid, payload, modified)
		if err != nil {
			return nil, err
		}
		a.note(&r)
	}
	return a, rows.Err()
}
