package api

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
)

// store is what the engines of flat records have in common.
type store[R any] interface {
	List(ctx context.Context) iter.Seq2[R, error]
	Get(ctx context.Context, id engine.ID) (R, error)
	Add(ctx context.Context, r R) (R, error)
	Import(ctx context.Context, source iter.Seq2[R, error], item func(*R) string, o importing.Options) (importing.Report, error)
	undoer
}

type undoer interface {
	Log(ctx context.Context) ([]engine.LogEntry, error)
	Undo(ctx context.Context, run string) (engine.Undone, error)
}

// editable is a transaction of a store.
type editable[R any] interface {
	Get(id engine.ID) (R, error)
	Update(r *R) error
	Delete(id engine.ID) error
}

// flat describes the verbs of an engine of flat records. R is its record, F the fields that a
// caller sets, which are pointers, and A what the caller sees. A field of F and one of A is the
// one of R with the same name.
type flat[R, F, A any] struct {
	// collection is the engine's name, one and many the words for its records.
	collection, one, many string
	open                  func(ctx context.Context, h Home) (store[R], error)
	edit                  func(ctx context.Context, h Home, f func(tx editable[R]) error) error
	id                    func(r *R) engine.ID
	// show, if not nil, completes what the caller sees.
	show func(r *R, a *A)
}

// ID names an item.
type ID struct {
	ID engine.ID `json:"id" bound:"1..256"`
}

// Read names an item as it was read.
type Read struct {
	ID
	// ETag is that of the item as it was read.
	ETag string `json:"etag" bound:"1..64"`
}

// Run names a sync of a log.
type Run struct {
	// Sync is the sync; absent: the last one that was not undone.
	Sync string `json:"sync,omitempty" bound:"0..128"`
}

// LogEntry is a sync that changed items of the user.
type LogEntry struct {
	Sync string    `json:"sync"`
	At   time.Time `json:"at"`
	// Added and Moved are counted for bookmarks only.
	Added   int `json:"added"`
	Changed int `json:"changed"`
	Moved   int `json:"moved"`
	Deleted int `json:"deleted"`
	// Undone is when the sync was undone; absent: it was not.
	Undone time.Time `json:"undone,omitzero"`
}

// Log lists the syncs that changed something, the newest first.
type Log struct {
	Log []LogEntry `json:"log"`
}

// Undone is what undoing a sync did.
type Undone struct {
	Sync string `json:"sync"`
	// Restored counts items that are back, Reverted those with their former values, Moved
	// those in their former folders, and Removed those that the sync had added. Kept counts
	// items that were edited since and stay as they are.
	Restored int `json:"restored"`
	Reverted int `json:"reverted"`
	Moved    int `json:"moved"`
	Removed  int `json:"removed"`
	Kept     int `json:"kept"`
}

// undoVerbs are the verbs of an engine's log.
func undoVerbs(collection string, open func(context.Context, Home) (undoer, error)) []*Verb {
	return []*Verb{
		value(collection+".log", "Lists the syncs that changed or deleted "+collection+", the newest first.", Needs{Engines: []string{collection}},
			func(ctx context.Context, c *call, _ Empty) (Log, error) {
				s, err := open(ctx, c.home)
				if err != nil {
					return Log{}, err
				}
				list, err := s.Log(ctx)
				out := Log{[]LogEntry{}}
				for _, l := range list {
					out.Log = append(out.Log, LogEntry{l.Run, l.At.UTC(), l.Added, l.Changed, l.Moved, l.Deleted, l.Undone.UTC()})
				}
				return out, err
			}),
		value(collection+".undo", "Reverts what a sync changed, as an edit that the next sync sends. What was edited since stays.",
			Needs{Write: true, Engines: []string{collection}},
			func(ctx context.Context, c *call, q Run) (Undone, error) {
				s, err := open(ctx, c.home)
				if err != nil {
					return Undone{}, err
				}
				u, err := s.Undo(ctx, q.Sync)
				return Undone{u.Run, u.Restored, u.Reverted, u.Moved, u.Removed, u.Kept}, err
			}),
	}
}

// Update changes fields of an item. Absent fields stay as they are.
type Update[F any] struct {
	Read
	// Set has the fields to change.
	Set F `json:"set"`
}

// Import brings items along.
type Import[F any] struct {
	// Items are the items; further requests bring more.
	Items []F `json:"items" bound:"1..1000"`
	// DryRun reports what the import would do, and changes nothing.
	DryRun bool `json:"dryRun,omitempty"`
}

