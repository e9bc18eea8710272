package firefoxprofile

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/syncmanager/syncmanager/internal/skips"
	"github.com/syncmanager/syncmanager/internal/sqlitecopy"
)

const storageFile = "storage-sync-v2.sqlite"

var storageTables = map[string][]string{"storage_sync_data": {"ext_id", "data"}}

// ExtensionData is what an extension keeps in storage.sync.
type ExtensionData struct {
	// ExtensionID is the extension's ID.
	ExtensionID string
	// Data is a JSON object: the values by their keys.
	Data json.RawMessage
}

// An extension without data has deleted all of it.
const sqlExtensionStorage = `SELECT CASE WHEN length(CAST(ext_id AS BLOB)) <= ?1 THEN CAST(ext_id AS TEXT) ELSE '' END,
		CASE WHEN length(CAST(data AS BLOB)) <= ?1 THEN CAST(data AS BLOB) END
	FROM storage_sync_data WHERE data IS NOT NULL ORDER BY ext_id`

// ExtensionStorage yields what extensions keep in storage.sync, in the order of their
// IDs.
func (p *Profile) ExtensionStorage(ctx context.Context, left *skips.List) iter.Seq2[ExtensionData, error] {
	return func(yield func(ExtensionData, error) bool) {
		stopped := false
		err := p.database(ctx, storageFile, storageTables, func(db *sqlitecopy.Copy) error {
			return eachRow(ctx, db, sqlExtensionStorage, maxValue, func(rows *sql.Rows) (more bool, err error) {
				var e ExtensionData
				if err := rows.Scan(&e.ExtensionID, (*[]byte)(&e.Data)); err != nil {
					return false, err
				}
				if reason := e.fault(); reason != "" {
					left.Add(skips.Skip{Item: skips.Shorten(e.ExtensionID), Reason: reason})
					return true, nil
				}
				stopped = !yield(e, nil)
				return !stopped, nil
			})
		})
		if err != nil && !stopped {
			yield(ExtensionData{}, err)
		}
	}
}

// fault returns why the data cannot be taken over, or "".
func (e ExtensionData) fault() string {
	switch {
	case e.ExtensionID == "":
		return "it has no extension's ID"
	case e.Data == nil:
		return fmt.Sprintf("it is longer than %d bytes", maxValue)
	case !isObject(e.Data):
		return notAsWritten
	}
	return ""
}

func isObject(text []byte) bool {
	var members map[string]json.RawMessage
	return json.Unmarshal(text, &members) == nil && members != nil
}
