package passwords

import (
	"context"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/internal/mirror"
	"github.com/syncmanager/syncmanager/internal/skips"
)

// importer brings logins from elsewhere, from a file of rows or one by one.
type importer struct {
	e *Engine
	// formless says that the source does not tell which form or realm a login is for.
	formless bool
	// item names a login for the report; nil: its site does.
	item func(*Login) string
	// dry are the logins that a dry run would have added.
	dry map[token][]Login
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

// Import adds the logins of a source. One that is here already takes over a
// password that is newer, and what it has not; one that cannot be kept is left out, and
// stops no other; item names it for the report, and where it is nil, its site does. What was imported before an error stays, and the report tells of it.
func (e *Engine) Import(ctx context.Context, source iter.Seq2[Login, error], item func(*Login) string, o importing.Options) (importing.Report, error) {
	im := &importer{e: e, item: item}
	return im.run(ctx, func(yield func(sourced, error) bool) {
		for l, err := range source {
			if !yield(sourced{Login: l}, err) {
				return
			}
		}
	}, o)
}

func (im *importer) run(ctx context.Context, source iter.Seq2[sourced, error], o importing.Options) (importing.Report, error) {
	im.dry = make(map[token][]Login)
	r, err := mirror.Import(ctx, source, mirror.Importer[sourced]{
		Item: im.name,
		Edit: func(ctx context.Context, f func(func(*sourced) error) error) error {
			return im.e.store.Edit(ctx, func(tx *mirror.Tx[Login]) error {
				tx.Undated()
				return f(func(l *sourced) error { return im.add(tx, l) })
			})
		},
		Twice: im.twice,
	}, o)
	im.e.log.InfoContext(ctx, "passwords imported", "logins", r.Read, "added", r.Added, "updated", r.Updated,
		"skipped", r.Skipped, "dryRun", o.DryRun)
	return r, err
}

// name names a login in a report.
func (im *importer) name(l *sourced) string {
	if im.item != nil {
		return im.item(&l.Login)
	}
	return skips.Shorten(l.Hostname)
}

// twice tells whether an earlier transaction of a dry run would have added the login. It
// remembers which form a login is for, and no secret.
func (im *importer) twice(l *sourced) bool {
	name := im.token(string(l.looseKey()))
	for _, was := range im.dry[name] {
		if im.formless || l.matches(&was) {
			return true
		}
	}
	im.dry[name] = append(im.dry[name], Login{FormSubmitURL: l.FormSubmitURL, HTTPRealm: l.HTTPRealm})
	return false
}

func (im *importer) add(tx *mirror.Tx[Login], l *sourced) error {
	skip := func(reason string) error {
		s := &importing.Skip{Line: l.line, Reason: reason}
		if l.line == 0 {
			s.Item = im.name(l)
		}
		return s
	}
	// Firefox takes an action that is none for any.
	if _, err := formOrigin(l.FormSubmitURL); err != nil {
		l.FormSubmitURL = ""
	}
	l.round()
	if err := l.normalise(); err != nil {
		return skip(strings.TrimPrefix(err.Error(), notValid+": "))
	}
	old, err := im.here(tx, &l.Login)
	switch {
	case err != nil:
		return err
	case old == nil:
		return tx.Add(&l.Login)
	case string(old.looseKey()) != string(l.looseKey()) || !im.formless && !old.matches(&l.Login):
		return skip("a login for another site or username has this guid already")
	}
	was := *old
	old.enrich(&l.Login)
	// One that is known not to be newer is an old one, and no news.
	kept := old.Password != l.Password && l.TimePasswordChanged.IsZero()
	if *old != was {
		if err := tx.Update(old); err != nil {
			return err
		}
	}
	switch {
	case kept:
		return skip("another password is saved for this site and username already, and was kept")
	case *old != was:
		return mirror.ErrUpdated
	}
	return engine.ErrDuplicate
}

// here is the login that a source's is about: the one with its ID, or of those that it
// matches, the one with its form, or with its password; nil: there is none.
func (im *importer) here(tx *mirror.Tx[Login], l *Login) (*Login, error) {
	if l.ID != "" {
		switch old, err := tx.Get(l.ID); {
		case err == nil:
			return &old, nil
		case !errors.Is(err, engine.ErrNotFound):
			return nil, err
		}
	}
	found, err := tx.Loose(l.looseKey())
	if err != nil {
		return nil, err
	}
	var best *Login
	rank := func(o *Login) (n int) {
		if string(o.dedupeKey()) == string(l.dedupeKey()) {
			n += 2
		}
		if o.Password == l.Password {
			n++
		}
		return n
	}
	for i := range found {
		if o := &found[i]; (im.formless || o.matches(l)) && (best == nil || rank(o) > rank(best)) {
			best = o
		}
	}
	return best, nil
}

// enrich gives the login what a source's has and it has not: a newer password, a form,
// the earlier creation.
func (l *Login) enrich(from *Login) {
	switch {
	case l.Password == from.Password:
		if l.TimePasswordChanged.IsZero() {
			l.TimePasswordChanged = from.TimePasswordChanged
		}
	case from.TimePasswordChanged.After(l.TimePasswordChanged):
		l.Password, l.TimePasswordChanged = from.Password, from.TimePasswordChanged
	case from.TimePasswordChanged.IsZero():
		return // which of the two is meant, nobody knows
	}
	if l.HTTPRealm == "" && from.HTTPRealm == "" && l.FormSubmitURL == "" {
		l.FormSubmitURL = from.FormSubmitURL
	}
	for _, field := range []struct{ to, from *string }{{&l.UsernameField, &from.UsernameField}, {&l.PasswordField, &from.PasswordField}} {
		if *field.to == "" {
			*field.to = *field.from
		}
	}
	if !from.TimeCreated.IsZero() && (l.TimeCreated.IsZero() || from.TimeCreated.Before(l.TimeCreated)) {
		l.TimeCreated = from.TimeCreated
	}
	for _, at := range []struct{ to, from *time.Time }{
		{&l.TimeOfLastBreach, &from.TimeOfLastBreach},
		{&l.TimeLastBreachAlertDismissed, &from.TimeLastBreachAlertDismissed},
		{&l.TimeLastUsed, &from.TimeLastUsed},
	} {
		*at.to = later(*at.to, *at.from)
	}
	l.TimesUsed = max(l.TimesUsed, from.TimesUsed)
}
