package sync15

import (
	"context"
	"io"

	"github.com/syncmanager/syncmanager/bso"
)

// PutRaw lets a test write records that no engine writes.
func (r *Run) PutRaw(ctx context.Context, collection string, id bso.ID, payload string) error {
	_, err := r.c.putBSO(ctx, collection, id, []byte(payload), bso.TimestampOf(r.c.cfg.Now())+1e9)
	return err
}

// StallReader is what reads the body of an answer.
func StallReader(body io.ReadCloser, cancel context.CancelCauseFunc) io.ReadCloser {
	return newStallReader(body, cancel)
}

// ErrStalled is the reason for which it gives up.
var ErrStalled = errStalled

// WithID is what Put makes of a cleartext.
var WithID = withID

// Bound lowers the bounds of what c accepts from a server.
func (c *Client) Bound(records int, bytes int64, clients int) {
	c.bounds = bounds{records, bytes, clients}
}

// SetPage sets how many records are asked for at once.
func (c *Client) SetPage(n int) { c.page = n }

// Inner is what the state holds.
func (s *State) Inner() *state { return &s.s }
