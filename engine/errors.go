package engine

import "fmt"

// TooManyDeletionsError stops a sync of one engine before it deletes more of the user's
// data than looks intended. Nothing was changed. Start.AcceptDeletions goes on.
type TooManyDeletionsError struct {
	// Deletions is how many items would go, out of Total: of those on this device, and of
	// those that a restored server brought back.
	Deletions, Total int
}

func (e *TooManyDeletionsError) Error() string {
	return fmt.Sprintf("the sync would delete %d of %d items; it waits until you accept that", e.Deletions, e.Total)
}
