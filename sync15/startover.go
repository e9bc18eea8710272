package sync15

import (
	"context"
	"errors"
	"fmt"
)

// StartOver deletes all records of the account on the server, of every collection and device,
// and starts the storage afresh: with new keys and new sync IDs, so that every device reconciles
// what it has with the empty storage, and deletes nothing. What the user declined stays
// declined.
//
// seen is what [Records.Collections] returned. If a collection was written to since, or one was
// added or deleted, nothing is deleted and the error is [ErrChanged]. If StartOver fails after
// that, the storage may be empty, and the next sync of any device starts it afresh.
func (rs *Records) StartOver(ctx context.Context, seen []Collection, choice Choice) error {
	const doing = "delete everything on the server"
	c := rs.r.c
	info, at, err := c.infoCollections(ctx)
	if err != nil {
		return err
	}
	same := len(info) == len(seen)
	for _, collection := range seen {
		modified, there := info[collection.Name]
		same = same && there && modified == collection.Modified
	}
	if !same {
		return fmt.Errorf("%s: %w", doing, ErrChanged)
	}
	// The list of declined engines must outlive the record. A record that cannot be read is a
	// reason to start over, and one of a newer program is not this program's to delete.
	err = c.readGlobal(ctx, at)
	if err != nil && !errors.As(err, new(*freshStart)) && !errors.Is(err, ErrGlobal) {
		return err
	}
	err = c.startAfresh(ctx, choice, &freshStart{"the user asked for it", at})
	if isConflict(err) {
		return fmt.Errorf("%s: %w", doing, ErrChanged)
	}
	return err
}
