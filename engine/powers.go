package engine

import (
	"context"
	"time"
)

// Commander is an engine that executes further commands. The manager itself executes wipe and
// reset.
type Commander interface {
	// Command executes a command that another device sent. done is false if the engine does
	// not know the command; the manager then keeps it.
	Command(ctx context.Context, name string, args []string) (done bool, err error)
}

// Clearer is an engine that can delete the account's former records when the account starts
// over. Another device requests this (wipeEngine, wipeAll) when it restored a backup or was
// set up again. An engine that is not a Clearer is wiped.
type Clearer interface {
	// Clear deletes the records that the account had, like deletions by a sync. If there are
	// too many, it changes nothing and returns a [TooManyDeletionsError], unless
	// start.AcceptDeletions is set. An engine with a log records the deletions for start.Run,
	// so that the user can undo them. Local changes that were not uploaded stay, and the next
	// sync uploads them. Clear leaves no tombstones. It removes the sync state as Reset does,
	// and the association is zero afterwards.
	Clear(ctx context.Context, start Start) error
}

// Watcher is an engine that can count the user's changes.
type Watcher interface {
	// Changes counts the user's changes that are not on the server yet.
	Changes(ctx context.Context) (int, error)
}

// Notifier is an engine that announces changes by the user immediately, so that a sync can
// follow. Embed [ChangeNotifier] to implement it.
type Notifier interface {
	// OnChange sets the function that the engine calls after each commit of a change by the
	// user, from any goroutine and without holding a lock; nil means none. The engine does
	// not call it for changes by a sync, because each sync would then cause another.
	OnChange(changed func())
}

// TabCloser is an engine with a queue of tabs that the user closed on other devices.
type TabCloser interface {
	// SendCloses asks other devices to close the tabs that the user closed here at least delay
	// ago, with one call of closeTabs for each device, by its ID with the accounts server. The
	// queue keeps what closeTabs could not send, for a later call. The engine calls
	// [Notifier.OnChange]'s function when the user closes such a tab.
	SendCloses(ctx context.Context, delay time.Duration, closeTabs func(ctx context.Context, deviceID string, urls []string) error) (SentCloses, error)
}

// SentCloses is the result of [TabCloser].SendCloses.
type SentCloses struct {
	// Sent counts the tabs that devices were asked to close, and Failed those for which that
	// failed.
	Sent, Failed int
	// Next is when the next one is due; zero: none waits.
	Next time.Time
}

// Counter is an engine that can count the user's items.
type Counter interface {
	// Count returns the number of items on this device, without tombstones.
	Count(ctx context.Context) (int, error)
}

// Troubled is an engine that lists the records that are stuck, as long as they are:
// those that the server refused for ever, those that are on the server and cannot be
// read or applied here, and what the user did with them meanwhile.
type Troubled interface {
	// Troubles counts the stuck records, and lists the first max of each kind.
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
