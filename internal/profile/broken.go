package profile

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
)

// broken replaces a store whose file cannot be opened, so that a sync reports it and
// syncs the others. Every call fails with the reason.
type broken struct {
	collection string
	version    int
	reason     error
}

var _ engine.Engine = broken{}

func (b broken) Collection() string { return b.collection }
func (b broken) Version() int       { return b.version }

func (b broken) Association(context.Context) (engine.Association, error) {
	return engine.Association{}, b.reason
}
func (b broken) Reset(context.Context, engine.Association) error { return b.reason }
func (b broken) Wipe(context.Context) error                      { return b.reason }
func (b broken) Begin(context.Context, engine.Start) (engine.Session, error) {
	return nil, b.reason
}
