package takeover

import (
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/internal/lazyre"
	"github.com/syncmanager/syncmanager/server/token"
)

// account is what one user brings.
type account struct {
	token.Adoption
	// uid is the number of the storage with the records at the other server; records says whether there
	// are any that count.
	uid     int64
	records bool
}

// isEmail matches what a token server calls an account: a uid of the accounts server, and its name.
var isEmail = lazyre.New(`^([0-9a-f]{32})@([A-Za-z0-9.:_-]{1,200})$`)

var (
	errEmail = errors.New("it is not a uid of 32 hexadecimal digits, \"@\", and the name of an accounts server")
	errState = errors.New("its current key has a client state that is not hexadecimal or too long")
	errUID   = errors.New("its storage has a number below 0")
)

// deleted is the generation of an account that was deleted at the accounts server.
const deleted = math.MaxInt64

// accountOf reads what a token server has of a user. dropped counts the former keys that no client
// could ever name.
func accountOf(u User) (a account, dropped int, err error) {
	parts := isEmail.FindStringSubmatch(u.Email)
	if parts == nil || len(u.Keys) == 0 {
		return account{}, 0, errEmail
	}
	now := u.Keys[0]
	current, ok := keyOf(now)
	switch {
	case !ok:
		return account{}, 0, errState
	case now.UID < 0:
		return account{}, 0, errUID
	}
	a = account{Adoption: token.Adoption{Account: parts[1], Current: current}, uid: now.UID, records: !now.Replaced}
	for _, k := range u.Keys[1:] {
		old, ok := keyOf(k)
		switch {
		case !ok:
			dropped++
		case string(old.ClientState) == string(current.ClientState), slices.ContainsFunc(a.Old, old.Same):
			// It was on another node.
		default:
			a.Old = append(a.Old, old)
		}
	}
	return a, dropped, nil
}

// issuer returns the name of the accounts server of a user, or "".
func issuer(u User) string {
	_, name, _ := strings.Cut(u.Email, "@")
	return name
}

// keyOf reads a row. ok is false if its client state is none.
func keyOf(k Key) (_ token.Key, ok bool) {
	state, err := hex.DecodeString(k.ClientState)
	if err != nil || len(state) > token.MaxClientState {
		return token.Key{}, false
	}
	return token.Key{
		ClientState: state, Generation: max(0, k.Generation), KeysChangedAt: max(0, k.KeysChangedAt), Created: max(0, k.Created),
	}, true
}
