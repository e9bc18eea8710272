// Package takeover copies the users of another sync server, with their keys and their records, into
// this one: Mozilla's syncstorage-rs, or the Python server before it. The accounts stay where they
// are, at Mozilla's accounts server or another; a device needs only the address of its new token
// server, and goes on where it was.
//
// The other server's database is a [Source]; package mozilla reads the known kinds. [Run] copies
// user by user. Each user is copied whole or not at all, and may be copied again: [Run] says what
// happens then.
package takeover

import (
	"context"
	"database/sql"

	"github.com/syncmanager/syncmanager/bso"
)

// Source is the database of another server, in one consistent state. It is only read. Its methods
// are called one after the other, or from within the f of Users, and return the error that f returned.
type Source interface {
	// Count returns about how many users Users visits.
	Count(ctx context.Context) (int, error)
	// Users calls f for each user of the token server, in any order.
	Users(ctx context.Context, f func(User) error) error
	// Times returns the last-modified times of what is stored under a uid.
	Times(ctx context.Context, uid int64) (Times, error)
	// Records calls f for each record that is stored under a uid, those of one collection after the
	// other. A record and its payload are valid until f returns.
	Records(ctx context.Context, uid int64, f func(Record) error) error
}

// User is what a token server has of one account.
type User struct {
	// Email names the account: its uid at the accounts server, "@", and that server's name.
	Email string
	// Keys are the account's rows, the current one first.
	Keys []Key
}

// Key is a row of a token server: a key of an account, and where its records are.
type Key struct {
	// UID is the number of the storage.
	UID int64
	// ClientState identifies the key, in hexadecimal digits.
	ClientState string
	// Generation and KeysChangedAt are times of the account, in milliseconds since 1970 or in
	// another unit of the accounts server; 0: unknown.
	Generation, KeysChangedAt int64
	// Created is when the row was made, in milliseconds since 1970.
	Created int64
	// Replaced says that the row is not in use: another key or another node followed.
	Replaced bool
	// Node is the URL of the server with the records; "" if there is only one.
	Node string
}

// Times are last-modified times.
type Times struct {
	// Storage is that of everything.
	Storage bso.Timestamp
	// Collections are those of the collections, by name.
	Collections map[string]bso.Timestamp
}

// Record is a record of another server, as it is there. Nothing of it has been checked.
type Record struct {
	Collection, ID string
	Modified       bso.Timestamp
	// Expires is when the record expires; 0: never.
	Expires   bso.Timestamp
	SortIndex sql.Null[int64]
	Payload   []byte
	// Fault, if not "", says in a clause what of the row cannot be read.
	Fault string
}

// MaxPayload is the largest payload that is taken over, in bytes.
const MaxPayload = 16 << 20