// verbs are the verbs of the engine.
func (f flat[R, F, A]) verbs() []*Verb {
	reading, writing := Needs{Engines: []string{f.collection}}, Needs{Engines: []string{f.collection}, Write: true}
	return append([]*Verb{
		stream(f.collection+".list", "Lists all "+f.many+".", reading, func(ctx context.Context, c *call, _ Empty) (iter.Seq2[A, error], error) {
			s, err := f.open(ctx, c.home)
			if err != nil {
				return nil, err
			}
			return mapped(s.List(ctx), func(r R) (A, error) { return f.answer(c, &r) }), nil
		}),
		value(f.collection+".get", "Returns "+f.one+".", reading, func(ctx context.Context, c *call, q ID) (a A, err error) {
			s, err := f.open(ctx, c.home)
			if err != nil {
				return a, err
			}
			r, err := s.Get(ctx, q.ID)
			if err != nil {
				return a, err
			}
			return f.answer(c, &r)
		}),
		value(f.collection+".add", "Adds "+f.one+", and returns it.", writing, func(ctx context.Context, c *call, q F) (a A, err error) {
			s, err := f.open(ctx, c.home)
			if err != nil {
				return a, err
			}
			var r R
			set(&r, q)
			if r, err = s.Add(ctx, r); err != nil {
				return a, err
			}
			return f.answer(c, &r)
		}),
		value(f.collection+".update", "Changes fields of "+f.one+", and returns it. Absent fields stay as they are.", writing, f.update),
		action(f.collection+".delete", "Deletes "+f.one+", here and with the next sync everywhere.", writing,
			func(ctx context.Context, c *call, q Read) error {
				return f.edit(ctx, c.home, func(tx editable[R]) error {
					r, err := tx.Get(q.ID.ID)
					if err != nil {
						return err
					}
					if err := c.matches(q.ETag, f.collection, r); err != nil {
						return err
					}
					return tx.Delete(q.ID.ID)
				})
			}),
		large(value(f.collection+".import", "Adds up to 1,000 "+f.many+". One that is here already gets what it does not have.", writing, f.importItems)),
	}, undoVerbs(f.collection, func(ctx context.Context, h Home) (undoer, error) { return f.open(ctx, h) })...)
}

func (f flat[R, F, A]) update(ctx context.Context, c *call, q Update[F]) (a A, err error) {
	err = f.edit(ctx, c.home, func(tx editable[R]) error {
		r, err := tx.Get(q.ID.ID)
		if err != nil {
			return err
		}
		if err := c.matches(q.ETag, f.collection, r); err != nil {
			return err
		}
		set(&r, q.Set)
		if err := tx.Update(&r); err != nil {
			return err
		}
		if r, err = tx.Get(f.id(&r)); err != nil {
			return err
		}
		a, err = f.answer(c, &r)
		return err
	})
	return a, err
}

func (f flat[R, F, A]) importItems(ctx context.Context, c *call, q Import[F]) (importing.Report, error) {
	s, err := f.open(ctx, c.home)
	if err != nil {
		return importing.Report{}, err
	}
	return imported(s.Import(ctx, func(yield func(R, error) bool) {
		for _, item := range q.Items {
			var r R
			set(&r, item)
			if !yield(r, nil) {
				return
			}
		}
	}, nil, importing.Options{DryRun: q.DryRun}))
}

// answer is a record as the caller sees it.
func (f flat[R, F, A]) answer(c *call, r *R) (a A, err error) {
	etag, err := c.etag(f.collection, *r)
	if err != nil {
		return a, err
	}
	show(&a, r)
	reflect.ValueOf(&a).Elem().FieldByName("ETag").SetString(etag)
	if f.show != nil {
		f.show(r, &a)
	}
	return a, nil
}

// mapped is a list with each item changed by f.
func mapped[R, A any](list iter.Seq2[R, error], f func(R) (A, error)) iter.Seq2[A, error] {
	return func(yield func(A, error) bool) {
		for r, err := range list {
			var a A
			if err == nil {
				a, err = f(r)
			}
			if !yield(a, err) || err != nil {
				return
			}
		}
	}
}

// set gives record, a pointer to a struct, the values of those fields of a struct of pointers
// that are not nil, by their names.
func set(record, fields any) {
	to, from := reflect.ValueOf(record).Elem(), reflect.ValueOf(fields)
	for i := range from.NumField() {
		name := from.Type().Field(i).Name
		value := from.Field(i)
		if value.Kind() == reflect.Pointer {
			if value.IsNil() {
				continue
			}
			value = value.Elem()
		}
		field := to.FieldByName(name)
		if !field.IsValid() || field.Type() != value.Type() {
			panic(fmt.Sprintf("api: %T has no field %s of the type %s", record, name, value.Type()))
		}
		field.Set(value)
	}
}

// show copies to answer, a pointer to a struct, those fields that record has by the same names.
func show(answer, record any) {
	to, from := reflect.ValueOf(answer).Elem(), reflect.ValueOf(record).Elem()
	for i := range to.NumField() {
		if value := from.FieldByName(to.Type().Field(i).Name); value.IsValid() && value.Type() == to.Field(i).Type() {
			to.Field(i).Set(value)
		}
	}
}
