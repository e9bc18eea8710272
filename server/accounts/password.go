package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"io"
	"maps"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// credentials are the parameters that set a password. The second three are
// version 2 of the stretching; they come together or not at all, and then
// wrapKb too, as both versions must unwrap the same kB.
type credentials struct {
	AuthPW           string `json:"authPW"`
	WrapKB           string `json:"wrapKb"`
	AuthPWVersion2   string `json:"authPWVersion2"`
	WrapKBVersion2   string `json:"wrapKbVersion2"`
	ClientSalt       string `json:"clientSalt"`
	needsWrapKB      bool
	authPW, wrapKB   []byte
	authPW2, wrapKB2 []byte
}

func (c *credentials) check() (err error) {
	if c.authPW, err = key("authPW", c.AuthPW); err != nil {
		return err
	}
	v2 := c.AuthPWVersion2 != "" || c.ClientSalt != "" || c.WrapKBVersion2 != ""
	if c.needsWrapKB || v2 || c.WrapKB != "" {
		if c.wrapKB, err = key("wrapKb", c.WrapKB); err != nil {
			return err
		}
	}
	if !v2 {
		return nil
	}
	if c.authPW2, err = key("authPWVersion2", c.AuthPWVersion2); err != nil {
		return err
	}
	if c.wrapKB2, err = key("wrapKbVersion2", c.WrapKBVersion2); err != nil {
		return err
	}
	if !onepw.ValidClientSalt(c.ClientSalt) {
		return invalid("clientSalt")
	}
	return nil
}

// wrapped is a kB as the stretched password wraps it, by versions of the
// stretching: nil where that one is not there, or was not shown.
type wrapped struct{ v1, v2 []byte }

// setPassword fills in what is stored for a checked set of credentials.
func (s *Service) setPassword(ctx context.Context, a *account, c credentials) (kB wrapped, err error) {
	if a.salt, err = s.random(32); err != nil {
		return kB, err
	}
	a.cost = s.cfg.Cost
	v, err := s.verifier(ctx, a, c.authPW)
	if err != nil {
		return kB, err
	}
	if c.wrapKB == nil {
		// Version 1 leaves it to the server. kB is wrapKB xor a key that only the
		// client has, so the server does not know kB either way.
		if c.wrapKB, err = s.random(onepw.KeySize); err != nil {
			return kB, err
		}
	}
	a.v1 = stored{v.Hash, v.Wrap(c.wrapKB)}
	a.clientSalt, a.v2 = c.ClientSalt, stored{}
	if c.authPW2 != nil {
		v2, err := s.verifier(ctx, a, c.authPW2)
		if err != nil {
			return kB, err
		}
		a.v2 = stored{v2.Hash, v2.Wrap(c.wrapKB2)}
	}
	return wrapped{c.wrapKB, c.wrapKB2}, nil
}

