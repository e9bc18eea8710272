package storage

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/load"
)

// ErrOverloaded means that so much work is in progress that more would only wait. Only the Service
// returns it, not a Backend.
var ErrOverloaded = errors.New("the server has too much to do")

// Crowded is a [Backend] whose calls may wait for something that all users share, such as a
// connection. The Service asks clients to come less often while it is crowded.
type Crowded interface {
	Backend

	// Crowded reports whether many calls wait for it now.
	Crowded() bool
}

// gated is a Backend whose steps pass a gate: they count while they run or wait for their turn, and
// not while a client sends its request or reads the answer.
type gated struct {
	Backend
	gate *load.Gate
}

// View implements [Backend].
func (b gated) View(ctx context.Context, uid int64, f func(View) error) error {
	leave, ok := b.gate.Enter(uid)
	if !ok {
		return ErrOverloaded
	}
	defer leave()
	return b.Backend.View(ctx, uid, f)
}

// Update implements [Backend].
func (b gated) Update(ctx context.Context, uid int64, d Durability, f func(Tx) error) error {
	leave, ok := b.gate.Enter(uid)
	if !ok {
		return ErrOverloaded
	}
	defer leave()
	return b.Backend.Update(ctx, uid, d, f)
}

// Times implements [TimesReader] for a Backend that does.
func (b gated) Times(ctx context.Context, uid int64) (modified bso.Timestamp, all []Collection, err error) {
	leave, ok := b.gate.Enter(uid)
	if !ok {
		return 0, nil, ErrOverloaded
	}
	defer leave()
	return b.Backend.(TimesReader).Times(ctx, uid)
}

// busy reports whether clients are to come less often.
func (s *Service) busy() bool {
	if s.gate.Busy() {
		return true
	}
	shared, ok := s.backend.Backend.(Crowded)
	return ok && shared.Crowded()
}

// Load says how a server with much to do answers: with refuse, it has no place for more work; with
// backoff, clients are to stay away for that time after an answer.
func (s *Service) Load() (refuse bool, backoff time.Duration) {
	if s.gate.Full() {
		return true, s.gate.Wait()
	}
	if s.busy() {
		return false, s.gate.Wait()
	}
	return false, 0
}

// Steps counts the steps on the Backend.
type Steps struct {
	InProgress int   // they run or wait for their turn
	Refused    int64 // since the start, requests that did not become one
}

// Steps returns how much the Backend has to do.
func (s *Service) Steps() (n Steps) {
	n.InProgress, n.Refused = s.gate.Now()
	return n
}

// Seconds returns a time as in a header.
func Seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
