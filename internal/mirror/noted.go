package mirror

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/localkey"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// A store can note texts for its engine besides the records. The file holds a MAC of each and
// not the text. The key of the MACs is a secret of the file, sealed with the store's key, so
// that Rekey does not need the texts.

// notedSecret is what the secret is sealed with as its ID; it has spaces, as no record's ID has.
const notedSecret engine.ID = "secret of noted texts"

// Note notes texts on this device: no sync sends them. At most limit are kept; those that came
// first are dropped.
func (t *Tx[R]) Note(texts []string, limit int) error {
	secret, err := t.notedSecret()
	if err == nil && secret == nil {
		secret, err = t.newNotedSecret()
	}
	if err != nil {
		return err
	}
	for _, text := range texts {
		if _, err := t.exec(sqlNote, secret.MAC([]byte(text))); err != nil {
			return err
		}
	}
	_, err = t.exec(sqlPruneNoted, limit)
	return err
}

// ForgetNoted drops all texts that were noted.
func (t *Tx[R]) ForgetNoted() error {
	if _, err := t.exec(sqlForgetNoted); err != nil {
		return err
	}
	_, err := t.exec(sqlSetNotedSecret, nil)
	return err
}

// Noted returns a function that reports whether a text was noted before this call.
func (s *Store[R]) Noted(ctx context.Context) (has func(text string) bool, err error) {
	has = func(string) bool { return false }
	err = s.view(ctx, func(t *Tx[R]) error {
		secret, err := t.notedSecret()
		if err != nil || secret == nil {
			return err
		}
		rows, err := t.sql.Query(sqlNoted)
		if err != nil {
			return err
		}
		defer rows.Close()
		all := make(map[string]bool)
		for rows.Next() {
			var mac []byte
			if err := rows.Scan(&mac); err != nil {
				return err
			}
			all[string(mac)] = true
		}
		has = func(text string) bool { return all[string(secret.MAC([]byte(text)))] }
		return rows.Err()
	})
	return has, sqlite.Explain(err)
}

// notedSecret returns the file's secret; nil: nothing was noted.
func (t *Tx[R]) notedSecret() (*localkey.Key, error) {
	var sealed []byte
	if _, err := t.one(sqlNotedSecret, nil, &sealed); err != nil || sealed == nil {
		return nil, err
	}
	raw, err := t.store.open(notedSecret, sealed)
	if err != nil {
		return nil, err
	}
	var secret localkey.Key
	if copy(secret[:], raw) < len(secret) {
		return nil, engine.ErrUndecryptable
	}
	return &secret, nil
}

func (t *Tx[R]) newNotedSecret() (*localkey.Key, error) {
	secret, err := localkey.New(t.store.random)
	if err != nil {
		return nil, err
	}
	sealed, err := t.store.seal(notedSecret, secret[:])
	if err != nil {
		return nil, err
	}
	_, err = t.exec(sqlSetNotedSecret, sealed)
	return &secret, err
}

// scrubNoted drops the texts that were noted if their secret cannot be decrypted.
func (s *Store[R]) scrubNoted(ctx context.Context) error {
	return s.update(ctx, func(t *Tx[R]) error {
		if _, err := t.notedSecret(); err == nil {
			return nil
		}
		return t.ForgetNoted()
	})
}

// noted seals the secret of noted texts with the new key.
func (r *rekeying[R]) noted() error {
	var sealed []byte
	if _, err := r.tx.one(sqlNotedSecret, nil, &sealed); err != nil || sealed == nil {
		return err
	}
	sealed, err := r.again(notedSecret, sealed)
	if err != nil {
		return err
	}
	_, err = r.tx.exec(sqlSetNotedSecret, sealed)
	return err
}
