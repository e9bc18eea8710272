package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"iter"

	"github.com/syncmanager/syncmanager/engine"
)

// ImportOptions say how Import works.
type ImportOptions struct {
	// DryRun reports what would be done, and does nothing.
	DryRun bool
	// Progress is told now and then how many records were read; nil: no one is.
	Progress func(records int)
}

// Imported tells what an import did. It holds no secret.
type Imported struct {
	// Read counts the records that the source had.
	Read int `json:"read"`
	// Added counts those that are new, Duplicates those that were here already.
	Added      int `json:"added"`
	Duplicates int `json:"duplicates"`
	// SkippedRecords counts those that were left out, and Skipped names them, the first
	// thousand.
	SkippedRecords int    `json:"skippedRecords"`
	Skipped        []Skip `json:"skipped"`
}

// Skip is a record that was left out. As an error of a source it stands for one
// that could not be read, and the import goes on.
type Skip struct {
	// Item names it for a person, or is "".
	Item   string `json:"item,omitempty"`
	Reason string `json:"reason"`
}

func (s *Skip) Error() string { return s.Reason }

const (
	maxSkipped = 1000
	// importChunk is how many records one transaction takes: an import of a million
	// lets syncs and edits through.
	importChunk = 500
)

var errDryRun = errors.New("a dry run keeps nothing")

// Import adds the records of a source, but for those that are here already by their
// ID or their content. One that cannot be kept is skipped, and stops no other;
// item names it for the report. What was imported before an error stays, and the
// report tells of it.
func (s *Store[R]) Import(ctx context.Context, source iter.Seq2[R, error], item func(*R) string, o ImportOptions) (Imported, error) {
	im := importing[R]{store: s, item: item, o: o, seen: make(map[string]bool), report: Imported{Skipped: []Skip{}}}
	chunk := make([]R, 0, importChunk)
	for r, err := range source {
		var skip *Skip
		switch {
		case errors.As(err, &skip):
			im.report.Read++
			im.skip(*skip)
		case err != nil:
			return im.report, errors.Join(im.keep(ctx, chunk), err)
		default:
			chunk = append(chunk, r)
		}
		if len(chunk) == importChunk {
			if err := im.keep(ctx, chunk); err != nil {
				return im.report, err
			}
			chunk = chunk[:0]
		}
	}
	return im.report, im.keep(ctx, chunk)
}

type importing[R any] struct {
	store  *Store[R]
	item   func(*R) string
	o      ImportOptions
	report Imported
	// seen are the records that a dry run would have added.
	seen map[string]bool
}

func (im *importing[R]) skip(s Skip) {
	im.report.SkippedRecords++
	if len(im.report.Skipped) < maxSkipped {
		im.report.Skipped = append(im.report.Skipped, s)
	}
}

// keep adds a chunk in one transaction.
func (im *importing[R]) keep(ctx context.Context, chunk []R) error {
	before := im.report
	err := im.store.Edit(ctx, func(tx *Records[R]) error {
		for i := range chunk {
			if err := im.add(tx, &chunk[i]); err != nil {
				return err
			}
		}
		if im.o.DryRun {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		im.report = before // the chunk was not kept
		return err
	}
	if im.o.Progress != nil {
		im.o.Progress(im.report.Read)
	}
	return nil
}

func (im *importing[R]) add(tx *Records[R], r *R) error {
	im.report.Read++
	var invalid *InvalidError
	switch err := tx.Add(r); {
	case errors.Is(err, ErrDuplicate):
		im.report.Duplicates++
	case errors.As(err, &invalid):
		im.skip(Skip{im.item(r), invalid.Error()})
	case err != nil:
		return err
	case im.o.DryRun && im.twice(*im.store.kind.ID(r), r):
		im.report.Duplicates++
	default:
		im.report.Added++
	}
	return nil
}

// twice tells whether an earlier transaction of a dry run would have added r.
func (im *importing[R]) twice(id engine.ID, r *R) bool {
	name := "id " + string(id)
	if payload, err := json.Marshal(r); err == nil {
		if key := im.store.core.key(payload); key != nil {
			name = "key " + string(key)
		}
	}
	was := im.seen[name]
	im.seen[name] = true
	return was
}
