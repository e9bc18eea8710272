package accounts

import (
	"crypto/hmac"
	"crypto/sha256"
	"io"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/password"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

func (s *Service) login(r *api.Request) (any, error) {
	a, err := s.passwords.Authenticate(r)
	if err != nil {
		return nil, err
	}
	var out *signedIn
	err = s.auth.UpdateBy(r.Context(), a, func(tx store.Tx) error {
		wait, err := auth.SecondStepRequired(tx, a.UID)
		if err != nil {
			return err
		}
		if out, err = s.signIn(tx, r, a.Account, a.WrapKB(), 0, wait); err != nil || wait || !a.Confirmed {
			return err
		}
		return s.tries.Know(tx, r, a.UID)
	})
	if err == nil && !a.Confirmed {
		err = s.confirmation.Remind(r, a.Account)
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

// signedIn is the answer to a sign-in.
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
func (s *Service) signIn(tx store.Tx, r *api.Request, a *store.Account, kB password.Wrapped, secondAt int64, wait bool) (*signedIn, error) {
	// This holds for every way to sign in: a password, a new password, a recovery key.
	if err := s.passwords.Enabled(r.Context(), a.UID); err != nil {
		return nil, err
	}
	verified := a.Confirmed && !wait
	session, sessionHash, err := s.auth.Issue(tx, auth.NewToken{
		Kind: store.Session, UID: a.UID, UserAgent: r.Program(), SecondAt: secondAt, Waits: !verified, Proved: true,
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
		out.Method, out.Reason = auth.MethodSecondStep, "login"
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

func wantsKeys(r *api.Request) bool { return r.URL.Query().Get("keys") == "true" }

// keyFetch makes a token for each version of the stretching that kB is wrapped by.
// They wait with a session, unless it is nil.
func (s *Service) keyFetch(tx store.Tx, a *store.Account, kB password.Wrapped, session []byte) (out keyFetchTokens, err error) {
	for _, t := range []struct {
		wrapKB []byte
		to     *string
	}{{kB.V1, &out.V1}, {kB.V2, &out.V2}} {
		if t.wrapKB == nil {
			continue
		}
		if *t.to, _, err = s.auth.Issue(tx, auth.NewToken{
			Kind: store.KeyFetch, UID: a.UID, Session: session, Bundle: func(k onepw.KeyFetch) []byte { return k.Seal(a.KA, t.wrapKB) },
		}); err != nil {
			return out, err
		}
	}
	return out, nil
}

// forChange names the token of version 2 as the answer to a password change does.
func (k keyFetchTokens) forChange() keyFetchTokens {
	return keyFetchTokens{V1: k.V1, Change: k.V2}
}

type credentialsAnswer struct {
	Upgrade         bool   `json:"upgradeNeeded"`
	Version         string `json:"currentVersion"`
	ClientSalt      string `json:"clientSalt"`
	AcceptsVersion1 bool   `json:"acceptsVersion1"`
}

// credentialsStatus says how an account's password is stretched, by version 2. An address
// without an account gets a salt too, always the same, and so does one whose password is
// stretched by version 1 alone, or that is not confirmed: the answer does not reveal whether
// there is an account, or how old it is. acceptsVersion1 says that a client may therefore show
// its password in both ways.
func (s *Service) credentialsStatus(r *api.Request) (any, error) {
	var in struct {
		Email string `json:"email"`
	}
	if err := r.Decode(&in); err != nil {
		return nil, err
	}
	if err := mailaddr.Check(in.Email); err != nil {
		return nil, err
	}
	if err := s.tries.AdmitAddress(r); err != nil {
		return nil, err
	}
	a, err := s.passwords.AccountByKey(r.Context(), mailaddr.Key(in.Email))
	if err != nil {
		return nil, err
	}
	if a == nil || a.ClientSalt == "" || !a.Confirmed {
		m := hmac.New(sha256.New, s.passwords.Pepper)
		io.WriteString(m, mailaddr.Key(in.Email))
		a = &store.Account{ClientSalt: onepw.ClientSalt([16]byte(m.Sum(nil)[:16]))}
	}
	return credentialsAnswer{Version: "v2", ClientSalt: a.ClientSalt, AcceptsVersion1: true}, nil
}
