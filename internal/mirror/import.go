package mirror

import (
	"context"
	"encoding/json"
	"errors"
	"iter"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
)

// importChunk is how many records one transaction takes: an import of a million
// lets syncs and edits through.
const importChunk = 500

// ErrUpdated is what an Importer's add returns where an item that was here already was
// brought up to date.
var ErrUpdated = errors.New("what was here already is now up to date")

var errDryRun = errors.New("a dry run keeps nothing")

// Import adds the records of a source. One that is here already, by its ID or its
// content, gets what the source's has and it lacks; what differs stays as it is, and is
// named. One that cannot be stored is skipped, and the rest goes on; item names it for the
// report, and where it is nil, the ID does. What was imported before an error stays, and is in the report.
func (s *Store[R]) Import(ctx context.Context, source iter.Seq2[R, error], item func(*R) string, o importing.Options) (importing.Report, error) {
	if item == nil {
		item = func(r *R) string { return string(*s.schema.ID(r)) }
	}
	return Import(ctx, source, Importer[R]{
		Item: item,
		Edit: func(ctx context.Context, f func(add func(*R) error) error) error {
			return s.Edit(ctx, func(tx *Tx[R]) error {
				tx.Undated()
				return f(tx.importRecord)
			})
		},
		Name: s.name,
	}, o)
}

// name is what no two records of a store share.
func (s *Store[R]) name(r *R) string {
	if payload, err := json.Marshal(r); err == nil {
		if k, err := s.check(payload); err == nil && k.Dedupe != nil {
			return "key " + string(k.Dedupe)
		}
	}
	return "id " + string(*s.schema.ID(r))
}

// Importer is where an Import puts items.
type Importer[R any] struct {
	// Item names an item for the report.
	Item func(*R) string
	// Edit runs f in one transaction; add adds an item, with the errors of
	// Tx.Add, ErrUpdated, or a *importing.Skip.
	Edit func(ctx context.Context, f func(add func(*R) error) error) error
	// Name is what no two items share that were added.
	Name func(*R) string
	// Twice takes the place of Name where what is there twice cannot be told by a name.
	// It is asked for each item that a dry run would add, and remembers it.
	Twice func(*R) bool
}

// Import is Store.Import for what is not a record each.
func Import[R any](ctx context.Context, source iter.Seq2[R, error], into Importer[R], o importing.Options) (importing.Report, error) {
	im := importRun[R]{Importer: into, o: o, seen: make(map[string]bool), report: importing.Report{Skips: []importing.Skip{}}}
	chunk := make([]R, 0, importChunk)
	for r, err := range source {
		var skip *importing.Skip
		switch {
		case errors.As(err, &skip):
			im.report.Read++
			im.report.Skip(*skip)
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

type importRun[R any] struct {
	Importer[R]
	o      importing.Options
	report importing.Report
	// seen are the items that a dry run would have added.
	seen map[string]bool
}

// keep adds a chunk in one transaction.
func (im *importRun[R]) keep(ctx context.Context, chunk []R) error {
	before := im.report
	err := im.Edit(ctx, func(add func(*R) error) error {
		for i := range chunk {
			if err := im.add(add, &chunk[i]); err != nil {
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

func (im *importRun[R]) add(add func(*R) error, r *R) error {
	im.report.Read++
	var invalid *engine.InvalidError
	var skip *importing.Skip
	switch err := add(r); {
	case errors.Is(err, engine.ErrDuplicate):
		im.report.Duplicates++
	case errors.Is(err, ErrUpdated):
		im.report.Updated++
	case errors.As(err, &skip):
		im.report.Skip(im.named(*skip, r))
	case errors.As(err, &invalid):
		im.report.Skip(importing.Skip{Item: im.Item(r), Reason: invalid.Error()})
	case err != nil:
		return err
	case im.o.DryRun && im.twice(r):
		im.report.Duplicates++
	default:
		im.report.Added++
	}
	return nil
}

// twice tells whether an earlier transaction of a dry run would have added the item.
func (im *importRun[R]) twice(r *R) bool {
	if im.Twice != nil {
		return im.Twice(r)
	}
	name := im.Name(r)
	was := im.seen[name]
	im.seen[name] = true
	return was
}
