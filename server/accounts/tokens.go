package accounts

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

const (
	// shortLife is how long a token for one purpose is good.
	shortLife = time.Hour
	// touchEvery is how exact a session's last use is known: a request must not
	// cost a write.
	touchEvery = 10 * time.Minute
)

// credential is a token that a request proved to hold.
type credential struct{ *store.Token }

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
	kind      store.Kind
	uid       string
	userAgent string
	// bundle makes what a key fetch token fetches.
	bundle   func(onepw.KeyFetch) []byte
	session  []byte // that a key fetch token waits with, or nil
	grant    []byte
	secondAt int64 // milliseconds
	waits    bool  // for a code
	proved   bool  // by the password
}

// newToken stores a new token, and returns it in hex, and the hash that finds it.
func (s *Service) newToken(tx store.Tx, t freshToken) (text string, found []byte, err error) {
	raw, err := random.Bytes(s.cfg.Rand, onepw.KeySize)
	if err != nil {
		return "", nil, err
	}
	var h onepw.HAWK
	var carried []byte
	switch t.kind {
	case store.Session:
		h = onepw.SessionToken(raw)
	case store.Change:
		h = onepw.PasswordChangeToken(raw)
	case store.Reset:
		h = onepw.AccountResetToken(raw)
	case store.KeyFetch:
		k := onepw.KeyFetchToken(raw)
		h, carried = k.HAWK, t.bundle(k)
	}
	found = hash(h.ID)
	if err := tx.AddToken(&store.Token{
		Hash: found, Kind: t.kind, UID: t.uid, SealedKey: sealKey(h.ID, h.Key), Bundle: carried, Session: t.session, Verified: !t.waits,
		CreatedAt: s.cfg.Now().UnixMilli(), UserAgent: t.userAgent, Grant: t.grant, SecondAt: t.secondAt,
	}); err != nil {
		return "", nil, err
	}
	most, proved := maxShort, true
	if t.kind == store.Session {
		most, proved = maxSessions, t.proved
	}
	have, err := tx.CountTokens(t.uid, t.kind)
	if err != nil {
		return "", nil, err
	}
	return hex.EncodeToString(raw), found, s.makeRoom(have, most, proved, func(usedAt int64, n int) (int, error) {
		return tx.RemoveIdleTokens(t.uid, t.kind, found, usedAt, n)
	})
}

// bearerPrefixes are of the form in which mobile clients send a token's id
// instead of a HAWK header.
var bearerPrefixes = map[store.Kind]string{store.Session: "fxs_", store.KeyFetch: "fxk_", store.Change: "fxpc_", store.Reset: "fxar_"}

// authenticateToken finds the token of a kind that the request proves to hold.
func (s *Service) authenticateToken(r *api.Request, kind store.Kind) (*credential, error) {
	authorization := r.Header.Get("Authorization")
	if scheme, value, _ := strings.Cut(authorization, " "); strings.EqualFold(scheme, "Bearer") {
		id, ok := strings.CutPrefix(value, bearerPrefixes[kind])
		if !ok {
			return nil, fault.ErrToken
		}
		c, _, err := s.findToken(r.Context(), kind, id)
		return c, err
	}
	h, err := hawk.Parse(authorization)
	if err != nil {
		return nil, fault.ErrToken
	}
	c, key, err := s.findToken(r.Context(), kind, h.ID)
	if err != nil {
		return nil, err
	}
	if err := h.Verify(key, hawk.RequestOf(r.Request, s.cfg.PublicURLs.Of(r.Context()))); err != nil {
		return nil, fault.ErrSignature
	}
	if err := h.VerifyPayload(r.Header.Get("Content-Type"), r.Body); err != nil {
		return nil, fault.ErrSignature
	}
	now := s.cfg.Now()
	switch err := s.window.Use(h, now); {
	case errors.Is(err, hawk.ErrStale):
		return nil, fault.ErrTimestamp.With(fault.Details{ServerTime: now.Unix()})
	case err != nil:
		return nil, fault.ErrNonce
	}
	return c, nil
}

