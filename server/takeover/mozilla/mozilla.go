// Package mozilla reads the databases of Mozilla's sync servers:
//
//   - of syncstorage-rs, with its token server, on MySQL, MariaDB and PostgreSQL;
//   - of the Python server (server-syncstorage, tokenserver and syncserver), on these and on SQLite.
//
// A database is read in one consistent state, in a transaction that only reads; the server may be
// running. What is read is not trusted: package takeover checks it.
//
// Sources: the migrations of mozilla-services/syncstorage-rs, and the table definitions of
// mozilla-services/server-syncstorage, tokenserver and syncserver.
package mozilla

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/internal/lazyre"
	"github.com/syncmanager/syncmanager/internal/sqlitecopy"
)

// Options say how to open a database.
type Options struct {
	// Tokens is the database of the token server, if it is another one than that of the records.
	Tokens string
	// Node is the URL of the server whose records are in the database, as the token server's table of
	// nodes has it. It is needed if users are on several.
	Node string
	// Issuer is the name of the accounts server whose users count, as the token server has it after
	// the "@". It is needed if there are several.
	Issuer string
	// Password, if set, asks for the password of a database's user when there is none and the database
	// wants one.
	Password func(ctx context.Context, user string) (string, error)
	// Getenv reads the environment. MySQL's password may be in $MYSQL_PWD, or in ~/.my.cnf; PostgreSQL's
	// in $PGPASSWORD or ~/.pgpass.
	Getenv func(string) string
	// TempDir is the folder for the private copy of a SQLite file; "": the system's.
	TempDir string
}

// ErrNodes means that users are on several nodes, and Options.Node does not say whose records are
// meant, or names one without users. The error that wraps it says more.
var ErrNodes = errors.New("the users are on several nodes, each with its own records")

// ErrIssuers means that the users are those of several accounts servers, and Options.Issuer does not
// say which count, or names one without users. The error that wraps it says more.
var ErrIssuers = errors.New("the users are those of several accounts servers")

// Reader reads another server's database. It is a takeover.Source.
type Reader struct {
	records, tokens database
	layout          layout
	names           map[int64]string
	// keys lists the rows of an account of the service; nodes says that they have nodes.
	keys    string
	service any
	nodes   bool
}

// Open opens the database that from names: mysql://USER@HOST/DATABASE, a connection string of libpq
// like postgres://USER@HOST/DATABASE, or the path of a SQLite file.
func Open(ctx context.Context, from string, o Options) (_ *Reader, err error) {
	r := &Reader{}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	// The keys are read first: a key that is changed between the two states has no records yet.
	if o.Tokens != "" && o.Tokens != from {
		if r.tokens, err = openDatabase(ctx, o.Tokens, o); err != nil {
			return nil, fmt.Errorf("the token server's database: %w", err)
		}
		if err := r.openTokens(ctx, o); err != nil {
			return nil, fmt.Errorf("the token server's database: %w", err)
		}
	}
	if r.records, err = openDatabase(ctx, from, o); err != nil {
		return nil, err
	}
	if r.tokens == nil {
		r.tokens = r.records
		if err := r.openTokens(ctx, o); err != nil {
			return nil, err
		}
	}
	return r, r.openRecords(ctx)
}

// Server names the other server and its database in words.
func (r *Reader) Server() string { return r.layout.server + " on " + r.records.kind() }

// Close ends the transactions and removes copies.
func (r *Reader) Close() (err error) {
	if r.tokens != nil && r.tokens != r.records {
		err = r.tokens.Close()
	}
	if r.records != nil {
		err = errors.Join(err, r.records.Close())
	}
	return err
}

// isConnection matches a connection string of libpq that is not a URL.
var isConnection = lazyre.New(`^\s*[a-z_]+\s*=`)

// HasPassword reports whether the name of a database contains a password.
func HasPassword(text string) bool {
	if u, err := url.Parse(text); err == nil && u.Scheme != "" {
		_, inURL := u.User.Password()
		return inURL || u.Query().Has("password")
	}
	return isConnection.MatchString(text) && strings.Contains(text, "password")
}

func openDatabase(ctx context.Context, text string, o Options) (database, error) {
	u, err := url.Parse(text)
	scheme, _, isURL := strings.Cut(text, "://")
	switch {
	case isURL && err != nil:
		return nil, errors.New("the URL of the database is not a URL") // the error has the text, with a password
	case isURL && slices.Contains([]string{"mysql", "mariadb"}, scheme):
		return openMySQL(ctx, u, o)
	case isURL && slices.Contains([]string{"postgres", "postgresql"}, scheme), isConnection.MatchString(text):
		return openPostgres(ctx, text, o)
	case isURL:
		return nil, fmt.Errorf("the URL of a database begins with mysql:// or postgres://, not %s://", scheme)
	}
	return openFile(ctx, text, o.TempDir)
}

// openFile copies a SQLite file and opens the copy.
func openFile(ctx context.Context, path, temp string) (_ database, err error) {
	dir, err := os.OpenRoot(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	c, err := sqlitecopy.Take(ctx, dir, filepath.Base(path), sqlitecopy.Options{TempDir: temp})
	if errors.Is(err, sqlitecopy.ErrChanging) {
		err = errors.New("the other server writes to it all the time: try again, or stop that server first")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return fileDB{c}, nil
}
