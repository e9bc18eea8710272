package accounts

import (
	"context"
	"database/sql"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// holdBack makes a session that was just made wait for a code, and its key fetch
// tokens with it. The client is told which code it is, and why.
func holdBack(ctx context.Context, tx *sql.Tx, out map[string]any, method, reason string) error {
	session, err := tokenHash(kindSession, out["sessionToken"])
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE tokens SET verified = 0 WHERE hash = ?`, session); err != nil {
		return err
	}
	for _, name := range []string{keyFetchV1, keyFetchV2, keyFetchChange} {
		keys, ok := out[name]
		if !ok {
			continue
		}
		h, err := tokenHash(kindKeys, keys)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE tokens SET session = ? WHERE hash = ?`, session, h); err != nil {
			return err
		}
	}
	out["verified"], out["sessionVerified"] = false, false
	out["verificationMethod"], out["verificationReason"] = method, reason
	return nil
}

// tokenHash is under what newToken stored a token.
func tokenHash(kind string, token any) ([]byte, error) {
	text, _ := token.(string)
	raw, ok := unhex(text, onepw.KeySize)
	if !ok {
		return nil, errToken
	}
	if kind == kindKeys {
		return hash(onepw.KeyFetchToken(raw).ID), nil
	}
	return hash(onepw.SessionToken(raw).ID), nil
}
