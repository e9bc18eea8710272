package channels

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// post sends a note to the server of the other party, if it is another one.
func (r *Relay) post(ctx context.Context, c *channel, what note) error {
	if r.cfg.Board == nil {
		return nil
	}
	return r.cfg.Board.send(ctx, c.id, c.number(), what, r.cfg.Now())
}

// take receives the notes of other servers until the relay is closed. It asks only while there is a
// channel here.
func (r *Relay) take() {
	t := time.NewTicker(takeEvery)
	defer t.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-t.C:
		}
		r.mu.Lock()
		idle := len(r.open) == 0
		r.mu.Unlock()
		if idle {
			continue
		}
		all, err := r.cfg.Board.take(r.ctx)
		if err != nil && !errors.Is(err, context.Canceled) {
			r.cfg.Log.WarnContext(r.ctx, "cannot receive messages of pairing channels", "err", err)
		}
		for _, one := range all {
			r.mu.Lock()
			c := r.open[one.channel]
			r.mu.Unlock()
			if c == nil {
				continue
			}
			select {
			case c.inbox <- one.note:
			default: // a party cannot send as many
				r.running.Go(func() { r.end(c, fmt.Errorf("%w: too much was sent", errMisuse)) })
			}
		}
	}
}

// deliver passes the notes of another server on to p, until the channel ends.
func (r *Relay) deliver(ctx context.Context, c *channel, p *party) {
	for {
		var what note
		select {
		case <-ctx.Done():
			return
		case what = <-c.inbox:
		}
		err := c.count(what.Size)
		if what.End != "" {
			err = endedError(what.End)
		}
		if err == nil {
			err = r.write(p.conn, what.Envelope)
		}
		if err != nil {
			r.end(c, err)
			return
		}
	}
}
