package passwords

import "github.com/syncmanager/syncmanager/internal/mirror"

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
		Hold:    mirror.HoldMost,
	}
}

// resolve decides what both sides changed. Where it does not, the newer record's
// value stands.
func resolve(c mirror.Conflict) (value []byte, ok bool) {
	if c.Field == "password" {
		local, remote := mirror.Number(c.LocalField("timePasswordChanged")), mirror.Number(c.RemoteField("timePasswordChanged"))
		switch {
		case local > remote:
			return c.Local, true
		case remote > local:
			return c.Remote, true
		}
	}
	return mirror.ResolveUsage(c)
}
