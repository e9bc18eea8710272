package store

// A Kind is what a token is for.
type Kind string

// The kinds of tokens that requests are signed with.
const (
	Session  Kind = "session"
	KeyFetch Kind = "keys"
	Change   Kind = "change" // of the password
	Reset    Kind = "reset"  // of a forgotten password
)

// Token is a token that requests are signed with.
type Token struct {
	Hash []byte // of the HAWK ID
	Kind Kind
	UID  string
	// SealedKey is the HAWK key, under the HAWK ID.
	SealedKey []byte
	// Bundle is what a key fetch token fetches.
	Bundle []byte
	// Session is the session that a key fetch token waits with, or nil.
	Session []byte
	// Verified says that a session does not wait for a code. A key fetch token with a Session
	// is verified if that session is.
	Verified  bool
	CreatedAt int64
	UsedAt    int64
	UserAgent string
	// Grant names what was given for one code and ends together, or is nil.
	Grant []byte
	// SecondStep says that the sign-in took the second step.
	SecondStep bool
	// PasswordAt and SecondAt are when a session last showed its password, and its
	// second step, after it was signed in; SecondAt of a token that sets a password:
	// when its owner showed the second step. 0: never.
	PasswordAt, SecondAt int64
	// Generation and Confirmed are those of the account. They are not stored here.
	Generation int64
	Confirmed  bool
}

// TokenReader finds tokens.
type TokenReader interface {
	Token(hash []byte) (*Token, error)
	CountTokens(uid string, kind Kind) (int, error)
	// Clients lists what is signed in to an account: verified sessions, and refresh
	// tokens, in the order in which they were made.
	Clients(uid string) ([]Client, error)
}

// TokenWriter changes tokens. What depends on one is removed with it.
type TokenWriter interface {
	// AddToken adds a token, used when it was created.
	AddToken(*Token) error
	// TouchToken notes a token's use.
	TouchToken(uid string, hash []byte, usedAt int64, userAgent string) error
	// SetPasswordShown notes that a session showed the password.
	SetPasswordShown(uid string, hash []byte, at int64) error
	// SetSecondStepShown verifies a session by its second step.
	SetSecondStepShown(uid string, hash []byte, at int64) error
	// RemoveToken removes a token; removed is false if it was not there.
	RemoveToken(uid string, hash []byte) (removed bool, err error)
	// RemoveIdleTokens removes at most n tokens of a kind, but not except, that were
	// last used at a time or before, the longest unused first, and returns how many.
	RemoveIdleTokens(uid string, kind Kind, except []byte, usedAt int64, n int) (int, error)
	// RemoveTokens removes all tokens and refresh tokens of an account.
	RemoveTokens(uid string) error
	// RemoveGrant removes the tokens and refresh tokens that were given together.
	RemoveGrant(uid string, grant []byte) error
}

// SignatureWriter notes the signatures of requests.
type SignatureWriter interface {
	// UseSignature notes a signature by its hash until endsAt; fresh is false if it was noted
	// before. It forgets some that have ended.
	UseSignature(uid string, hash []byte, endsAt, now int64) (fresh bool, err error)
}

// RefreshToken is a token that gets access tokens.
type RefreshToken struct {
	Hash     []byte
	UID      string
	ClientID string
	Scope    string
	// Session is the session that it came from and ends with, or nil.
	Session []byte
	// Grant is like that of [Token].
	Grant     []byte
	CreatedAt int64
	UsedAt    int64
	// Generation is that of the account. It is not stored here.
	Generation int64
}

// RefreshTokenReader finds refresh tokens.
type RefreshTokenReader interface {
	RefreshToken(hash []byte) (*RefreshToken, error)
	CountRefreshTokens(uid string) (int, error)
	// GrantHasRefreshToken reports whether a grant still has a refresh token.
	GrantHasRefreshToken(uid string, grant []byte) (bool, error)
}

// RefreshTokenWriter changes refresh tokens. A device is removed with its own.
type RefreshTokenWriter interface {
	// AddRefreshToken adds a token, used when it was created.
	AddRefreshToken(*RefreshToken) error
	TouchRefreshToken(uid string, hash []byte, usedAt int64) error
	RemoveRefreshToken(uid string, hash []byte) error
	// RemoveIdleRefreshTokens is like [TokenWriter.RemoveIdleTokens].
	RemoveIdleRefreshTokens(uid string, except []byte, usedAt int64, n int) (int, error)
}

// Code is an authorization code, for which a client gets tokens.
type Code struct {
	Hash      []byte
	UID       string
	ClientID  string
	Scope     string
	Challenge string // of PKCE
	Offline   bool   // gets a refresh token too
	KeysJWE   string
	Nonce     string
	AuthAt    int64  // seconds
	Session   []byte // that gave it, with which it ends
	ExpiresAt int64
	// Generation is that of the account. It is not stored here.
	Generation int64
}

// CodeWriter changes authorization codes.
type CodeWriter interface {
	// AddCode adds a code, and keeps the account's last max.
	AddCode(c *Code, max int) error
	// TakeCode removes a code and returns it. The error is [ErrNotFound] if it does not exist.
	TakeCode(hash []byte) (*Code, error)
}

// RevokedReader finds the access tokens that ended before their time.
type RevokedReader interface {
	Revoked(uid, jti string) (bool, error)
}

// RevokedWriter adds to them.
type RevokedWriter interface {
	// Revoke ends an access token. It is forgotten when it expires.
	Revoke(uid, jti string, expiresAt int64) error
}
