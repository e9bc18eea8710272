// Package autofill is what addresses and cards share: an ID and an entry, in which
// Firefox keeps the user's fields and what it noted about them.
package autofill

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// Meta is where an entry keeps what it says about itself.
type Meta struct {
	// Version is that of the entry's form.
	Version *int
	// The times are kept to the millisecond; zero: not known.
	TimeCreated, TimeLastModified *time.Time
	// TimeLastUsed and TimesUsed tell of the entry's use, which is not a change of it.
	TimeLastUsed *time.Time
	TimesUsed    *int64
}

// record is one on the wire.
type record[E any] struct {
	ID    engine.ID `json:"id"`
	Entry *E        `json:"entry"`
}

// Form describes a collection whose records hold entries of type E.
type Form[E any] struct {
	Collection string
	// Version is what this program writes, and Newest the newest one that it knows.
	Version, Newest int
	// Meta is where E has its own.
	Meta func(*E) Meta
	// Content are the user's fields. Two entries with the same are the same thing.
	Content func(*E) []string
	// Loose, if not nil, is the loose key of an entry; see [mirror.Keys].
	Loose func(*E) []byte
	// Derived are fields that are computed from others: different values are not a conflict.
	Derived []string
	// Numbers are fields that other clients may write as another type; see mirror.Number.
	// The times and counts of use are among them anyway.
	Numbers []string
}

// times and timesUsed are what every entry notes of its use.
var times = []string{"timeCreated", "timeLastModified", "timeLastUsed"}

const timesUsed = "timesUsed"

// errNewer refuses to edit an entry whose form this program does not know.
var errNewer = errors.New("a newer program wrote it: it is kept as it is, and can be deleted but not edited")

// Unmarshal reads a record. Of one in a newer form it takes what it understands.
func (f *Form[E]) Unmarshal(raw []byte) (engine.ID, E, error) {
	var r record[E]
	err := json.Unmarshal(f.lenient(raw), &r)
	var none E
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil && r.Entry == nil:
		return r.ID, none, &engine.FieldError{Field: "entry", Reason: errors.New("it has no entry")}
	case err == nil:
		return r.ID, *r.Entry, nil
	case !errors.As(err, &wrong):
		return "", none, err
	case r.Entry != nil && f.newer(r.Entry):
		return r.ID, *r.Entry, nil
	case wrong.Field == "":
		return "", none, errors.New("it is not a record")
	}
	// The error of encoding/json may hold the value.
	return "", none, &engine.FieldError{
		Field:  wrong.Field,
		Reason: fmt.Errorf("its %s is not what it should be", wrong.Field[strings.LastIndex(wrong.Field, ".")+1:]),
	}
}

// lenient writes the numbers of a record's entry as numbers, and its times as an E has them.
// What is not an object stays as it is.
func (f *Form[E]) lenient(raw []byte) []byte {
	return editEntry(raw, func(name string, value []byte) []byte {
		is := func(n string) bool { return strings.EqualFold(n, name) }
		switch {
		case slices.ContainsFunc(times, is):
			return fromWire(mirror.Number(value))
		case is(timesUsed), slices.ContainsFunc(f.Numbers, is):
			return strconv.AppendInt(nil, mirror.Number(value), 10)
		}
		return value
	})
}

// maxTime is the last time that encoding/json can write, in Unix milliseconds. A later one
// is not known.
var maxTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).UnixMilli()

// fromWire is a time of a record as encoding/json reads a time.Time.
func fromWire(ms int64) []byte {
	if ms > maxTime {
		ms = 0
	}
	return mirror.Time(ms).AppendFormat(nil, `"`+time.RFC3339Nano+`"`)
}

// toWire is fromWire's way back.
func toWire(value []byte) []byte {
	var t time.Time
	_ = json.Unmarshal(value, &t) // encoding/json wrote it
	return strconv.AppendInt(nil, mirror.Milliseconds(t), 10)
}

// editEntry is edit for the fields of a record's entry.
func editEntry(raw []byte, change func(name string, value []byte) []byte) []byte {
	return edit(raw, func(name string, entry []byte) []byte {
		if !strings.EqualFold(name, "entry") {
			return entry
		}
		return edit(entry, change)
	})
}

// edit returns an object with each value as change makes it; what is not an object it
// returns as it is.
func edit(raw []byte, change func(name string, value []byte) []byte) []byte {
	out := append(make([]byte, 0, len(raw)), '{')
	err := rawjson.Object(raw, func(name, value []byte) error {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(rawjson.AppendQuoted(out, string(name)), ':')
		out = append(out, change(string(name), value)...)
		return nil
	})
	if err != nil {
		return raw
	}
	return append(out, '}')
}

