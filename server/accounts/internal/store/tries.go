package store

// Tries are counted for an account, by a hash that an address without an account has too, and
// for one network of the sender, or for all ("").

// TryReader reads counts of tries.
type TryReader interface {
	// Tries is a count, and when its window ends. Both are 0 if that window ended before now.
	Tries(what []byte, network string, now int64) (n int, endsAt int64, err error)
	// KnowsNetwork reports whether an account, named by its uid or its key, was
	// signed in from a network.
	KnowsNetwork(keyOrUID, network string) (bool, error)
}

// TryWriter counts tries.
type TryWriter interface {
	// CountTry counts a try, in a window that ends at endsAt if none lasts at now, and returns the
	// count and when its window ends. Others who count the same wait for the end of the transaction,
	// so that all who count several do so in the same order.
	CountTry(what []byte, network string, endsAt, now int64) (n int, ends int64, err error)
	// ReturnTry takes back a try from a network, and from the count of all networks.
	ReturnTry(what []byte, network string) error
	// ForgetTries forgets the tries of all networks.
	ForgetTries(what []byte) error
	// ForgetEndedTries forgets some counts whose window ended before now.
	ForgetEndedTries(now int64) error
	// KnowNetwork notes that an account was signed in from a network, and keeps the
	// last max networks.
	KnowNetwork(uid, network string, at int64, max int) error
}

// SigningKey signs access tokens.
type SigningKey struct {
	KID       string
	Private   []byte // PKCS #8
	CreatedAt int64
}

// KeyReader reads the server's own secrets.
type KeyReader interface {
	// Secret is a random secret of this server.
	Secret(name string) ([]byte, error)
	// CurrentSigningKey is the key that signs new tokens.
	CurrentSigningKey() (SigningKey, error)
	SigningKey(kid string) (SigningKey, error)
	// SigningKeys lists the IDs of all keys, newest first.
	SigningKeys() ([]string, error)
}

// KeyWriter adds to it.
type KeyWriter interface {
	// AddSecret adds a secret, unless there is one of that name, which stays.
	AddSecret(name string, value []byte) error
	// AddSigningKey adds the key that signs from now on, and retires the one before, whose ID is
	// before; "": there is none. added is false if that is not the one that signs: another server
	// on the same database was faster.
	AddSigningKey(k SigningKey, before string) (added bool, err error)
}
