package places

import (
	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/ext/fts5"
)

// The SQLite for a browser has full-text search apart; see internal/sqlite.
func init() { sqlite3.AutoExtension(fts5.Register) }
