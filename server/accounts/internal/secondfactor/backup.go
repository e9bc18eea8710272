package secondfactor

import (
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/typed"
)

// A backup code replaces an authenticator app that was lost. Each code is valid once.
const (
	backupCodes = 8
	// backupSize is a code's length in bytes, 80 bits; its text has 16 characters.
	backupSize = 10
)

func backupHash(uid, code string) []byte {
	sum := sha256.Sum256([]byte("backup code " + uid + " " + typed.Read(code)))
	return sum[:]
}

// NewBackupCodes replaces an account's backup codes. They are not stored, so this is
// the only time to see them.
func NewBackupCodes(tx store.Tx, uid string, rand io.Reader) ([]string, error) {
	codes, hashes := make([]string, backupCodes), make([][]byte, backupCodes)
	for i := range codes {
		raw := make([]byte, backupSize)
		if _, err := io.ReadFull(rand, raw); err != nil {
			return nil, fmt.Errorf("no randomness: %w", err)
		}
		codes[i] = typed.Write(raw)
		hashes[i] = backupHash(uid, codes[i])
	}
	return codes, tx.ReplaceBackupCodes(uid, hashes)
}

// UseBackupCode reports whether a code is one of the account's, and removes it.
func UseBackupCode(tx store.Tx, uid, code string) (bool, error) {
	return tx.UseBackupCode(uid, backupHash(uid, code))
}
