// Package store says what the accounts server keeps, in the terms of accounts:
// users, tokens, devices, codes and so on. A database implements [Store]; the
// rules of the server stand on this page alone, and know no SQL.
//
// What a method returns and what it changes belongs to one account, named by its
// uid, wherever the caller knows it: an implementation may keep accounts apart. The
// exceptions find an account by what its owner shows: an address, or the hash of a
// token or a code.
//
// Times are milliseconds since 1970 unless a field says otherwise. What proves
// something to the server is kept as its SHA-256 ("hash"), or under a key that only
// its holder sends.
package store

import (
	"context"
	"crypto/sha256"
	"errors"
)

// ErrNotFound means that what a method asks for is not there.
var ErrNotFound = errors.New("not found in the accounts database")

// Hash is how the database keeps what proves something to the server.
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

// Store is a database of accounts. Its methods may be called at once.
type Store interface {
	// Read returns a Reader of which each call reads by itself, as of then. It may be
	// used any time and concurrently.
	Read(ctx context.Context) Reader
	// View runs f on one state of the database. It waits for no writer.
	View(ctx context.Context, f func(Reader) error) error
	// Update runs f in a transaction, and commits when f returns nil: then the
	// change is on disk. What f read is still so at the commit. An error of f rolls
	// back, and is returned. f must call no method of the Store.
	Update(ctx context.Context, f func(Tx) error) error
	// UpdateSoon is Update whose change may be lost if the machine loses power
	// before the next Update returned, for what is written often and matters little.
	UpdateSoon(ctx context.Context, f func(Tx) error) error
	// Ping reports whether the database can be read and written.
	Ping(ctx context.Context) error
	// Close closes the database. What was committed stays.
	Close() error
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
}

// Tx reads and writes in a transaction. It must not be used after that.
type Tx interface {
	Reader
	AccountWriter
	ConfirmationWriter
	InvitationWriter
	AvatarWriter
	TokenWriter
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
	// Purge removes what expired.
	Purge(Expiry) error
}

// Expiry says what [Tx.Purge] removes: what is as old as a time, or older.
type Expiry struct {
	// Now ends what has an end of its own: codes, commands, invitations that were
	// not used, tries, revoked access tokens.
	Now int64
	// Unconfirmed is for accounts that are not confirmed, by when they were made.
	Unconfirmed int64
	// Short is for tokens of one purpose, and for sessions that wait for a code, by
	// when they were made.
	Short int64
	// Idle is for sessions and refresh tokens that no device has, by their last use.
	// A session stays that a refresh token depends on.
	Idle int64
	// Networks is for the networks that an account was signed in from.
	Networks int64
	// Keys is for signing keys, by when they were retired.
	Keys int64
	// Tries is how many counts of tries may stay. Those of single networks go
	// first, and of these the ones that end first.
	Tries int
}
