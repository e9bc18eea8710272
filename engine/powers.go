package engine

import "context"

// Commander is an engine that carries out commands beyond wipe and reset, which
// the manager carries out itself.
type Commander interface {
	// Command carries out a command that another device sent. done is false when
	// the engine does not know the command: it is kept then.
	Command(ctx context.Context, name string, args []string) (done bool, err error)
}

// Watcher is an engine that tells when the user changed something.
type Watcher interface {
	// Changes counts the user's changes that are not on the server yet.
	Changes(ctx context.Context) (int, error)
}

// Counter is an engine that can tell how many items the user has.
type Counter interface {
	// Count is the number of items on this device, tombstones not counted.
	Count(ctx context.Context) (int, error)
}
