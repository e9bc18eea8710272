package storagetest

// The users of the case OfTwoWritersOneWins, and how many writers come at once to each.
const (
	FirstContested = firstContested
	Contestants    = contestants
)
