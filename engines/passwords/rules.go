package passwords

import (
	"strconv"

	"github.com/syncmanager/syncmanager/internal/mirror"
)

const (
	collection = "passwords"
	version    = 1
)

func rules() mirror.Rules {
	return mirror.Rules{
		Collection: collection,
		Version:    version,
		Valid: func(payload []byte) error {
			var l Login
			if err := l.UnmarshalJSON(payload); err != nil {
				return err
			}
			return l.check()
		},
		Key: func(payload []byte) []byte {
			var l Login
			if l.UnmarshalJSON(payload) != nil {
				return nil
			}
			return l.identity()
		},
		Resolve: resolve,
		Sticky:  []string{"timesUsed", "timeLastUsed"},
		Hold:    hold,
	}
}

// hold asks before a sync deletes most of the passwords: another device's user
// may have meant it, or its disk may have died.
func hold(deletions, total int) bool { return deletions > 10 && deletions > total/2 }

// resolve decides what both sides changed. Where it does not, the newer record's
// value stands.
func resolve(c mirror.Conflict) (value []byte, ok bool) {
	base, local, remote := number(c.Base), number(c.Local), number(c.Remote)
	switch c.Field {
	case "timeCreated":
		if local == 0 || remote == 0 {
			return integer(max(local, remote)), true
		}
		return integer(min(local, remote)), true
	case "timeLastUsed", "timePasswordChanged":
		return integer(max(local, remote)), true
	case "timesUsed":
		if base == 0 {
			return integer(max(local, remote)), true
		}
		return integer(max(local+remote-base, local, remote)), true
	case "password":
		local, remote = number(c.LocalField("timePasswordChanged")), number(c.RemoteField("timePasswordChanged"))
		switch {
		case local > remote:
			return c.Local, true
		case remote > local:
			return c.Remote, true
		}
	}
	return nil, false
}

func integer(n int64) []byte { return strconv.AppendInt(nil, n, 10) }
