// Package mailaddr says which addresses an account may have, and which of them are the same.
package mailaddr

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// Key returns what all spellings of one address share: in capitals or not, and with accents as
// one character or as two, which look the same.
func Key(address string) string { return norm.NFC.String(strings.ToLower(address)) }

// Lower returns the spelling that a client is told to try, whether or not there is an account.
func Lower(address string) string { return strings.ToLower(address) }

// Check refuses what is not an address.
func Check(address string) error {
	if address == "" {
		return fault.Missing("email")
	}
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" || domain == "" || len(address) > 256 || strings.ContainsAny(address, " \t\r\n\x00") ||
		strings.Contains(domain, "@") || strings.ToValidUTF8(address, "") != address || strings.ContainsFunc(address, invisible) {
		return fault.Invalid("email")
	}
	return nil
}

// invisible reports whether a character cannot be seen, or reverses others: an address
// with one could pass for another.
func invisible(c rune) bool {
	return unicode.In(c, unicode.C, unicode.Z, unicode.Bidi_Control, unicode.Variation_Selector)
}

// Where sign-up is by e-mail, somebody who signs up with an address that has an account must
// not learn that; only a person who reads mail at the address may. So they get a decoy, which
// is like an account that waits for its code, but whose code is never sent. Its key is not an
// address, and it is removed as all unconfirmed accounts are.

// DecoyKey returns the key of an address's decoy.
func DecoyKey(address string) string { return store.DecoyPrefix + Key(address) }

// IsDecoy reports whether an account is a decoy.
func IsDecoy(a *store.Account) bool { return strings.HasPrefix(a.Key, store.DecoyPrefix) }
