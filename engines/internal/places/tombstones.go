package places

import "github.com/syncmanager/syncmanager/internal/tombstones"

// Tombstones are the deletions of a collection that an account's server is known to have.
func (t *Tx) Tombstones(collection, account string) tombstones.Set {
	return tombstones.Set{Tx: t.Tx, Store: collection, Account: account}
}
