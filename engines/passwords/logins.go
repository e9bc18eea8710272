package passwords

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// notValid begins the errors about a login that cannot be one.
const notValid = "not a valid login"

// invalid refuses a login that cannot be one.
func invalid(format string, args ...any) error {
	return &engine.InvalidError{Reason: fmt.Errorf(notValid+": "+format, args...)}
}

func (e *Engine) complete(l, old *Login) error {
	if err := l.normalise(); err != nil {
		return err
	}
	l.round()
	now := mirror.Time(e.now().UnixMilli())
	switch {
	case old == nil:
		l.TimeCreated = cmp.Or(l.TimeCreated, l.TimePasswordChanged, now)
	case l.Password != old.Password && l.TimePasswordChanged.Equal(old.TimePasswordChanged):
		l.TimePasswordChanged = now
	}
	return nil
}

// Add saves a new login and returns it with what was filled in: its ID where it
// has none, its origin in the usual form, and its times. An [engine.DuplicateError] names the
// login that is there already.
func (e *Engine) Add(ctx context.Context, l Login) (Login, error) {
	err := e.Edit(ctx, func(tx *Tx) error { return tx.Add(&l) })
	return l, err
}

// Add saves a new login as [Engine.Add] does, and sets the same fields.
func (tx *Tx) Add(l *Login) error {
	dated(l, tx.records.Now())
	return tx.records.Add(l)
}

// dated fills in since when a new login's password stands. An import leaves that open:
// nobody knows.
func dated(l *Login, now time.Time) {
	l.TimePasswordChanged = cmp.Or(l.TimePasswordChanged, l.TimeCreated, now)
}

// Touch notes that the login was used.
func (e *Engine) Touch(ctx context.Context, id engine.ID) error {
	return e.edit(ctx, id, func(l *Login) {
		l.TimeLastUsed = e.now()
		l.TimesUsed++
	})
}

// List yields all logins, sorted by origin and then by username. It holds their
// origins and usernames in memory while it runs, and a page of logins at a time.
func (e *Engine) List(ctx context.Context) iter.Seq2[Login, error] {
	return e.Find(ctx, "")
}

// Find yields, sorted as in List, the logins whose origin or username contains
// the query, in any case, or whose ID is the query. The host of an origin is found as
// people write it, and as it is stored.
func (e *Engine) Find(ctx context.Context, query string) iter.Seq2[Login, error] {
	return func(yield func(Login, error) bool) {
		ids, err := e.sorted(ctx, strings.ToLower(query))
		if err != nil {
			yield(Login{}, err)
			return
		}
		for page := range slices.Chunk(ids, listPage) {
			logins, err := e.store.Many(ctx, page)
			if err != nil {
				yield(Login{}, err)
				return
			}
			byID := make(map[engine.ID]Login, len(logins))
			for _, l := range logins {
				byID[l.ID] = l
			}
			for _, id := range page {
				// One that is missing was deleted since.
				if l, ok := byID[id]; ok && !yield(l, nil) {
					return
				}
			}
		}
	}
}

// listPage is how many logins List holds at a time.
const listPage = 256

func (e *Engine) sorted(ctx context.Context, query string) ([]engine.ID, error) {
	type entry struct {
		origin, username string
		id               engine.ID
	}
	var found []entry
	for l, err := range e.store.List(ctx) {
		if err != nil {
			return nil, err
		}
		if strings.Contains(strings.ToLower(l.Hostname), query) || strings.Contains(UnicodeOrigin(l.Hostname), query) ||
			strings.Contains(asciiOrigin(l.Hostname), query) || strings.Contains(strings.ToLower(l.Username), query) ||
			strings.EqualFold(string(l.ID), query) {
			found = append(found, entry{l.Hostname, l.Username, l.ID})
		}
	}
	slices.SortFunc(found, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.origin, b.origin), cmp.Compare(a.username, b.username), cmp.Compare(a.id, b.id))
	})
	ids := make([]engine.ID, len(found))
	for i := range found {
		ids[i] = found[i].id
	}
	return ids, nil
}

// newID makes an ID as Firefox does: a random UUID in braces. It panics when random
// fails, as engine.NewID does.
func newID(random io.Reader) engine.ID {
	var u [16]byte
	if _, err := io.ReadFull(random, u[:]); err != nil {
		panic("passwords: no randomness: " + err.Error())
	}
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	h := hex.EncodeToString(u[:])
	return engine.ID("{" + h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:] + "}")
}
