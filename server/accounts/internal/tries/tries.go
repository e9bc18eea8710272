// Package tries counts tries at passwords and codes of accounts, and refuses too many.
//
// The tries at an account are counted in the database until their window ends, also for an
// address without an account, and so are those of a sender: servers that share a database count
// together. A sender is also counted in memory, so that a flood to one server ends there.
package tries

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/limiter"
	"github.com/syncmanager/syncmanager/server/accounts/internal/mailaddr"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/security"
)

const (
	// codesFactor and passwordsFactor are how many times Limits.PerAccount all
	// networks together may try. A code is short, a password is not.
	codesFactor     = 2
	passwordsFactor = 10
	// maxNetworks is how many networks of an account are known.
	maxNetworks = 20
	// NetworkLife is how long a network stays known without a sign-in from it.
	NetworkLife = 90 * 24 * time.Hour
	// Max bounds the table: the counts of single networks are removed first, oldest first.
	Max = 200_000
	// mailWindow is the time that messages are counted over, mailsPerAccount how many
	// may be sent to one address in it, and mailsPerSender how many one address of the
	// network may cause, so that the server cannot be used to flood a mailbox.
	mailWindow      = time.Hour
	mailsPerAccount = 5
	mailsPerSender  = 20
)

// A Kind is the kind of a try.
type Kind string

// The kinds of tries at an account. The first is at one that is named by its
// address, with or without an account.
const (
	Password     Kind = "password"
	Recovery     Kind = "recovery"
	Confirmation Kind = "confirmation"
	SecondStep   Kind = "second step"
	Invitation   Kind = "invitation"
	Mail         Kind = "mail"
	// Upload is a picture of an account.
	Upload Kind = "upload"

	// These are tries at any account: of one who sends requests, or e-mails by this server.
	sender     Kind = "sender"
	mailSender Kind = "sender of mail"
)

// OfAccount are the kinds that can lock an account's owner out.
var OfAccount = []Kind{Password, Recovery, Confirmation, SecondStep, Mail}

func hash(kind Kind, whose string) []byte {
	sum := sha256.Sum256([]byte("tries " + string(kind) + " " + whose))
	return sum[:]
}

// Limits bound how often may be tried, as accounts.Limits says.
type Limits struct {
	Window                 time.Duration
	PerAccount, PerAddress int
}

// A Counter counts tries. Its methods may be called concurrently.
type Counter struct {
	DB       store.Store
	Limits   Limits
	Now      func() time.Time
	Security *security.Log // may be nil
	Log      *slog.Logger

	addresses, networks limiter.Limiter
}

// attempt is one try at an account, an address or a code.
type attempt struct {
	kind Kind
	// whose is the account's email key or uid, or what else the try is at.
	whose   string
	network string // "": all together
	max     int
	window  time.Duration
	exempt  bool // not counted for a network that is known
}

// Admit counts a try of a kind, or refuses it; whose is what the try is at. done takes the try
// back, for one that was right; it must not be called within a transaction.
func (c *Counter) Admit(r *api.Request, kind Kind, whose string) (done func(), err error) {
	if err := c.AdmitAddress(r); err != nil {
		return nil, err
	}
	l := c.Limits
	factor := codesFactor
	if kind == Password {
		factor = passwordsFactor
	}
	list := []attempt{
		{kind: kind, whose: whose, max: factor * l.PerAccount, window: l.Window, exempt: true},
		{kind: kind, whose: whose, network: r.Address(), max: l.PerAccount, window: l.Window},
	}
	ctx := r.Context()
	wait, err := c.try(ctx, r.Address(), list)
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		c.Security.Note(ctx, security.Locked, security.TooMany, r.RemoteAddr, "")
		return nil, fault.Throttled(wait)
	}
	return func() { c.giveBack(r, kind, whose) }, nil
}

// try counts attempts, all or none, and returns 0 or how long to wait.
func (c *Counter) try(ctx context.Context, from string, list []attempt) (wait time.Duration, err error) {
	now := c.Now().UnixMilli()
	// Most of a flood is refused without a write. What a writer counts is exact.
	read := c.DB.Read(ctx)
	wait, err = waitFor(read, from, list, now, func(a attempt) (int, int64, error) {
		n, ends, err := read.Tries(hash(a.kind, a.whose), a.network, now)
		return n + 1, ends, err
	})
	if err == nil && wait == 0 {
		err = c.DB.UpdateSoon(ctx, func(tx store.Tx) (err error) {
			// Ended counts are removed a few at a time.
			if err := tx.ForgetEndedTries(now); err != nil {
				return err
			}
			wait, err = waitFor(tx, from, list, now, func(a attempt) (int, int64, error) {
				return tx.CountTry(hash(a.kind, a.whose), a.network, now+a.window.Milliseconds(), now)
			})
			if err == nil && wait > 0 {
				err = errTooMany // which takes back what was counted
			}
			return err
		})
	}
	if err != nil && !errors.Is(err, errTooMany) {
		return 0, fmt.Errorf("count a try: %w", err)
	}
	return wait, nil
}

