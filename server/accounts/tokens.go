package accounts

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/onepw"
)

// The kinds of tokens that requests are signed with.
const (
	kindSession = "session"
	kindKeys    = "keys"
	kindChange  = "change"
	kindReset   = "reset"
)

const (
	// shortLife is how long a token for one purpose is good.
	shortLife = time.Hour
	// touchEvery is how exact a session's last use is known: a request must not
	// cost a write.
	touchEvery = 10 * time.Minute
)

// credential is a token that a request proved to hold.
type credential struct {
	hash      []byte
	kind      string
	uid       string
	bundle    []byte
	verified  bool // of a key fetch token: its session
	confirmed bool // the account
	// generation is the account's, as it was when the token was found.
	generation int64
	// secondAt is of a token that sets a password: when the second step was shown.
	secondAt int64
	// grant is what a session was given with, or nil.
	grant     []byte
	createdAt int64
	usedAt    int64
}

func hash(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}

// sealKey hides a HAWK key, and shows it again, under the HAWK id, which is not
// stored: a stolen database signs no request.
func sealKey(id string, key []byte) []byte {
	pad, err := hkdf.Key(sha256.New, []byte(id), nil, "syncmanager/accounts/v1/hawkKey", len(key))
	if err != nil {
		panic(fmt.Sprintf("accounts: HKDF: %v", err)) // only for lengths that are not here
	}
	return onepw.XOR(key, pad)
}

// freshToken is a token that is to be made.
type freshToken struct {
	kind      string
	uid       string
	userAgent string
	// bundle makes what a key fetch token fetches.
	bundle   func(onepw.KeyFetch) []byte
	grant    []byte
	secondAt int64 // milliseconds
	proved   bool  // by the password
}

