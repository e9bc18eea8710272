package passwords

import (
	"context"
	"errors"
	"iter"
	"strings"

	"github.com/syncmanager/syncmanager/internal/mirror"
	"github.com/syncmanager/syncmanager/internal/skips"
)

// importer brings logins from elsewhere, from a file of rows or one by one.
type importer struct {
	e *Engine
	// known are the logins that were here before, by origin and username, each
	// with what stands for its password. It is there only for a source that does not
	// tell which form a login is for.
	known map[token]token
}

// sourced is a login of a source, and the line it begins on; 0: there are no lines.
type sourced struct {
	Login
	line int
}

// token stands for a secret value in memory: a MAC of it.
type token [8]byte

func (im *importer) token(parts ...string) token {
	return token(im.e.mac.MAC([]byte(strings.Join(parts, "\x00"))))
}

// ImportLogins adds the logins of a source. One that is here already takes over a
// password that is newer; one that cannot be kept is left out, and stops no other.
// What was imported before an error stays, and the report tells of it.
func (e *Engine) ImportLogins(ctx context.Context, source iter.Seq2[Login, error], o mirror.ImportOptions) (mirror.Imported, error) {
	im := &importer{e: e}
	return im.run(ctx, func(yield func(sourced, error) bool) {
		for l, err := range source {
			if !yield(sourced{Login: l}, err) {
				return
			}
		}
	}, o)
}

func (im *importer) run(ctx context.Context, source iter.Seq2[sourced, error], o mirror.ImportOptions) (mirror.Imported, error) {
	r, err := mirror.Import(ctx, source, mirror.Importer[sourced]{
		Item: site,
		Edit: func(ctx context.Context, f func(func(*sourced) error) error) error {
			return im.e.edit(ctx, func(tx *mirror.Records[Login]) error {
				return f(func(l *sourced) error { return im.add(tx, l) })
			})
		},
		Name: func(l *sourced) string {
			id := im.token(string(l.identity()))
			return string(id[:])
		},
	}, o)
	im.e.log.InfoContext(ctx, "passwords imported", "logins", r.Read, "added", r.Added, "updated", r.Updated,
		"skipped", r.SkippedRecords, "dryRun", o.DryRun)
	return r, err
}

// site names a login in a report.
func site(l *sourced) string { return skips.Shorten(l.Hostname) }

// remember learns which logins are here.
func (im *importer) remember(ctx context.Context) error {
	im.known = make(map[token]token)
	for l, err := range im.e.Store.List(ctx) {
		if err != nil {
			return explain(err)
		}
		im.known[im.token(l.Hostname, l.Username)] = im.token(l.Password)
	}
	return nil
}

func (im *importer) add(tx *mirror.Records[Login], l *sourced) error {
	skip := func(reason string) error {
		s := &mirror.Skip{Line: l.line, Reason: reason}
		if l.line == 0 {
			s.Item = site(l)
		}
		return s
	}
	if err := l.normalise(); err != nil {
		return skip(strings.TrimPrefix(err.Error(), ErrInvalid.Error()+": "))
	}
	same := func(password bool) error {
		if password {
			return mirror.ErrDuplicate
		}
		return skip("another password is saved for this site and username already, and was kept")
	}
	if password, ok := im.known[im.token(l.Hostname, l.Username)]; ok {
		return same(password == im.token(l.Password))
	}
	changed := l.TimePasswordChanged // Add fills it in
	var dupe *mirror.DuplicateError
	if err := tx.Add(&l.Login); !errors.As(err, &dupe) {
		return err
	}
	old, err := tx.Get(dupe.ID)
	switch {
	case err != nil:
		return err
	case string(old.identity()) != string(l.identity()):
		return skip("a login for another site or username has this guid already")
	case old.Password == l.Password || changed <= old.TimePasswordChanged:
		// One that is known not to be newer is an old one, and no news.
		return same(old.Password == l.Password || changed != 0)
	}
	old.Password, old.TimePasswordChanged = l.Password, changed
	if err := tx.Update(&old); err != nil {
		return err
	}
	return mirror.ErrUpdated
}
