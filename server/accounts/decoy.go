package accounts

import "strings"

// Where sign-up is by e-mail, whoever signs up with an address that has an account
// must not hear of that: only who reads the address's mail does. So they get a
// decoy, which is like an account that waits for its code, but whose code never
// comes. It has a key of its own, which is nobody's address, and goes as all
// unconfirmed accounts do.

const decoyPrefix = "decoy "

func decoyKey(email string) string { return decoyPrefix + emailKey(email) }

func (a *account) decoy() bool { return strings.HasPrefix(a.key, decoyPrefix) }
