package store

// TOTP is an account's authenticator app.
type TOTP struct {
	Secret []byte
	// Enabled says that the app gave a right code once.
	Enabled bool
	// UsedStep is the step of the last code, which is not valid again.
	UsedStep int64
}

// SecondStepReader finds the second steps of sign-ins.
type SecondStepReader interface {
	TOTP(uid string) (TOTP, error)
	CountBackupCodes(uid string) (int, error)
}

// SecondStepWriter changes them.
type SecondStepWriter interface {
	// SetTOTPSecret sets the secret of an app that is not enabled.
	SetTOTPSecret(uid string, secret []byte) error
	// UseTOTP enables the app, and notes the step of the code that it gave.
	UseTOTP(uid string, step int64) error
	// ReplaceBackupCodes replaces an account's backup codes, each by its hash.
	ReplaceBackupCodes(uid string, hashes [][]byte) error
	// UseBackupCode removes a backup code; used is false if it is not there.
	UseBackupCode(uid string, hash []byte) (used bool, err error)
	// RemoveSecondStep removes the app and the backup codes.
	RemoveSecondStep(uid string) error
}

// Notice tells a user what was done to the account without them.
type Notice struct {
	// Kind says what was done; an account has at most one notice of each kind.
	Kind string
	// At is when it was done, in milliseconds since 1970.
	At int64
}

// NoticeReader lists notices.
type NoticeReader interface {
	// Notices lists an account's notices, the newest first.
	Notices(uid string) ([]Notice, error)
}

// NoticeWriter changes notices.
type NoticeWriter interface {
	// SetNotice adds a notice, and replaces an older one of its kind.
	SetNotice(uid string, n Notice) error
	// RemoveNotice removes a notice; one of its kind that came later stays.
	RemoveNotice(uid string, n Notice) error
}

// RecoveryKey opens an account whose password is forgotten, and keeps its kB.
type RecoveryKey struct {
	Hash []byte // of the key's ID
	// Data is kB, sealed under the key, which the server never sees.
	Data string
	// UID and Email are those of the account. They are not stored here.
	UID, Email string
}

// RecoveryReader finds recovery keys.
type RecoveryReader interface {
	HasRecoveryKey(uid string) (bool, error)
	// RecoveryKey finds the recovery key of the account with a key, in one step, so that the
	// time does not reveal whether the account exists.
	RecoveryKey(accountKey string) (RecoveryKey, error)
}

// RecoveryWriter changes recovery keys.
type RecoveryWriter interface {
	// SetRecoveryKey sets an account's recovery key; set is false if it has one
	// already and replace is false.
	SetRecoveryKey(uid string, k RecoveryKey, replace bool) (set bool, err error)
	RemoveRecoveryKey(uid string) (removed bool, err error)
}
