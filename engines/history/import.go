package history

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
)

// ready is a page that can be stored.
type ready struct {
	page   Page
	visits []visit
}

func (e *Engine) importPages(ctx context.Context, pages iter.Seq2[Page, error], item func(*Page) string, o importing.Options) (done importing.Report, err error) {
	var chunk []ready
	visits := 0
	flush := func() error {
		err := e.importChunk(ctx, chunk, o.DryRun, &done)
		chunk, visits = chunk[:0], 0
		return err
	}
	for p, err := range pages {
		var skip *importing.Skip
		if errors.As(err, &skip) {
			done.Skip(*skip)
			continue
		}
		if err != nil {
			return done, errors.Join(err, flush())
		}
		r, ok := e.ready(&p, item, &done)
		if !ok {
			continue
		}
		chunk = append(chunk, r)
		if visits += len(r.visits); len(chunk) >= 4*e.chunk || visits >= 8*e.chunk {
			if err := flush(); err != nil {
				return done, err
			}
		}
	}
	return done, flush()
}

// importChunk imports some pages, and counts them in done: those that are new here in one
// transaction by few statements, and then the others one by one.
func (e *Engine) importChunk(ctx context.Context, chunk []ready, dry bool, done *importing.Report) error {
	left, err := e.importNew(ctx, chunk, dry, done)
	if err != nil {
		return err
	}
	for part := range slices.Chunk(left, e.chunk) {
		if err := e.importKnown(ctx, part, dry, done); err != nil {
			return err
		}
	}
	return nil
}

// importNew imports those pages that are new here and whose URL no other page of the chunk
// has, and returns the others.
func (e *Engine) importNew(ctx context.Context, chunk []ready, dry bool, done *importing.Report) (left []ready, err error) {
	var all []fresh
	run := e.edit
	if dry {
		run = e.view
	}
	err = run(ctx, func(tx *tx) (err error) {
		all, left, err = tx.unmet(chunk)
		if err != nil || dry || len(all) == 0 {
			return err
		}
		return tx.insertPages(all)
	})
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		done.Added++
		done.Visits += p.row.visits
	}
	return left, nil
}

// unmet returns the pages that importNew imports, ready to be inserted, and the others.
func (t *tx) unmet(chunk []ready) (all []fresh, left []ready, err error) {
	urls := make([]string, len(chunk))
	count := make(map[string]int, len(chunk))
	for i := range chunk {
		urls[i] = chunk[i].page.URL
		count[urls[i]]++
	}
	known, err := t.FindMany(urls)
	if err != nil {
		return nil, nil, err
	}
	now := t.Now()
	for _, r := range chunk {
		if known[r.page.URL] != 0 || count[r.page.URL] > 1 {
			left = append(left, r)
			continue
		}
		guid, err := t.NewGUID()
		if err != nil {
			return nil, nil, err
		}
		p := fresh{row: r.page.new(now), visits: distinct(r.visits)}
		p.row.guid = engine.ID(guid)
		for _, v := range p.visits {
			p.row.count(v)
		}
		p.row.hidden = p.row.hidden || r.page.Hidden // see addNew
		p.row.noteChange(now)
		all = append(all, p)
	}
	return all, left, nil
}

// importKnown imports pages one by one in one transaction, which a dry run rolls back.
func (e *Engine) importKnown(ctx context.Context, part []ready, dry bool, done *importing.Report) error {
	var some importing.Report
	err := e.edit(ctx, func(tx *tx) error {
		some = importing.Report{}
		for i := range part {
			if err := tx.take(&part[i], &some); err != nil {
				return err
			}
		}
		if dry {
			return errDryRun
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDryRun) {
		return err
	}
	done.Added += some.Added
	done.Updated += some.Updated
	done.Duplicates += some.Duplicates
	done.Visits += some.Visits
	return nil
}

// errDryRun rolls a transaction back.
var errDryRun = errors.New("dry run")

// ready checks a page, and leaves out the visits that cannot be stored.
func (e *Engine) ready(p *Page, item func(*Page) string, done *importing.Report) (ready, bool) {
	if len(p.Visits) == 0 {
		done.Skip(importing.Skip{Item: item(p), Reason: "it has no visit"})
		return ready{}, false
	}
	r := ready{page: Page{URL: p.URL, Title: p.Title, Hidden: p.Hidden, PreviewImage: p.PreviewImage}}
	if err := checkPage(&r.page); err != nil {
		done.Skip(importing.Skip{Item: item(p), Reason: err.Error()})
		return ready{}, false
	}
	for _, v := range p.Visits {
		one, err := e.checkVisit(v)
		if err != nil {
			done.Skip(importing.Skip{Item: item(p), Reason: err.Error()})
			continue
		}
		r.visits = append(r.visits, one)
	}
	return r, len(r.visits) > 0
}

// take adds one page, and counts what that came to.
func (t *tx) take(r *ready, done *importing.Report) error {
	before, err := t.byURL(r.page.URL)
	if err != nil {
		return err
	}
	after, changed, err := t.add(&r.page, r.visits)
	if err != nil {
		return err
	}
	switch {
	case before == nil || before.visits == 0:
		done.Added++
		done.Visits += after.visits
	case changed:
		done.Updated++
		done.Visits += after.visits - before.visits
	default:
		done.Duplicates++
	}
	return nil
}
