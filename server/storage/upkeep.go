package storage

import (
	"context"
	"errors"

	"github.com/syncmanager/syncmanager/bso"
)

// State is what an operator sees of a user's file.
type State struct {
	UID int64
	// Bytes are those of the payloads, Disk those of the file.
	Bytes, Disk int64
	// Modified is when something in it last changed; 0: never.
	Modified bso.Timestamp
	// Err is why the file cannot be used; nil: it can.
	Err error
}

// Upkeeper is a Backend that keeps each user in a file of its own.
type Upkeeper interface {
	States(ctx context.Context, visit func(State) error) error
	SetAside(ctx context.Context, uid int64, to string) error
	Compact(ctx context.Context, uid int64) (before, after int64, err error)
}

// States calls visit for each user that has a file. It opens only the files that
// changed since it last saw them; one that cannot be used has an Err.
func (s *Service) States(ctx context.Context, visit func(State) error) error {
	if b, ok := s.backend.(Upkeeper); ok {
		return b.States(ctx, visit)
	}
	return nil
}

// SetAside moves the file of a user, who begins again with an empty one, to the
// path to. A file that is not there is fs.ErrNotExist.
func (s *Service) SetAside(ctx context.Context, uid int64, to string) error {
	b, ok := s.backend.(Upkeeper)
	if !ok {
		return errors.ErrUnsupported
	}
	return b.SetAside(ctx, uid, to)
}

// Compact gives the disk back what a user's file holds no more, and returns the
// file's sizes in bytes. Writers of this user wait meanwhile.
func (s *Service) Compact(ctx context.Context, uid int64) (before, after int64, err error) {
	b, ok := s.backend.(Upkeeper)
	if !ok {
		return 0, 0, errors.ErrUnsupported
	}
	return b.Compact(ctx, uid)
}

// FileError is a failure of one user's file, which concerns nobody else.
type FileError struct {
	// UID is of the user's storage.
	UID int64
	Err error
}

func (e *FileError) Error() string { return e.Err.Error() }
func (e *FileError) Unwrap() error { return e.Err }
