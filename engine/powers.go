package engine

import "context"

// Commander is an engine that carries out commands beyond wipe and reset, which
// the manager carries out itself.
type Commander interface {
	// Command carries out a command that another device sent. done is false when
	// the engine does not know the command: it is kept then.
	Command(ctx context.Context, name string, args []string) (done bool, err error)
}

// Clearer is an engine that can make room for what the account starts over with. Another
// device asks for it (wipeEngine, wipeAll): it restored a backup, or began afresh. An
// engine that is not one is wiped.
type Clearer interface {
	// Clear takes away what the user has and the account had, as deletions by a sync: as
	// many as the engine thinks unsafe are a [TooManyDeletionsError], and change nothing, unless
	// start.AcceptDeletions; an engine that keeps a log of what syncs did files them under
	// start.Run, so that the user can take them back. What the user changed and did not
	// send stays, and goes up with the next sync. There are no tombstones. The sync state
	// is forgotten as by Reset, and the association is zero afterwards.
	Clear(ctx context.Context, start Start) error
}

// Watcher is an engine that can tell how much the user changed.
type Watcher interface {
	// Changes counts the user's changes that are not on the server yet.
	Changes(ctx context.Context) (int, error)
}

// Notifier is an engine that tells at once when the user changed something, so
// that a sync can follow. An engine that embeds [ChangeNotifier] is one.
type Notifier interface {
	// OnChange sets what the engine calls after each commit of a change by the user,
	// from any goroutine and with no lock held; nil: nothing. A change by a sync does
	// not count: a sync that asks for the next one would never end.
	OnChange(changed func())
}

// Counter is an engine that can tell how many items the user has.
type Counter interface {
	// Count is the number of items on this device, tombstones not counted.
	Count(ctx context.Context) (int, error)
}

// Troubled is an engine that lists the records that are stuck, as long as they are:
// those that the server refused for ever, those that are on the server and cannot be
// read or applied here, and what the user did with them meanwhile.
type Troubled interface {
	// Troubles counts them, and names the first max of each kind.
	Troubles(ctx context.Context, max int) (Troubles, error)
}

// Troubles are records that are stuck.
type Troubles struct {
	// Unsent counts the changes that the server refused for ever: each goes up when its
	// record is changed again. Unread counts the records on the server that cannot be
	// read or applied. Held counts the user's changes and deletions of such records: they go
	// up when a version of the app reads the record on the server.
	Unsent, Unread, Held int
	// UnsentRecords, UnreadRecords and HeldRecords name some of them.
	UnsentRecords, UnreadRecords, HeldRecords []Problem
}
