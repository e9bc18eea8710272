package backup

import (
	"context"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/sqlite"
	storagedb "github.com/syncmanager/syncmanager/server/storage/sqlite"
)

// lacking is what the journal has, and the copies of the users' files have not.
type lacking struct {
	// pending is what the journal had before the users' files were copied.
	pending *storagedb.Pending
	// behind has the users whose copies lack some of it, with their last-modified times.
	behind map[int64]bso.Timestamp
}

// readLacking reads the journal of the storage in the folder root. A step that leaves the journal from then on is in
// the user's file.
func readLacking(root string) (*lacking, error) {
	pending, err := storagedb.ReadPending(root)
	return &lacking{pending, make(map[int64]bso.Timestamp)}, err
}

// sqlModified reads the last-modified time of a user's storage.
const sqlModified = `SELECT modified FROM storage`

// note notes a user's file if it lacks steps.
func (l *lacking) note(ctx context.Context, uid int64, s *sqlite.Snapshot) error {
	rows, err := s.Query(ctx, sqlModified)
	if err != nil {
		return err
	}
	defer rows.Close()
	var modified bso.Timestamp
	for rows.Next() {
		if err := rows.Scan(&modified); err != nil {
			return err
		}
	}
	if l.pending.Missing(uid, modified) {
		l.behind[uid] = modified
	}
	return sqlite.Explain(rows.Err())
}

// journal returns a file with the steps that the noted files lack, and its name in the storage's folder.
func (l *lacking) journal() (name string, content []byte) { return l.pending.Journal(l.behind) }
