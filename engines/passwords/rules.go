package passwords

import (
	"slices"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

const (
	collection = "passwords"
	version    = 1
)

func (e *Engine) schema() mirror.Schema[Login] {
	return mirror.Schema[Login]{
		Collection: collection,
		Version:    version,
		Fields: []string{
			"id", "hostname", "formSubmitURL", "httpRealm", "username", "password",
			"usernameField", "passwordField", "timeCreated", "timePasswordChanged", "timeLastUsed", "timesUsed",
			"timeOfLastBreach", "timeLastBreachAlertDismissed",
		},
		ID:       func(l *Login) *engine.ID { return &l.ID },
		NewID:    newID,
		Complete: e.complete,
		Check: func(l *Login) (k mirror.Keys, err error) {
			if err := l.check(); err != nil {
				return k, err
			}
			return mirror.Keys{Dedupe: l.dedupeKey(), Loose: l.looseKey()}, nil
		},
		Matches:       (*Login).matches,
		Lookup:        lookups,
		LookupVersion: lookupsNow,

		Resolve: resolve,
		Sticky:  []string{"timesUsed", "timeLastUsed", "timeOfLastBreach", "timeLastBreachAlertDismissed"},
		Required: []string{
			"formSubmitURL", "httpRealm", "username", "usernameField", "passwordField", "timeCreated", "timePasswordChanged",
		},
		TooManyDeletions: mirror.MoreThanHalf,
	}
}

// resolve decides what both sides changed. Where it does not, the newer record's
// value stands.
func resolve(c mirror.Conflict) (value []byte, ok bool) {
	switch c.Field {
	case "password":
		return newerPassword(c)
	case "timeOfLastBreach", "timeLastBreachAlertDismissed":
		if mirror.Number(c.Local) > mirror.Number(c.Remote) {
			return c.Local, true
		}
		return c.Remote, true
	case "hostname":
		// Where the two are one site, the form in which Firefox stores it stands.
		for _, side := range [][]byte{c.Remote, c.Local} {
			if text, ok := rawjson.Unquoted(side); ok && !slices.ContainsFunc(text, func(b byte) bool { return b >= 0x80 }) {
				return side, c.Base == nil
			}
		}
	}
	return mirror.ResolveUsage(c)
}

// newerPassword is the password that was changed last. One that nobody knows the time of
// is never newer than one with a time, nor than the account's, unless it was changed on
// top of it.
func newerPassword(c mirror.Conflict) (value []byte, ok bool) {
	local, remote := mirror.Number(c.LocalField("timePasswordChanged")), mirror.Number(c.RemoteField("timePasswordChanged"))
	switch {
	case c.Base != nil && (local == 0 || remote == 0):
		return nil, false
	case local > remote:
		return c.Local, true
	case remote > local, local == 0:
		return c.Remote, true
	}
	return nil, false
}