// known refuses a request before its body is read that does not show a token of somebody's,
// in any of the forms that there are. What the token is good for is for its handler to say.
func (s *Service) known(r *http.Request) error {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, hawk.Scheme):
		return s.knownSigner(r)
	case !strings.EqualFold(scheme, "Bearer"):
		return fault.ErrToken
	case r.ContentLength == 0: // the handler is about to find out
		return nil
	}
	var err error
	db := s.db.Read(r.Context())
	if _, id, ok := strings.Cut(text, "_"); ok && isBearer(text) {
		_, err = db.Token(hash(id))
	} else if strings.Contains(text, ".") { // a signed one, unlike refresh tokens
		_, _, err = s.access(r.Context(), text)
	} else {
		_, err = db.RefreshToken(hash(text))
	}
	if isBad(err) || errors.Is(err, store.ErrNotFound) {
		return fault.ErrToken
	}
	return err
}

// isBearer reports whether text is a token's id in the form of bearerPrefixes.
func isBearer(text string) bool {
	for _, prefix := range bearerPrefixes {
		if strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}

// knownSigner refuses a request before its body is read whose HAWK signature is nobody's.
func (s *Service) knownSigner(r *http.Request) error {
	authorization := r.Header.Get("Authorization")
	if scheme, _, _ := strings.Cut(authorization, " "); !strings.EqualFold(scheme, hawk.Scheme) {
		return nil
	}
	h, err := hawk.Parse(authorization)
	if err != nil {
		return fault.ErrToken
	}
	t, err := s.db.Read(r.Context()).Token(hash(h.ID))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return fault.ErrToken
	case err != nil:
		return fmt.Errorf("find a token: %w", err)
	}
	if h.Verify(sealKey(h.ID, t.SealedKey), hawk.RequestOf(r, s.cfg.PublicURLs.Of(r.Context()))) != nil {
		return fault.ErrSignature
	}
	return nil
}

// findToken reads a token by its id, with its HAWK key.
func (s *Service) findToken(ctx context.Context, kind store.Kind, id string) (*credential, []byte, error) {
	t, err := s.db.Read(ctx).Token(hash(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil, fault.ErrToken
	}
	if err != nil {
		return nil, nil, fmt.Errorf("find a token: %w", err)
	}
	if t.Kind != kind || kind != store.Session && s.cfg.Now().UnixMilli()-t.CreatedAt > shortLife.Milliseconds() {
		return nil, nil, fault.ErrToken
	}
	return &credential{t}, sealKey(id, t.SealedKey), nil
}

// session authenticates by a session token whose sign-in is complete.
func (s *Service) session(r *api.Request) (*credential, error) {
	c, err := s.anySession(r)
	if err != nil {
		return nil, err
	}
	return c, c.complete()
}

// complete says what a sign-in still waits for.
func (c *credential) complete() error {
	switch {
	case !c.Confirmed:
		return fault.ErrUnconfirmed
	case !c.Verified:
		return fault.ErrUnverified
	}
	return nil
}

// anySession authenticates by a session token that may still wait for its second
// step or for its account's confirmation, and notes that it is in use.
func (s *Service) anySession(r *api.Request) (*credential, error) {
	c, err := s.authenticateToken(r, store.Session)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Now().UnixMilli()
	if now-c.UsedAt > touchEvery.Milliseconds() {
		err = s.db.Update(r.Context(), func(tx store.Tx) error {
			if err := tx.TouchToken(c.UID, c.Hash, now, r.Program()); err != nil {
				return err
			}
			if c.complete() != nil {
				return nil
			}
			return s.tries.Know(tx, r, c.UID)
		})
	}
	return c, err
}

// consume removes a token that is good for one use, and reports a race for it as
// a token that is not there.
func consume(tx store.Tx, c *credential) error {
	removed, err := tx.RemoveToken(c.UID, c.Hash)
	if err == nil && !removed {
		err = fault.ErrToken
	}
	return err
}
