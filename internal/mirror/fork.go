package mirror

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"io"

	"github.com/syncmanager/syncmanager/engine"
)

// forkBytes is how many bytes an ID may be made of.
const forkBytes = 64

// forkID makes the ID of this device's side of a record that forks. The same side has
// the same ID whenever it forks, so that a fork which is made again, after a killed sync
// or in an old copy of the file, is the same record. A secret of the file goes into it:
// an ID tells nothing about the record.
func (t *Tx[R]) forkID(id engine.ID, payload []byte) (engine.ID, error) {
	secret, err := t.forkSecret()
	if err != nil {
		return "", err
	}
	text, err := hkdf.Key(sha256.New, append([]byte(nil), payload...), secret, "fork of "+string(id), forkBytes)
	if err != nil {
		return "", err
	}
	return t.store.schema.NewID(bytes.NewReader(text)), nil
}

// forkSecret is the file's. A file that has none, from an older version, gets one when
// it is first asked for.
func (t *Tx[R]) forkSecret() ([]byte, error) {
	var secret []byte
	if _, err := t.one(sqlForkSecret, nil, &secret); err != nil || secret != nil {
		return secret, err
	}
	secret = make([]byte, sha256.Size)
	if _, err := io.ReadFull(t.store.random, secret); err != nil {
		return nil, err
	}
	_, err := t.exec(sqlSetForkSecret, secret)
	return secret, err
}
