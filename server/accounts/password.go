package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"io"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/devices"
	"github.com/syncmanager/syncmanager/server/accounts/internal/secondfactor"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
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
func (s *Service) setPassword(ctx context.Context, a *store.Account, c credentials) (kB wrapped, err error) {
	if a.Salt, err = s.random(32); err != nil {
		return kB, err
	}
	a.Cost = s.cfg.Cost
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
	a.V1 = store.Password{Hash: v.Hash, WrapWrapKB: v.Wrap(c.wrapKB)}
	a.ClientSalt, a.V2 = c.ClientSalt, store.Password{}
	if c.authPW2 != nil {
		v2, err := s.verifier(ctx, a, c.authPW2)
		if err != nil {
			return kB, err
		}
		a.V2 = store.Password{Hash: v2.Hash, WrapWrapKB: v2.Wrap(c.wrapKB2)}
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
	var out *signedIn
	// Before anything tells whether there is such an account.
	if err := s.checkInvitation(r, in.Invitation); err != nil {
		return nil, err
	}
	also := func(tx store.Tx, a *store.Account, kB wrapped) (err error) {
		if err := s.useInvitation(tx, in.Invitation, a.UID); err != nil {
			return err
		}
		out, err = s.signIn(tx, r, a, kB, 0, false)
		return err
	}
	made, err := s.register(ctx, in.Email, emailKey(in.Email), in.credentials, !byEmail, also)
	if byEmail && errors.Is(err, errAccountExists) {
		made, err = s.register(ctx, in.Email, decoyKey(in.Email), in.credentials, false, also)
	}
	if err != nil || made.Confirmed {
		return out, err
	}
	if err := s.sendCode(ctx, made); err != nil {
		// Nobody can confirm it, and whoever tries again begins anew.
		if failed := s.remove(context.WithoutCancel(ctx), made.UID, nil); failed != nil {
			err = failed
		}
		return nil, err
	}
	return out, nil
}

// register makes an account under a key, and runs also in the transaction that
// does. It takes the place of one that nobody confirmed.
func (s *Service) register(ctx context.Context, email, key string, c credentials, confirmed bool,
	also func(tx store.Tx, a *store.Account, kB wrapped) error) (*store.Account, error) {
	old, err := s.accountByKey(ctx, key)
	if err != nil {
		return nil, err
	}
	var oldUID string
	if old != nil {
		if old.Confirmed || s.enabled(ctx, old.UID) != nil { // signing up again is no way around a lock
			return nil, errAccountExists
		}
		oldUID = old.UID
	}
	now := s.cfg.Now().UnixMilli()
	a := &store.Account{Email: email, Key: key, Generation: now, KeysChangedAt: now, CreatedAt: now, ProfileAt: now, Confirmed: confirmed}
	if a.UID, err = s.randomHex(16); err != nil {
		return nil, err
	}
	if a.KA, err = s.random(onepw.KeySize); err != nil {
		return nil, err
	}
	kB, err := s.setPassword(ctx, a, c)
	if err != nil {
		return nil, err
	}
	return a, s.db.Update(ctx, func(tx store.Tx) error {
		if err := tx.RemoveUnconfirmed(oldUID); err != nil {
			return err
		}
		added, err := tx.AddAccount(a)
		if err == nil && !added {
			err = errAccountExists
		}
		if err != nil {
			return err
		}
		return also(tx, a, kB)
	})
}

func (s *Service) login(r *request) (any, error) {
	a, err := s.authenticate(r)
	if err != nil {
		return nil, err
	}
	var out *signedIn
	err = s.updateBy(r.Context(), a, func(tx store.Tx) error {
		wait, err := secondfactor.Required(tx, a.UID)
		if err != nil {
			return err
		}
		if out, err = s.signIn(tx, r, a.Account, a.wrapKB(), 0, wait); err != nil || wait || !a.Confirmed {
			return err
		}
		return s.know(tx, r, a.UID)
	})
	if err == nil && !a.Confirmed {
		err = s.remind(r, a.Account)
	}
	return out, err
}

// keyFetchTokens are the key fetch tokens in an answer: that of version 1 of the
// stretching, and that of version 2, which has another name where a password changes.
type keyFetchTokens struct {
	V1     string `json:"keyFetchToken,omitempty"`
	V2     string `json:"keyFetchTokenVersion2,omitempty"`
	Change string `json:"keyFetchToken2,omitempty"`
}

// signedIn is the answer to who signed in.
type signedIn struct {
	UID             string `json:"uid"`
	Session         string `json:"sessionToken"`
	AuthAt          int64  `json:"authAt"` // seconds
	Email           string `json:"email"`
	Verified        bool   `json:"verified"`
	EmailVerified   bool   `json:"emailVerified"`
	SessionVerified bool   `json:"sessionVerified"`
	Metrics         bool   `json:"metricsEnabled"`
	// Method and Reason say which code the session waits for, and why.
	Method string `json:"verificationMethod,omitempty"`
	Reason string `json:"verificationReason,omitempty"`
	keyFetchTokens
	ended
}

// signIn makes a session, and with ?keys=true key fetch tokens. For an account that
// is not confirmed they wait for that. secondAt is when the second step was shown, in
// milliseconds, or 0; wait says that the session waits for it.
func (s *Service) signIn(tx store.Tx, r *request, a *store.Account, kB wrapped, secondAt int64, wait bool) (*signedIn, error) {
	// By whatever way they come: a password, a new one, a recovery key.
	if err := s.enabled(r.Context(), a.UID); err != nil {
		return nil, err
	}
	verified := a.Confirmed && !wait
	session, sessionHash, err := s.newToken(tx, freshToken{
		kind: store.Session, uid: a.UID, userAgent: r.userAgent(), secondAt: secondAt, waits: !verified, proved: true,
	})
	if err != nil {
		return nil, err
	}
	out := &signedIn{
		UID: a.UID, Session: session, AuthAt: s.cfg.Now().Unix(), Email: a.Email,
		Verified: verified, EmailVerified: a.Confirmed, SessionVerified: verified,
	}
	switch {
	case wait:
		out.Method, out.Reason = lacksSecondStep, "login"
	case !a.Confirmed:
		out.Method, out.Reason = "email-otp", "signup"
	}
	if verified {
		sessionHash = nil
	}
	if wantsKeys(r) {
		out.keyFetchTokens, err = s.keyFetch(tx, a, kB, sessionHash)
	}
	return out, err
}

func wantsKeys(r *request) bool { return r.URL.Query().Get("keys") == "true" }

// keyFetch makes a token for each version of the stretching that kB is wrapped by.
// They wait with a session, unless it is nil.
func (s *Service) keyFetch(tx store.Tx, a *store.Account, kB wrapped, session []byte) (out keyFetchTokens, err error) {
	for _, t := range []struct {
		wrapKB []byte
		to     *string
	}{{kB.v1, &out.V1}, {kB.v2, &out.V2}} {
		if t.wrapKB == nil {
			continue
		}
		if *t.to, _, err = s.newToken(tx, freshToken{
			kind: store.KeyFetch, uid: a.UID, session: session, bundle: func(k onepw.KeyFetch) []byte { return k.Seal(a.KA, t.wrapKB) },
		}); err != nil {
			return out, err
		}
	}
	return out, nil
}

// forChange names the token of version 2 as an answer to who changes a password does.
func (k keyFetchTokens) forChange() keyFetchTokens {
	return keyFetchTokens{V1: k.V1, Change: k.V2}
}

type credentialsAnswer struct {
	Upgrade         bool   `json:"upgradeNeeded"`
	Version         string `json:"currentVersion"`
	ClientSalt      string `json:"clientSalt"`
	AcceptsVersion1 bool   `json:"acceptsVersion1"`
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
	if a == nil || a.ClientSalt == "" || !a.Confirmed {
		m := hmac.New(sha256.New, s.pepper)
		io.WriteString(m, emailKey(in.Email))
		a = &store.Account{ClientSalt: onepw.ClientSalt([16]byte(m.Sum(nil)[:16]))}
	}
	return credentialsAnswer{Version: "v2", ClientSalt: a.ClientSalt, AcceptsVersion1: true}, nil
}

// changeAnswer is for who begins to change a password.
type changeAnswer struct {
	Verified bool   `json:"verified"`
	Token    string `json:"passwordChangeToken"`
	keyFetchTokens
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
	c, err := s.secondSession(r, a.UID)
	if err != nil {
		return nil, err
	}
	out := changeAnswer{Verified: true}
	ctx := r.Context()
	err = s.updateBy(ctx, a, func(tx store.Tx) error {
		shown, err := s.guarded(tx, a.UID, c)
		if err != nil {
			return err
		}
		var secondAt int64
		if shown {
			secondAt = s.cfg.Now().UnixMilli()
		}
		keys, err := s.keyFetch(tx, a.Account, a.wrapKB(), nil)
		if err != nil {
			return err
		}
		out.keyFetchTokens = keys.forChange()
		out.Token, _, err = s.newToken(tx, freshToken{kind: store.Change, uid: a.UID, secondAt: secondAt})
		return err
	})
	return out, err
}

// changeFinish sets the new password and ends every session of the account; or
// it upgrades the old one.
func (s *Service) changeFinish(r *request) (any, error) {
	c, err := s.authenticateToken(r, store.Change)
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
	listeners := s.devices.Listeners(r.Context(), c.UID, devices.Every)
	out, err := s.newPassword(r, c)
	if err == nil {
		out.keyFetchTokens = out.forChange()
		s.devices.Tell(r.Context(), listeners, devices.PasswordChanged)
	}
	return out, err
}

// newPassword consumes a token, sets the password that the body has, ends all that
// the old one opened and begins a new session.
func (s *Service) newPassword(r *request, c *credential) (*signedIn, error) {
	in := credentials{needsWrapKB: true}
	if err := r.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	ctx := r.Context()
	a, err := s.account(ctx, c.UID)
	if err != nil {
		return nil, err
	}
	kB, err := s.setPassword(ctx, a, in)
	if err != nil {
		return nil, err
	}
	// It must grow, whatever the clock does.
	a.Generation = max(a.Generation+1, s.cfg.Now().UnixMilli())
	var out *signedIn
	err = s.updateBy(ctx, c, func(tx store.Tx) error {
		if err := consume(tx, c); err != nil {
			return err
		}
		if err := tx.SetPassword(a); err != nil {
			return err
		}
		ended, err := s.endAll(tx, c)
		if err != nil {
			return err
		}
		if out, err = s.signIn(tx, r, a, kB, c.SecondAt, false); err != nil {
			return err
		}
		out.ended = ended
		return nil
	})
	return out, err
}

// destroy deletes the account, by its password and its second step.
func (s *Service) destroy(r *request) (any, error) {
	a, err := s.authenticate(r)
	if err != nil {
		return nil, err
	}
	c, err := s.secondSession(r, a.UID)
	if err != nil {
		return nil, err
	}
	ctx := r.Context()
	return nothing, s.remove(ctx, a.UID, func(tx store.Tx) error {
		if err := a.still(tx); err != nil {
			return err
		}
		_, err := s.guarded(tx, a.UID, c)
		return err
	})
}
