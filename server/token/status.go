package token

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/server/internal/sqldb"
	"github.com/syncmanager/syncmanager/server/telemetry"
)

// AccountStatus is what an operator decided about an account.
type AccountStatus struct {
	// Disabled accounts get no storage tokens, and their existing ones are refused.
	Disabled bool
	// Quota is how many bytes the account may store; 0 means any amount. If it is not Valid,
	// the server's default quota applies.
	Quota sql.Null[int64]
}

// AccountStatus returns the status of the account with a uid.
func (s *Service) AccountStatus(ctx context.Context, account string) (AccountStatus, error) {
	return s.accountStatus(ctx, sqlStatus, account)
}

// AccountStatusOf returns the status of the account whose storage has a uid.
func (s *Service) AccountStatusOf(ctx context.Context, uid int64) (AccountStatus, error) {
	return s.accountStatus(ctx, sqlStatusOf, uid)
}

func (s *Service) accountStatus(ctx context.Context, query string, arg any) (st AccountStatus, err error) {
	err = s.db.Read(ctx).QueryRow(query, arg).Scan(&st.Disabled, &st.Quota)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return AccountStatus{}, fmt.Errorf("read an account's status: %w", err)
	}
	return st, nil
}

// Admit refuses a storage token if its account now has another storage, if the account is
// disabled or deleted, or if what the token is bound to has ended. Such an error wraps
// [ErrToken]. It returns the account's quota.
func (s *Service) Admit(ctx context.Context, g Grant) (quota sql.Null[int64], err error) {
	check := AdmitCheck(g, &quota)
	if err := check.Judge(s.db.Read(ctx).QueryRow(check.SQL, check.Args...).Scan); err != nil || s.cfg.Live == nil {
		return quota, err
	}
	live, err := s.cfg.Live(ctx, g.Account, g.Bound)
	if err == nil && !live {
		err = ErrSignedOut
	}
	return quota, err
}

// ErrSignedOut is the error of [Service.Admit] for a token whose bound has ended.
var ErrSignedOut = fmt.Errorf("%w any more: the device was signed out", ErrToken)

// Check is a SELECT of one row at most, and what it means. Its parameters are numbered as in SQLite.
type Check struct {
	SQL  string
	Args []any
	// Judge reads the row with scan, whose error is [sql.ErrNoRows] if there is none, and returns why not.
	Judge func(scan func(dest ...any) error) error
}

// AdmitCheck is the part of [Service.Admit] that this database decides, as a statement, which another part of the program may
// send along with its own. It sets quota.
func AdmitCheck(g Grant, quota *sql.Null[int64]) Check {
	return Check{SQL: sqlAdmit, Args: []any{g.UID, g.Account}, Judge: func(scan func(...any) error) error {
		var current, closed bool
		var bytes *int64
		err := scan(&current, &closed, &bytes)
		switch {
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("find a token's account: %w", sqldb.Explain(err))
		case !current:
			return fmt.Errorf("%w any more: its storage was replaced", ErrToken)
		case closed:
			return fmt.Errorf("%w any more: the account is disabled", ErrToken)
		}
		if *quota = (sql.Null[int64]{}); bytes != nil {
			*quota = sql.Null[int64]{V: *bytes, Valid: true}
		}
		return nil
	}}
}

// AdmitStatements names the statements of [AdmitCheck].
func AdmitStatements() []telemetry.Named { return []telemetry.Named{{Name: "sqlAdmit", SQL: sqlAdmit}} }

// SetAccountStatus calls change to change an account's status, in a transaction.
func (s *Service) SetAccountStatus(ctx context.Context, account string, change func(*AccountStatus)) error {
	err := s.update(ctx, account, func(tx sqldb.Tx) error {
		var st AccountStatus
		err := tx.QueryRow(sqlStatus, account).Scan(&st.Disabled, &st.Quota)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		change(&st)
		if _, err = tx.Exec(sqlSetStatus, account, st.Disabled, st.Quota); err != nil || !st.Disabled {
			return err
		}
		return noteEnded(tx, account)
	})
	if err != nil {
		return fmt.Errorf("change an account's status: %w", err)
	}
	return nil
}

// User is an account that has storage.
type User struct {
	Account string
	// UID is the uid of its storage; 0 if it has none. Node is the URL of the node that has it; "" is the server
	// itself.
	UID  int64
	Node string
	// Created is when it first got storage; the zero time if it has none.
	Created time.Time
	AccountStatus
}

// Count returns how many accounts have storage.
func (s *Service) Count(ctx context.Context) (n int, err error) {
	err = s.db.Read(ctx).QueryRow(sqlCount).Scan(&n)
	return n, err
}

// User is one of [Service.Users]. An account that the service has not seen is returned, without storage.
func (s *Service) User(ctx context.Context, account string) (u User, err error) {
	u.Account = account
	if u.AccountStatus, err = s.AccountStatus(ctx, account); err != nil {
		return User{}, err
	}
	var created int64
	err = s.db.Read(ctx).QueryRow(sqlUser, account).Scan(&u.UID, &u.Node, &created)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return User{}, fmt.Errorf("find a user: %w", err)
	}
	if created > 0 {
		u.Created = time.UnixMilli(created)
	}
	return u, nil
}

// Users lists the accounts that have storage, and those without storage that have an
// [AccountStatus].
func (s *Service) Users(ctx context.Context) ([]User, error) {
	rows, err := s.db.Read(ctx).Query(sqlUsers)
	if err != nil {
		return nil, fmt.Errorf("list the users: %w", err)
	}
	defer rows.Close()
	var all []User
	for rows.Next() {
		var u User
		var created int64
		if err := rows.Scan(&u.Account, &u.UID, &u.Node, &created, &u.Disabled, &u.Quota); err != nil {
			return nil, fmt.Errorf("list the users: %w", err)
		}
		if created > 0 {
			u.Created = time.UnixMilli(created)
		}
		all = append(all, u)
	}
	return all, rows.Err()
}
