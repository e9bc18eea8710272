package server

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/postgres"
	"github.com/syncmanager/syncmanager/server/telemetry"
	"github.com/syncmanager/syncmanager/server/token"
)

// admitted is what the admission of a request's token has found out.
type admitted struct {
	uid int64
	// quota is the account's, unless it is the server's default.
	quota sql.Null[int64]
}

type admittedKey struct{}

// admittedTo returns what the admission of a request found out about the user uid, or nil.
func admittedTo(ctx context.Context, uid int64) *admitted {
	if a, ok := ctx.Value(admittedKey{}).(*admitted); ok && a.uid == uid {
		return a
	}
	return nil
}

// admit refuses a token that was revoked.
func (s *Server) admit(r *http.Request, g token.Grant) (err error) {
	a := &admitted{uid: g.UID}
	if a.quota, err = s.tokens.Admit(r.Context(), g); err == nil {
		*r = *r.WithContext(context.WithValue(r.Context(), admittedKey{}, a))
	}
	return err
}

// checkStatements names the statements of admitInStep, as PostgreSQL gets them.
func checkStatements() []telemetry.Named {
	all := slices.Concat(token.AdmitStatements(), accounts.LiveStatements())
	for i := range all {
		all[i].SQL = sqldb.Translate(all[i].SQL)
	}
	return all
}

// admitInStep is admit for a server whose accounts, tokens and records are in one database. It asks nothing:
// each step on the user's storage checks itself, in the same round trip, whether the token was revoked. What needs no
// step tells nothing about a user.
func (s *Server) admitInStep() func(*http.Request, token.Grant) error {
	translated := make(map[string]string)
	for i, named := range slices.Concat(token.AdmitStatements(), accounts.LiveStatements()) {
		translated[named.SQL] = checkStatements()[i].SQL
	}
	return func(r *http.Request, g token.Grant) error {
		a := &admitted{uid: g.UID}
		checks := []token.Check{token.AdmitCheck(g, &a.quota)}
		if s.accounts != nil {
			checks = append(checks, accounts.LiveCheck(g.Account, g.Bound, token.ErrSignedOut))
		}
		ctx := context.WithValue(r.Context(), admittedKey{}, a)
		from := r.RemoteAddr
		all := make([]postgres.Check, len(checks))
		for i, c := range checks {
			all[i] = postgres.Check{SQL: translated[c.SQL], Args: c.Args, Judge: func(scan func(...any) error) error {
				err := c.Judge(scan)
				if errors.Is(err, token.ErrToken) {
					if from != "" {
						s.noteRefused(ctx, from, true)
					}
					err = fmt.Errorf("%w: %w", storage.ErrUnauthorized, err)
				}
				return err
			}}
		}
		*r = *r.WithContext(postgres.WithChecks(ctx, g.UID, all))
		return nil
	}
}