func (s *Service) create(r *request) (any, error) {
	var in struct {
		Email      string `json:"email"`
		Invitation string `json:"invitation"`
		credentials
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := s.maySignUp(in.Invitation); err != nil {
		return nil, err
	}
	if err := checkEmail(in.Email); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if err := s.admitAddress(r); err != nil {
		return nil, err
	}
	if err := s.room(); err != nil {
		return nil, err
	}
	byEmail := s.cfg.SignUp == SignUpEmail
	if byEmail {
		if err := s.admitMail(r, in.Email); err != nil {
			return nil, err
		}
	}
	ctx := r.Context()
	var out map[string]any
	// Before anything tells whether there is such an account.
	if err := s.checkInvitation(r, in.Invitation); err != nil {
		return nil, err
	}
	also := func(tx *sql.Tx, a *account, kB wrapped) (err error) {
		if err := s.spendInvitation(ctx, tx, in.Invitation, a.uid); err != nil {
			return err
		}
		out, err = s.signIn(ctx, tx, r, a, kB, keyFetchV2, 0)
		return err
	}
	made, err := s.register(ctx, in.Email, emailKey(in.Email), in.credentials, !byEmail, also)
	if byEmail && errors.Is(err, errAccountExists) {
		made, err = s.register(ctx, in.Email, decoyKey(in.Email), in.credentials, false, also)
	}
	if err != nil || made.confirmed {
		return out, err
	}
	if err := s.sendCode(ctx, made); err != nil {
		// Nobody can confirm it, and whoever tries again begins anew.
		if failed := s.remove(context.WithoutCancel(ctx), made.uid, nil); failed != nil {
			err = failed
		}
		return nil, err
	}
	return out, nil
}

// register makes an account under a key, and runs also in the transaction that
// does. It takes the place of one that nobody confirmed.
func (s *Service) register(ctx context.Context, email, key string, c credentials, confirmed bool,
	also func(tx *sql.Tx, a *account, kB wrapped) error) (*account, error) {
	old, err := s.accountByKey(ctx, key)
	if err != nil {
		return nil, err
	}
	var oldUID string
	if old != nil {
		if old.confirmed || s.enabled(ctx, old.uid) != nil { // signing up again is no way around a lock
			return nil, errAccountExists
		}
		oldUID = old.uid
	}
	now := s.cfg.Now().UnixMilli()
	a := &account{email: email, key: key, generation: now, keysChangedAt: now, createdAt: now, profileAt: now, confirmed: confirmed}
	if a.uid, err = s.randomHex(16); err != nil {
		return nil, err
	}
	if a.kA, err = s.random(onepw.KeySize); err != nil {
		return nil, err
	}
	kB, err := s.setPassword(ctx, a, c)
	if err != nil {
		return nil, err
	}
	return a, s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM accounts WHERE uid = ? AND confirmed = 0`, oldUID); err != nil {
			return err
		}
		res, err := tx.ExecContext(ctx, `INSERT INTO accounts (uid, email, email_key, created_at, generation, keys_changed_at, auth_salt, cost,
			verify_hash, wrap_wrap_kb, client_salt, verify_hash_v2, wrap_wrap_kb_v2, ka, profile_changed_at, confirmed)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULLIF(?, ''), ?, ?, ?, ?, ?) ON CONFLICT (email_key) DO NOTHING`,
			a.uid, a.email, a.key, a.createdAt, a.generation, a.keysChangedAt, a.salt, a.cost,
			a.v1.verifyHash, a.v1.wrapWrapKB, a.clientSalt, a.v2.verifyHash, a.v2.wrapWrapKB, a.kA, a.profileAt, a.confirmed)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			if err == nil {
				err = errAccountExists
			}
			return err
		}
		return also(tx, a, kB)
	})
}

func (s *Service) login(r *request) (any, error) {
	a, err := s.shownPassword(r)
	if err != nil {
		return nil, err
	}
	var out map[string]any
	err = s.updateBy(r.Context(), a, func(tx *sql.Tx) error {
		if out, err = s.signIn(r.Context(), tx, r, a.account, a.wrapKB(), keyFetchV2, 0); err != nil {
			return err
		}
		wait, err := twoStep(r.Context(), tx, a.uid)
		switch {
		case err != nil:
			return err
		case wait:
			return holdBack(r.Context(), tx, out, lacksSecondStep, "login")
		case !a.confirmed:
			return nil
		}
		return s.know(r.Context(), tx, r, a.uid)
	})
	if err == nil && !a.confirmed {
		err = s.remind(r, a.account)
	}
	return out, err
}

// The names of key fetch tokens in answers: that of version 1, and those of
// version 2, which is another one where a password changes.
const (
	keyFetchV1     = "keyFetchToken"
	keyFetchV2     = "keyFetchTokenVersion2"
	keyFetchChange = "keyFetchToken2"
)

// signIn makes a session, and with ?keys=true key fetch tokens, of which second
// names that of version 2. For an account that is not confirmed they wait for that.
// secondAt is when the second step was shown, in milliseconds, or 0.
func (s *Service) signIn(ctx context.Context, tx *sql.Tx, r *request, a *account, kB wrapped, second string, secondAt int64) (map[string]any, error) {
	// By whatever way they come: a password, a new one, a recovery key.
	if err := s.enabled(ctx, a.uid); err != nil {
		return nil, err
	}
	session, err := s.newToken(ctx, tx, freshToken{kind: kindSession, uid: a.uid, userAgent: r.userAgent(), secondAt: secondAt, proved: true})
	if err != nil {
		return nil, err
	}
	out := map[string]any{
		"uid": a.uid, "sessionToken": session, "authAt": s.cfg.Now().Unix(), "email": a.email,
		"verified": true, "emailVerified": a.confirmed, "sessionVerified": true, "metricsEnabled": false,
	}
	if wantsKeys(r) {
		if err := s.keyFetch(ctx, tx, a, kB, second, out); err != nil {
			return nil, err
		}
	}
	if !a.confirmed {
		err = holdBack(ctx, tx, out, "email-otp", "signup")
	}
	return out, err
}

func wantsKeys(r *request) bool { return r.URL.Query().Get("keys") == "true" }

// keyFetch puts into an answer a token for each version of the stretching that
// kB is wrapped by.
func (s *Service) keyFetch(ctx context.Context, tx *sql.Tx, a *account, kB wrapped, second string, out map[string]any) (err error) {
	for name, wrapKB := range map[string][]byte{keyFetchV1: kB.v1, second: kB.v2} {
		if wrapKB == nil {
			continue
		}
		if out[name], err = s.newToken(ctx, tx, freshToken{
			kind: kindKeys, uid: a.uid, bundle: func(k onepw.KeyFetch) []byte { return k.Seal(a.kA, wrapKB) },
		}); err != nil {
			return err
		}
	}
	return nil
}

// credentialsStatus tells how an account's password is stretched, by version 2. An
// address without an account gets a salt too, always the same, and so does one
// whose password is stretched by version 1 alone, or that nobody confirmed: who
// has an account is not told, nor how old it is. acceptsVersion1 says that a
// client may therefore show its password in both ways.
func (s *Service) credentialsStatus(r *request) (any, error) {
	var in struct {
		Email string `json:"email"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := checkEmail(in.Email); err != nil {
		return nil, err
	}
	if err := s.admitAddress(r); err != nil {
		return nil, err
	}
	a, err := s.accountByEmail(r.Context(), in.Email)
	if err != nil {
		return nil, err
	}
	if a == nil || a.clientSalt == "" || !a.confirmed {
		m := hmac.New(sha256.New, s.pepper)
		io.WriteString(m, emailKey(in.Email))
		a = &account{clientSalt: onepw.ClientSalt([16]byte(m.Sum(nil)[:16]))}
	}
	return map[string]any{"upgradeNeeded": false, "currentVersion": "v2", "clientSalt": a.clientSalt, "acceptsVersion1": true}, nil
}

