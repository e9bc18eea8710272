package mirror

import (
	"bytes"
	"context"
	"errors"

	"github.com/syncmanager/syncmanager/engine"
)

// The canary is a known text that the file holds sealed. A key that does not open it is not
// the file's, whatever records the file holds, and one damaged record says nothing about
// the key. A file whose records are not encrypted has no canary.
const (
	canaryText    = "canary"
	canaryContext = "canary of a store" // has spaces, as no record's ID has
)

// canary is a new one, or nil where records are not encrypted.
func (s *Store[R]) canary() ([]byte, error) {
	return s.keys.Load().canary()
}

func (k *keys) canary() ([]byte, error) {
	if k.sealer == nil {
		return nil, nil
	}
	return k.sealer.Seal([]byte(canaryText), []byte(canaryContext))
}

// checkKey returns an error where the key is not the file's, before anything is written. A
// file from before there were canaries gets one, once its records have shown that the key
// opens them.
func (s *Store[R]) checkKey(ctx context.Context, canary []byte) error {
	sealer := s.keys.Load().sealer
	switch {
	case canary != nil && sealer == nil:
		return engine.ErrNoKey
	case canary != nil:
		if _, err := sealer.Open(canary, []byte(canaryContext)); err != nil {
			return engine.ErrKey
		}
		return nil
	}
	if err := s.checkRecords(ctx); err != nil || sealer == nil {
		return err
	}
	canary, err := s.canary()
	if err != nil {
		return err
	}
	return s.update(ctx, func(tx *Tx[R]) error { _, err := tx.exec(sqlSetCanary, canary); return err })
}

// checkRecords is checkKey of a file without a canary: the key is the file's if it opens
// any record, or if there is none.
func (s *Store[R]) checkRecords(ctx context.Context) (err error) {
	for at := int64(0); ; {
		page, err := s.sealedPage(ctx, at)
		if err != nil || len(page) == 0 {
			return err
		}
		var wrong error
		for _, r := range page {
			if wrong = s.suits(r); wrong == nil {
				return nil
			}
			at = r.n
		}
		if len(page) < listPage {
			return wrong
		}
	}
}

// suits returns why the key is not the one that a record was stored with.
func (s *Store[R]) suits(r sealedRecord) error {
	sealer := s.keys.Load().sealer
	readable := bytes.HasPrefix(r.payload, []byte("{"))
	switch {
	case sealer == nil && readable:
		return nil
	case sealer == nil:
		return engine.ErrNoKey
	case readable:
		return engine.ErrNotEncrypted
	}
	_, err := s.open(r.id, r.payload)
	if errors.Is(err, engine.ErrUndecryptable) {
		return engine.ErrKey
	}
	return err
}
