// Package placesfile opens the SQLite file that the engines of bookmarks and history
// share: both know a page by its URL.
//
// An app that has both opens the file once, and gives it to each:
//
//	file, err := placesfile.Open(ctx, placesfile.Config{Path: path, Now: time.Now, Rand: rand.Reader})
//	b, err := bookmarks.New(ctx, file)
//	h, err := history.New(ctx, file)
//	… close the engines, and then the file.
//
// The two then take turns at the file's one writing connection. Opened twice, the file is
// still safe, but SQLite has no queue for its write lock: a sync of one engine may hold up
// edits of the other for seconds, and let them fail.
package placesfile

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// Config says where the file is and what the engines on it run on. Path, Now and Rand
// must be set.
type Config struct {
	// Path is the SQLite file; it is created 0600 when it is not there. Its folder must
	// exist.
	Path string
	// Now is the clock.
	Now func() time.Time
	// Rand is a source of secure random bytes, safe for concurrent use.
	Rand io.Reader
	// Log receives what a sync repaired or skipped, without titles and URLs. Nil: nothing is
	// logged.
	Log *slog.Logger
}

// File is the open file, for bookmarks.New and history.New. It is safe for concurrent use.
type File interface {
	// Close closes the file. The engines on it must be closed before.
	Close() error
}

// Open opens the file.
func Open(ctx context.Context, c Config) (File, error) {
	db, err := places.Open(ctx, places.Config{Path: c.Path, Now: c.Now, Rand: c.Rand, Log: c.Log})
	if err != nil {
		return nil, err
	}
	return db, nil
}
