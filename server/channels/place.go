package channels

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"time"
)

// These are the answers to who gets no place in a channel.
var (
	stopping = refusal{status: http.StatusServiceUnavailable, text: "the server is stopping"}
	busy     = refusal{status: http.StatusServiceUnavailable, text: "the server cannot look for channels; try again later", wait: 10 * time.Second}
	tooMany  = refusal{status: http.StatusTooManyRequests, text: "too many channels; try again later", wait: Lifetime}
	// One answer for both: it does not tell which channels exist.
	missing = refusal{status: http.StatusNotFound, text: "there is no such channel, or it has been used"}
)

// place returns a new channel, or an existing one if id is not "", and the caller's place in it.
// If it returns no refusal, the caller must call r.running.Done.
func (r *Relay) place(ctx context.Context, id string, sender Sender) (*channel, *party, *refusal) {
	if id == "" {
		return r.create(ctx, sender)
	}
	return r.join(ctx, id)
}

func (r *Relay) create(ctx context.Context, sender Sender) (*channel, *party, *refusal) {
	id, no := r.admit(sender)
	if no != nil {
		return nil, nil, no
	}
	if b := r.cfg.Board; b != nil {
		created, err := b.create(ctx, id, sender, r.cfg.Now())
		if err != nil {
			r.cfg.Log.ErrorContext(ctx, "cannot note a pairing channel", "err", err)
			return nil, nil, &busy
		}
		if !created {
			return nil, nil, &tooMany
		}
	}
	c := &channel{id: id, first: &party{}}
	return r.add(c, c.first, Lifetime)
}

// admit counts a new channel of a sender at this server, and returns its ID.
func (r *Relay) admit(sender Sender) (id string, no *refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return "", &stopping
	}
	if wait := r.recent.take(sender, r.cfg.Now()); wait > 0 {
		no := tooMany
		no.wait = wait
		return "", &no
	}
	raw := make([]byte, idSize)
	if _, err := io.ReadFull(r.cfg.Rand, raw); err != nil {
		return "", &refusal{status: http.StatusInternalServerError, text: "cannot make a channel"}
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// add adds a channel of a party of this server, which ends after life.
func (r *Relay) add(c *channel, p *party, life time.Duration) (*channel, *party, *refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, &stopping
	}
	c.inbox = make(chan note, maxMessages)
	c.expiry = time.AfterFunc(life, func() { r.end(c, errExpired) })
	r.open[c.id] = c
	r.running.Add(1)
	return c, p, nil
}

func (r *Relay) join(ctx context.Context, id string) (*channel, *party, *refusal) {
	if raw, err := base64.RawURLEncoding.DecodeString(id); err != nil || len(raw) != idSize {
		return nil, nil, &missing
	}
	b := r.cfg.Board
	if b == nil {
		return r.joinHere(id)
	}
	first, left, found, err := b.join(ctx, id, r.cfg.Now())
	switch {
	case err != nil:
		r.cfg.Log.ErrorContext(ctx, "cannot look for a pairing channel", "err", err)
		return nil, nil, &busy
	case !found:
		return nil, nil, &missing
	case first == b.server:
		return r.joinHere(id)
	}
	c := &channel{id: id, second: &party{}}
	return r.add(c, c.second, left)
}

// joinHere joins a channel whose first party is at this server.
func (r *Relay) joinHere(id string) (*channel, *party, *refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, nil, &stopping
	}
	c := r.open[id]
	if c == nil || c.second != nil {
		return nil, nil, &missing
	}
	c.second = &party{}
	r.running.Add(1)
	return c, c.second, nil
}

var (
	errExpired = errors.New("the channel expired")
	errLeft    = errors.New("the other device left")
)

// endedError is the end of a channel of which another server told.
type endedError string

func (e endedError) Error() string { return string(e) }

// end removes a channel, closes its connections, and tells the other party's server.
func (r *Relay) end(c *channel, why error) {
	r.mu.Lock()
	open := r.open[c.id] == c
	if open {
		delete(r.open, c.id)
	}
	r.mu.Unlock()
	c.expiry.Stop()
	reason := errLeft.Error()
	_, told := errors.AsType[endedError](why)
	if told || errors.Is(why, errExpired) || errors.Is(why, errMisuse) {
		reason = why.Error()
	}
	if open && !told {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), pingWait)
		defer cancel()
		if err := r.post(ctx, c, note{End: reason}); err != nil {
			r.cfg.Log.WarnContext(ctx, "cannot tell another server that a pairing channel ended", "err", err)
		}
	}
	c.close(reason)
}