// newToken stores a new token and returns it in hex.
func (s *Service) newToken(ctx context.Context, tx *sql.Tx, t freshToken) (string, error) {
	raw, err := s.random(onepw.KeySize)
	if err != nil {
		return "", err
	}
	var h onepw.HAWK
	var carried []byte
	switch t.kind {
	case kindSession:
		h = onepw.SessionToken(raw)
	case kindChange:
		h = onepw.PasswordChangeToken(raw)
	case kindReset:
		h = onepw.AccountResetToken(raw)
	case kindKeys:
		k := onepw.KeyFetchToken(raw)
		h, carried = k.HAWK, t.bundle(k)
	}
	now := s.cfg.Now().UnixMilli()
	_, err = tx.ExecContext(ctx,
		`INSERT INTO tokens (hash, kind, uid, sealed_key, bundle, created_at, used_at, user_agent, grant_id, second_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		hash(h.ID), t.kind, t.uid, sealKey(h.ID, h.Key), carried, now, now, t.userAgent, t.grant, t.secondAt)
	if err != nil {
		return "", err
	}
	most, proved := maxShort, true
	if t.kind == kindSession {
		most, proved = maxSessions, t.proved
	}
	return hex.EncodeToString(raw), s.makeRoom(ctx, tx, "tokens", "kind = '"+t.kind+"'", t.uid, hash(h.ID), most, proved)
}

// bearerPrefixes are of the form in which mobile clients send a token's id
// instead of a HAWK header.
var bearerPrefixes = map[string]string{kindSession: "fxs_", kindKeys: "fxk_", kindChange: "fxpc_", kindReset: "fxar_"}

// authenticate finds the token of a kind that the request proves to hold.
func (s *Service) authenticate(r *request, kind string) (*credential, error) {
	authorization := r.Header.Get("Authorization")
	if scheme, value, _ := strings.Cut(authorization, " "); strings.EqualFold(scheme, "Bearer") {
		id, ok := strings.CutPrefix(value, bearerPrefixes[kind])
		if !ok {
			return nil, errToken
		}
		c, _, err := s.findToken(r.Context(), kind, id)
		return c, err
	}
	h, err := hawk.Parse(authorization)
	if err != nil {
		return nil, errToken
	}
	c, key, err := s.findToken(r.Context(), kind, h.ID)
	if err != nil {
		return nil, err
	}
	if err := h.Verify(key, hawk.RequestOf(r.Request, s.cfg.PublicURLs.Of(r.Context()))); err != nil {
		return nil, errSignature
	}
	if err := h.VerifyPayload(r.Header.Get("Content-Type"), r.body); err != nil {
		return nil, errSignature
	}
	now := s.cfg.Now()
	switch err := s.window.Use(h, now); {
	case errors.Is(err, hawk.ErrStale):
		return nil, errTimestamp.with("serverTime", now.Unix())
	case err != nil:
		return nil, errNonce
	}
	return c, nil
}

// known refuses a request before its body is read whose HAWK signature is nobody's. What
// it may do is for its handler to say.
func (s *Service) known(r *http.Request) error {
	authorization := r.Header.Get("Authorization")
	if scheme, _, _ := strings.Cut(authorization, " "); !strings.EqualFold(scheme, hawk.Scheme) {
		return nil
	}
	h, err := hawk.Parse(authorization)
	if err != nil {
		return errToken
	}
	var sealed []byte
	err = s.db.Read().QueryRowContext(r.Context(), `SELECT sealed_key FROM tokens WHERE hash = ?`, hash(h.ID)).Scan(&sealed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return errToken
	case err != nil:
		return fmt.Errorf("find a token: %w", err)
	}
	if h.Verify(sealKey(h.ID, sealed), hawk.RequestOf(r, s.cfg.PublicURLs.Of(r.Context()))) != nil {
		return errSignature
	}
	return nil
}

// findToken reads a token by its id, with its HAWK key.
func (s *Service) findToken(ctx context.Context, kind, id string) (*credential, []byte, error) {
	c := &credential{hash: hash(id), kind: kind}
	var sealed []byte
	err := s.db.Read().QueryRowContext(ctx,
		`SELECT t.uid, t.sealed_key, t.bundle, COALESCE(s.verified, t.verified), a.confirmed, t.created_at, t.used_at,
			a.generation, t.second_at, t.grant_id
			FROM tokens t JOIN accounts a USING (uid) LEFT JOIN tokens s ON s.hash = t.session WHERE t.hash = ? AND t.kind = ?`, c.hash, kind).
		Scan(&c.uid, &sealed, &c.bundle, &c.verified, &c.confirmed, &c.createdAt, &c.usedAt, &c.generation, &c.secondAt, &c.grant)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, errToken
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find a token: %w", err)
	}
	if kind != kindSession && s.cfg.Now().UnixMilli()-c.createdAt > shortLife.Milliseconds() {
		return nil, nil, errToken
	}
	return c, sealKey(id, sealed), nil
}

// session authenticates by a session token whose sign-in is complete.
func (s *Service) session(r *request) (*credential, error) {
	c, err := s.anySession(r)
	if err != nil {
		return nil, err
	}
	return c, c.complete()
}

// complete says what a sign-in still waits for.
func (c *credential) complete() error {
	switch {
	case !c.confirmed:
		return errUnconfirmed
	case !c.verified:
		return errUnverified
	}
	return nil
}

// anySession authenticates by a session token that may still wait for its second
// step or for its account's confirmation, and notes that it is in use.
func (s *Service) anySession(r *request) (*credential, error) {
	c, err := s.authenticate(r, kindSession)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now().UnixMilli()
	if now-c.usedAt > touchEvery.Milliseconds() {
		err = s.db.Update(r.Context(), func(tx *sql.Tx) error {
			if _, err := tx.ExecContext(r.Context(), `UPDATE tokens SET used_at = ?, user_agent = ? WHERE hash = ?`, now, r.userAgent(), c.hash); err != nil {
				return err
			}
			if c.complete() != nil {
				return nil
			}
			return s.know(r.Context(), tx, r, c.uid)
		})
	}
	return c, err
}

// spend removes a token that is good for one use, and reports a race for it as
// a token that is not there.
func spend(ctx context.Context, tx *sql.Tx, c *credential) error {
	res, err := tx.ExecContext(ctx, `DELETE FROM tokens WHERE hash = ?`, c.hash)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, errToken)
	}
	return nil
}
