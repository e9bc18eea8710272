package mozilla

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/syncmanager/syncmanager/server/takeover"
)

// openTokens finds out how the token server keeps its users.
func (r *Reader) openTokens(ctx context.Context, o Options) error {
	columns, err := columnsOf(ctx, r.tokens)
	if err != nil {
		return err
	}
	if r.keys, r.nodes, err = keysOf(columns); err != nil {
		return err
	}
	if err := r.findService(ctx); err != nil {
		return err
	}
	issuers, err := r.texts(ctx, r.tokens.issuers(), r.service)
	if err != nil {
		return err
	}
	if err := choose(issuers, o.Issuer, ErrIssuers); err != nil || !r.nodes {
		return err
	}
	nodes, err := r.texts(ctx, sqlNodes, r.service)
	if err != nil {
		return err
	}
	return choose(nodes, o.Node, ErrNodes)
}

// findService finds out what the rows of Sync's users have as their service.
func (r *Reader) findService(ctx context.Context) error {
	r.service = "sync-1.5"
	if !r.nodes {
		return nil
	}
	for row, err := range r.tokens.rows(ctx, sqlService) {
		var id int64
		if err == nil {
			err = row.Scan(&id)
		}
		if err != nil {
			return err
		}
		r.service = id
		return nil
	}
	return fmt.Errorf("%w: its table services has no sync-1.5", ErrSchema)
}

// choose refuses several values of which none is named, and a name that is not among them.
func choose(all []string, name string, several error) error {
	switch {
	case name == "" && len(all) > 1:
		return fmt.Errorf("%w: name one of %.500q", several, all)
	case name != "" && len(all) > 0 && !slices.Contains(all, name):
		return fmt.Errorf("%w: %q is not among %.500q", several, name, all)
	}
	return nil
}

// texts returns the one column of a statement.
func (r *Reader) texts(ctx context.Context, query string, args ...any) (all []string, err error) {
	for row, err := range r.tokens.rows(ctx, query, args...) {
		var text string
		if err == nil {
			err = row.Scan(&text)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}

// Count implements takeover.Source.
func (r *Reader) Count(ctx context.Context) (n int, err error) {
	for row, err := range r.tokens.rows(ctx, sqlCount) {
		if err == nil {
			err = row.Scan(&n)
		}
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}

// Users implements takeover.Source. It holds no rows open while f runs, so that f may read.
func (r *Reader) Users(ctx context.Context, f func(takeover.User) error) error {
	last := ""
	for {
		emails, err := r.texts(ctx, sqlEmails, last)
		if err != nil || len(emails) == 0 {
			return err
		}
		for _, email := range emails {
			keys, err := r.keysOf(ctx, email)
			if err != nil {
				return err
			}
			if len(keys) == 0 {
				continue // of another service
			}
			if err := f(takeover.User{Email: email, Keys: keys}); err != nil {
				return err
			}
		}
		last = emails[len(emails)-1]
	}
}

// keysOf returns an account's rows, the current one first by the rule of the token server.
func (r *Reader) keysOf(ctx context.Context, email string) (keys []takeover.Key, err error) {
	for row, err := range r.tokens.rows(ctx, r.keys, email, r.service) {
		var k takeover.Key
		var changed, replaced sql.Null[int64]
		var node sql.Null[string]
		if err == nil {
			err = row.Scan(&k.UID, &k.ClientState, &k.Generation, &changed, &k.Created, &replaced, &node)
		}
		if err != nil {
			return nil, err
		}
		// A node that was removed took its records along: the token server gives the user another one.
		k.KeysChangedAt, k.Node, k.Replaced = changed.V, node.V, replaced.Valid || r.nodes && node.V == ""
		keys = append(keys, k)
	}
	if r.nodes {
		slices.SortStableFunc(keys, func(a, b takeover.Key) int {
			return cmp.Or(cmp.Compare(b.Generation, a.Generation), cmp.Compare(b.Created, a.Created))
		})
	}
	return keys, nil
}
