// Package store says what the accounts server keeps, in the terms of accounts: users, tokens,
// devices, codes and so on. A database implements [Store]. The promises that the server relies
// on are all in this package, without SQL.
//
// What a method returns and what it changes belongs to one account, named by its uid, wherever
// the caller knows it: an implementation may keep accounts apart. The exceptions find an
// account by what its owner sends: an address, or the hash of a token or a code.
//
// Times are milliseconds since 1970 unless a field says otherwise. Secrets that clients show
// are stored as their SHA-256 ("hash"), or encrypted under a key that only the client sends.
package store

import (
	"context"
	"crypto/sha256"
	"errors"
)

// ErrNotFound means that what a method asks for is not there.
var ErrNotFound = errors.New("not found in the accounts database")

// Hash returns the form in which the database keeps a secret that a client shows.
func Hash(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// Found reports whether a read found what it asked for: [ErrNotFound] is not an error then.
func Found(err error) (bool, error) {
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// Store is a database of accounts. Its methods may be called concurrently.
type Store interface {
	// Read returns a [Reader] whose calls each read the current state by themselves. It may be
	// used at any time and concurrently.
	Read(ctx context.Context) Reader
	// View runs f on one state of the database. It waits for no writer.
	View(ctx context.Context, f func(Reader) error) error
	// Update runs f in a transaction about an account, named by its uid or its key, and commits when
	// f returns nil: then the change is on disk. What f read of that account has not changed at the
	// commit. An error of f rolls back, and is returned. f must call no method of the Store.
	//
	// Updates of other accounts need not wait for it. "" names none: f then relies on what single
	// methods promise, such as that of two who take a code one finds it.
	//
	// If others were in its way, so that it changed nothing, f is run again: what it writes outside of
	// the transaction must not depend on how often it ran.
	Update(ctx context.Context, account string, f func(Tx) error) error
	// UpdateSoon is Update without an account, for frequent writes that matter little: the change
	// may be lost if the machine loses power before the next Update returns.
	UpdateSoon(ctx context.Context, f func(Tx) error) error
	// Purge removes what expired, unless another server on the same database does that now. If it
	// fails, it may have removed some of it.
	Purge(ctx context.Context, e Expiry) error
	// Ended lists the accounts of which a session or a refresh token ended and was first listed after the time since;
	// what is listed for the first time gets the time now, which is greater than 0. Removing a whole account counts; what
	// Purge removes does not.
	Ended(ctx context.Context, now, since int64) ([]Ended, error)
	// Ping reports whether the database can be read and written.
	Ping(ctx context.Context) error
	// Close closes the database. What was committed stays.
	Close() error
}

// Ended is an account of which a session or a refresh token ended, and when that was first listed.
type Ended struct {
	UID string
	At  int64
}

// Reader reads: in a transaction, after which it must not be used, or each call by
// itself; see [Store.Read]. What it does not find is [ErrNotFound], unless a method says otherwise.
type Reader interface {
	AccountReader
	ConfirmationReader
	InvitationReader
	AvatarReader
	TokenReader
	RefreshTokenReader
	RevokedReader
	DeviceReader
	CommandReader
	SecondStepReader
	RecoveryReader
	NoticeReader
	TryReader
	KeyReader
	OperatorReader
}

// Tx reads and writes in a transaction. It must not be used after that.
type Tx interface {
	Reader
	AccountWriter
	ConfirmationWriter
	InvitationWriter
	AvatarWriter
	TokenWriter
	SignatureWriter
	RefreshTokenWriter
	CodeWriter
	RevokedWriter
	DeviceWriter
	CommandWriter
	SecondStepWriter
	RecoveryWriter
	NoticeWriter
	TryWriter
	KeyWriter
	OperatorWriter
}

// Expiry says what [Store.Purge] removes: all that is as old as the given times, or older.
type Expiry struct {
	// Now is for what has its own expiry time: codes, commands, invitations that were not used,
	// tries, revoked access tokens, signatures.
	Now int64
	// Unconfirmed is for accounts that are not confirmed, by when they were made.
	Unconfirmed int64
	// Short is for tokens of one purpose, and for sessions that wait for a code, by
	// when they were made.
	Short int64
	// Idle is for sessions and refresh tokens that no device has, by their last use. A session
	// that a refresh token depends on stays.
	Idle int64
	// Ended is for what [Store.Ended] lists.
	Ended int64
	// Networks is for the networks that an account was signed in from.
	Networks int64
	// Keys is for signing keys, by when they were retired.
	Keys int64
	// Tries is how many counts of tries may stay. The counts of single networks are removed
	// first, and of these the ones that end first.
	Tries int
}
