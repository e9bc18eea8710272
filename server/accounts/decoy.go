package accounts

import (
	"strings"

	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// Where sign-up is by e-mail, whoever signs up with an address that has an account
// must not hear of that: only who reads the address's mail does. So they get a
// decoy, which is like an account that waits for its code, but whose code never
// comes. It has a key of its own, which is nobody's address, and goes as all
// unconfirmed accounts do.

func decoyKey(email string) string { return store.DecoyPrefix + emailKey(email) }

func isDecoy(a *store.Account) bool { return strings.HasPrefix(a.Key, store.DecoyPrefix) }