// changeStart begins to change the password: the old one gives the keys, to be
// wrapped anew.
func (s *Service) changeStart(r *request) (any, error) {
	var in struct {
		Email     string `json:"email"`
		OldAuthPW string `json:"oldAuthPW"`
		Version1  string `json:"authPWVersion1"`
	}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	a, err := s.checkPassword(r, in.Email, in.OldAuthPW, in.Version1)
	if err != nil {
		return nil, err
	}
	c, err := s.secondSession(r, a.uid)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"verified": true}
	ctx := r.Context()
	err = s.updateBy(ctx, a, func(tx *sql.Tx) error {
		shown, err := s.guarded(ctx, tx, a.uid, c)
		if err != nil {
			return err
		}
		var secondAt int64
		if shown {
			secondAt = s.cfg.Now().UnixMilli()
		}
		if err := s.keyFetch(ctx, tx, a.account, a.wrapKB(), keyFetchChange, out); err != nil {
			return err
		}
		out["passwordChangeToken"], err = s.newToken(ctx, tx, freshToken{kind: kindChange, uid: a.uid, secondAt: secondAt})
		return err
	})
	return out, err
}

// changeFinish sets the new password and ends every session of the account; or
// it upgrades the old one.
func (s *Service) changeFinish(r *request) (any, error) {
	c, err := s.authenticate(r, kindChange)
	if err != nil {
		return nil, err
	}
	in := credentials{needsWrapKB: true}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if out, done, err := s.upgrade(r, c, in); done || err != nil {
		return out, err
	}
	listeners := s.listeners(r.Context(), c.uid, everyDevice)
	out, err := s.newPassword(r, c, keyFetchChange)
	if err == nil {
		s.notify(r.Context(), listeners, "password_changed", nil, goodbyeLife)
	}
	return out, err
}

// newPassword spends a token, sets the password that the body has, ends all that
// the old one opened and begins a new session, with a key fetch token of version 2
// by the name of second.
func (s *Service) newPassword(r *request, c *credential, second string) (any, error) {
	in := credentials{needsWrapKB: true}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	ctx := r.Context()
	a, err := s.account(ctx, c.uid)
	if err != nil {
		return nil, err
	}
	kB, err := s.setPassword(ctx, a, in)
	if err != nil {
		return nil, err
	}
	// It must grow, whatever the clock does.
	a.generation = max(a.generation+1, s.cfg.Now().UnixMilli())
	var out map[string]any
	err = s.updateBy(ctx, c, func(tx *sql.Tx) error {
		if err := spend(ctx, tx, c); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE accounts SET generation = ?, auth_salt = ?, cost = ?, verify_hash = ?, wrap_wrap_kb = ?,
			client_salt = NULLIF(?, ''), verify_hash_v2 = ?, wrap_wrap_kb_v2 = ? WHERE uid = ?`,
			a.generation, a.salt, a.cost, a.v1.verifyHash, a.v1.wrapWrapKB, a.clientSalt, a.v2.verifyHash, a.v2.wrapWrapKB, a.uid); err != nil {
			return err
		}
		ended, err := s.endAll(ctx, tx, c)
		if err != nil {
			return err
		}
		if out, err = s.signIn(ctx, tx, r, a, kB, second, c.secondAt); err != nil {
			return err
		}
		maps.Copy(out, ended)
		return nil
	})
	return out, err
}

// destroy deletes the account, by its password and its second step.
func (s *Service) destroy(r *request) (any, error) {
	a, err := s.shownPassword(r)
	if err != nil {
		return nil, err
	}
	c, err := s.secondSession(r, a.uid)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	return nothing, s.remove(ctx, a.uid, func(tx *sql.Tx) error {
		if err := a.still(ctx, tx); err != nil {
			return err
		}
		_, err := s.guarded(ctx, tx, a.uid, c)
		return err
	})
}