// errTooMany ends a transaction that counted one try too many.
var errTooMany = errors.New("too many tries")

// waitFor returns how long to wait before all attempts may be made from a network. count returns
// the count with an attempt, and when its window ends.
func waitFor(db store.TryReader, from string, list []attempt, now int64, count func(attempt) (int, int64, error)) (wait time.Duration, err error) {
	for _, a := range list {
		n, ends, err := count(a)
		if err != nil {
			return 0, err
		}
		if n <= a.max {
			continue
		}
		if a.exempt {
			if known, err := db.KnowsNetwork(a.whose, from); err != nil {
				return 0, err
			} else if known {
				continue
			}
		}
		wait = max(wait, time.Duration(ends-now)*time.Millisecond)
	}
	return wait, nil
}

// Know remembers that an account was signed in from the sender's network.
func (c *Counter) Know(tx store.Tx, r *api.Request, uid string) error {
	return tx.KnowNetwork(uid, r.Address(), c.Now().UnixMilli(), maxNetworks)
}

// Forget resets the counts of these kinds for an account.
func (c *Counter) Forget(ctx context.Context, uid, key string, kinds ...Kind) error {
	err := c.DB.Update(ctx, "", func(tx store.Tx) error {
		for _, kind := range kinds {
			for _, whose := range []string{key, uid} {
				if err := tx.ForgetTries(hash(kind, whose)); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forget what was tried: %w", err)
	}
	return nil
}

// senderOf returns the tries of the sender of a request.
func (c *Counter) senderOf(r *api.Request) []attempt {
	l := c.Limits
	list := []attempt{{kind: sender, whose: r.Address(), network: r.Address(), max: l.PerAddress, window: l.Window}}
	if network := r.Network(); network != "" {
		list = append(list, attempt{kind: sender, whose: network, network: network, max: 10 * l.PerAddress, window: l.Window})
	}
	return list
}

// AdmitAddress counts a try of a sender, or refuses it. In memory the larger network is counted first,
// so that one customer cannot fill the limiter with addresses.
func (c *Counter) AdmitAddress(r *api.Request) error {
	now, l := c.Now(), c.Limits
	if network := r.Network(); network != "" {
		if wait := c.networks.Take(network, 10*l.PerAddress, l.Window, now); wait > 0 {
			return fault.Throttled(wait)
		}
	}
	if wait := c.addresses.Take(r.Address(), l.PerAddress, l.Window, now); wait > 0 {
		return fault.Throttled(wait)
	}
	return c.admit(r.Context(), c.senderOf(r)...)
}

// admit counts attempts, or refuses them.
func (c *Counter) admit(ctx context.Context, list ...attempt) error {
	wait, err := c.try(ctx, "", list)
	if err == nil && wait > 0 {
		err = fault.Throttled(wait)
	}
	return err
}

// giveBack takes back a try at an account, and that of its sender, which turned out well.
func (c *Counter) giveBack(r *api.Request, kind Kind, whose string) {
	c.networks.GiveBack(r.Network())
	c.addresses.GiveBack(r.Address())
	ctx := context.WithoutCancel(r.Context())
	err := c.DB.UpdateSoon(ctx, func(tx store.Tx) error {
		// In the order in which they are counted.
		for _, a := range append([]attempt{{kind: kind, whose: whose, network: r.Address()}}, c.senderOf(r)...) {
			if err := tx.ReturnTry(hash(a.kind, a.whose), a.network); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		c.Log.ErrorContext(ctx, "cannot take a try back", "err", err)
	}
}

// AdmitUpload counts a picture of an account, or refuses it.
func (c *Counter) AdmitUpload(ctx context.Context, uid string, max int) error {
	return c.admit(ctx, attempt{kind: Upload, whose: uid, max: max, window: c.Limits.Window})
}

// AdmitMail counts a message to an address, or refuses it.
func (c *Counter) AdmitMail(r *api.Request, address string) error {
	return c.admit(r.Context(),
		attempt{kind: Mail, whose: mailaddr.Key(address), max: mailsPerAccount, window: mailWindow},
		attempt{kind: mailSender, whose: r.Address(), network: r.Address(), max: mailsPerSender, window: mailWindow})
}

// MaxCode bounds the text of a code, in bytes.
const MaxCode = 64

// AdmitCode reads a code and counts the try at what the code is for. done takes the try back.
func (c *Counter) AdmitCode(r *api.Request, kind Kind, whose string) (code string, done func(), err error) {
	var in struct {
		Code string `json:"code"`
	}
	if err := r.Decode(&in); err != nil {
		return "", nil, err
	}
	if in.Code == "" {
		return "", nil, fault.Missing("code")
	}
	if len(in.Code) > MaxCode {
		return "", nil, fault.Invalid("code")
	}
	done, err = c.Admit(r, kind, whose)
	return in.Code, done, err
}
