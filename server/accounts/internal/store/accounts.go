package store

// Account is one account.
type Account struct {
	UID string
	// Email is the address as it was signed up with: it is a salt.
	Email string
	// Key finds the account, and is unique: the address in one spelling, or that of
	// a decoy, which begins with [DecoyPrefix].
	Key string
	// Generation is when the credentials last changed, and KeysChangedAt when kB
	// did, which is never later.
	Generation, KeysChangedAt int64
	// Salt and Cost are those of the scrypt that both versions of the password go
	// through.
	Salt []byte
	Cost int
	V1   Password
	// ClientSalt is the salt of version 2; "": there is none.
	ClientSalt  string
	V2          Password
	KA          []byte
	DisplayName string
	ProfileAt   int64 // when the profile last changed
	CreatedAt   int64
	// Confirmed says that the user has shown that the address is theirs.
	Confirmed bool
}

// Password is what is stored for one version of the stretched password.
type Password struct{ Hash, WrapWrapKB []byte }

// DecoyPrefix begins the key of a decoy account. No address begins with it.
const DecoyPrefix = "decoy "

// User is an account as its operator sees it.
type User struct {
	UID, Email string
	CreatedAt  int64
	// SeenAt is when one of its sessions was last used; 0: it has none.
	SeenAt      int64
	Devices     int
	Unconfirmed bool
}

// AccountReader finds accounts.
type AccountReader interface {
	Account(uid string) (*Account, error)
	AccountByKey(key string) (*Account, error)
	// AnyAccount reports whether there is an account.
	AnyAccount() (bool, error)
	// Users lists all accounts but decoys, by their keys.
	Users() ([]User, error)
	// User finds one of them by its key or its uid.
	User(keyOrUID string) (User, error)
}

// AccountWriter changes accounts. A change of a missing account does nothing.
type AccountWriter interface {
	// AddAccount adds an account; added is false if its key is taken.
	AddAccount(*Account) (added bool, err error)
	// SetPassword stores what setting a password changes: generation, salt, cost, and both
	// versions.
	SetPassword(*Account) error
	// UpgradePassword adds version 2 of the password to an account that has none,
	// and whose version 1 has this hash.
	UpgradePassword(uid string, v1Hash []byte, clientSalt string, v2 Password) error
	SetDisplayName(uid, name string) error
	// SetProfileChanged moves the time of the profile's last change to at, or past
	// its last value if that is later.
	SetProfileChanged(uid string, at int64) error
	// RemoveAccount removes an account with all that belongs to it.
	RemoveAccount(uid string) error
	// RemoveUnconfirmed is RemoveAccount for one that is not confirmed.
	RemoveUnconfirmed(uid string) error
}

// Confirmation is a code that was sent to an account's address.
type Confirmation struct {
	// MAC is of uid and code, under a key that is not in the database.
	MAC       []byte
	Tries     int // that were wrong
	ExpiresAt int64
}

// ConfirmationReader finds the codes that confirm accounts.
type ConfirmationReader interface {
	Confirmation(uid string) (Confirmation, error)
}

// ConfirmationWriter changes them.
type ConfirmationWriter interface {
	// SetConfirmation replaces an account's code, without tries. It does nothing
	// if the account is not there.
	SetConfirmation(uid string, mac []byte, expiresAt int64) error
	// CountConfirmationTry counts a wrong code.
	CountConfirmationTry(uid string) error
	// Confirm confirms an account, removes its code, and verifies the tokens that
	// waited for it.
	Confirm(uid string) error
}

// Invitation lets one person sign up.
type Invitation struct {
	Hash                 []byte // of the code
	Note                 string // who it is for, in the operator's words
	CreatedAt, ExpiresAt int64
	// Email is the address of the account that was made with it; "": none was.
	Email string
}

// InvitationReader finds invitations.
type InvitationReader interface {
	// InvitationOpen reports whether one is there that was not used and does not
	// end before now.
	InvitationOpen(hash []byte, now int64) (bool, error)
	// Invitations lists those that were used or are still good, oldest first.
	Invitations(now int64) ([]Invitation, error)
}

// InvitationWriter changes invitations.
type InvitationWriter interface {
	AddInvitation(Invitation) error
	// UseInvitation notes which account was made with an invitation; used is false
	// if it is not open.
	UseInvitation(hash []byte, uid string, now int64) (used bool, err error)
	// RemoveInvitations removes those that were not used and whose hash has a prefix, and
	// returns how many there were.
	RemoveInvitations(prefix []byte) (int, error)
}

// Avatar is an account's picture, as this server drew it.
type Avatar struct {
	ID    string // in its address, and unique
	Type  string
	Image []byte
}

// AvatarReader finds pictures.
type AvatarReader interface {
	// AvatarID is the ID of an account's picture.
	AvatarID(uid string) (string, error)
	// Avatar finds a picture by its ID alone: everybody who knows that may see it.
	Avatar(id string) (Avatar, error)
}

// AvatarWriter changes pictures.
type AvatarWriter interface {
	// SetAvatar replaces an account's picture.
	SetAvatar(uid string, a Avatar) error
	// RemoveAvatar removes an account's picture if it has this ID.
	RemoveAvatar(uid, id string) (removed bool, err error)
}
