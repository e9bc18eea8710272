package engine

import "fmt"

// TooManyDeletionsError stops a sync of one engine before it deletes more of the user's data
// than the user likely intended. Nothing was changed. [Start].AcceptDeletions allows the
// deletions.
type TooManyDeletionsError struct {
	// Deletions is how many of Total items would be deleted: items on this device, and items
	// that a restored server brought back.
	Deletions, Total int
}

func (e *TooManyDeletionsError) Error() string {
	return fmt.Sprintf("the sync would delete %d of %d items; it waits until you accept that", e.Deletions, e.Total)
}
