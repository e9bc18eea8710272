// Package placesfile opens the SQLite file that the engines of bookmarks and history
// share: both know a page by its URL.
//
// An app that has both opens the file once, and gives it to each:
//
//	file, err := placesfile.Open(ctx, placesfile.Config{Path: path})
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

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/places"
)

// Config says where the file is and what the engines on it run on. Path must be set. The file
// is not encrypted, so Key must not be.
type Config = engine.StoreConfig

// File is the open file, for bookmarks.New and history.New. It is safe for concurrent use.
type File interface {
	// Search finds pages and bookmarks together; see [Query].
	Search(ctx context.Context, q Query) ([]Result, error)
	// Maintain gives the disk back what the file does not use, and keeps searches fast; it
	// returns how many bytes that freed. It deletes nothing: history.Engine.Maintain also
	// prunes old visits. It needs room for a copy of the file, and edits wait meanwhile.
	Maintain(ctx context.Context) (freed int64, err error)
	// Close closes the file. The engines on it must be closed before.
	Close() error
}

// file is what Open returns: engines find the places behind it by places.Of.
type file struct{ *places.DB }

// Open opens the file.
func Open(ctx context.Context, c Config) (File, error) {
	db, err := places.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	return &file{db}, nil
}