func (f *Form[E]) newer(e *E) bool { return *f.Meta(e).Version > f.Newest }

// Marshal writes a record.
func Marshal[E any](id engine.ID, e *E) ([]byte, error) {
	text, err := json.Marshal(record[E]{id, e})
	if err != nil {
		return nil, err
	}
	return editEntry(text, func(name string, value []byte) []byte {
		if slices.Contains(times, name) {
			return toWire(value)
		}
		return value
	}), nil
}

// resolve decides what both sides changed. Where it does not, the entry forks.
func (f *Form[E]) resolve(c mirror.Conflict) ([]byte, bool) {
	if c.Field == "version" {
		return fmt.Append(nil, f.Version), true
	}
	for _, name := range f.Derived {
		if c.Field == name {
			return c.Local, true
		}
	}
	return mirror.ResolveUsage(c)
}

// Schema is that of a collection whose records are of type R, which holds an ID and an E.
// complete checks an entry that the user wants to keep, and fills in what follows from it;
// old is nil for a new one.
func Schema[R, E any](f *Form[E], now func() time.Time, parts func(*R) (*engine.ID, *E), complete func(e, old *E) error) mirror.Schema[R] {
	entry := func(r *R) *E { _, e := parts(r); return e }
	return mirror.Schema[R]{
		Collection: f.Collection,
		Version:    1,
		Fields:     fields[E](),
		ID:         func(r *R) *engine.ID { id, _ := parts(r); return id },
		NewID:      NewID,
		Complete: func(r, old *R) error {
			if old == nil {
				return f.complete(entry(r), nil, now, complete)
			}
			return f.complete(entry(r), entry(old), now, complete)
		},
		Check:    func(r *R) (mirror.Keys, error) { return f.check(entry(r)) },
		Nested:   []mirror.Nested{{Name: "entry"}},
		Required: append(slices.Clone(times), timesUsed),
		Resolve:  f.resolve,
		Fork:     true,
		ReadOnly: func(r *R) error {
			if f.newer(entry(r)) {
				return errNewer
			}
			return nil
		},
		TooManyDeletions: mirror.MoreThanHalf,
	}
}

// complete is complete where there is something to do, and notes the times.
func (f *Form[E]) complete(e, old *E, now func() time.Time, complete func(e, old *E) error) error {
	m := f.Meta(e)
	mirror.Round(m.TimeCreated, m.TimeLastModified, m.TimeLastUsed)
	switch {
	case old == nil && f.newer(e):
		return &engine.ReadOnlyError{Reason: errNewer}
	case old != nil && (f.sameButForUse(e, old) || f.newer(old)):
		return nil // nothing to do, or the store refuses it
	}
	if err := complete(e, old); err != nil {
		return err
	}
	f.note(m, old == nil, mirror.Time(now().UnixMilli()))
	return nil
}

// sameButForUse reports whether two entries differ at most in when and how often they were
// used.
func (f *Form[E]) sameButForUse(a, b *E) bool {
	x := *a
	from, to := f.Meta(b), f.Meta(&x)
	*to.TimeLastUsed, *to.TimesUsed = *from.TimeLastUsed, *from.TimesUsed
	return reflect.DeepEqual(&x, b)
}

// check keeps apart what this program does not know enough to compare.
func (f *Form[E]) check(e *E) (k mirror.Keys, err error) {
	if v := *f.Meta(e).Version; v < 1 {
		return k, &engine.FieldError{Field: "entry.version", Reason: fmt.Errorf("its version is %d, and the lowest is 1", v)}
	}
	if f.Loose != nil {
		k.Loose = f.Loose(e)
	}
	if content := f.Content(e); !f.newer(e) && strings.Join(content, "") != "" {
		k.Dedupe = []byte(strings.Join(content, "\x00"))
	}
	return k, nil
}

func (f *Form[E]) note(m Meta, isNew bool, now time.Time) {
	*m.Version = f.Version
	if isNew && m.TimeCreated.IsZero() {
		*m.TimeCreated = now
	}
	if !isNew || m.TimeLastModified.IsZero() {
		*m.TimeLastModified = now
	}
}

// fields are those that an E writes.
func fields[E any]() []string {
	list := []string{"id"}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[E]()) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			list = append(list, "entry."+name)
		}
	}
	return list
}

// NewID makes an ID as Firefox does: twelve hexadecimal digits. It panics when random
// fails, as engine.NewID does.
func NewID(random io.Reader) engine.ID {
	var b [6]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		panic("autofill: no randomness: " + err.Error())
	}
	return engine.ID(hex.EncodeToString(b[:]))
}
