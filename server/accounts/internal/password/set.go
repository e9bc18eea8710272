package password

import (
	"context"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
)

// Credentials are the parameters that set a password, as clients send them. The second
// three are version 2 of the stretching; they come together or not at all, and then
// wrapKb too, as both versions must unwrap the same kB.
type Credentials struct {
	AuthPW         string `json:"authPW"`
	WrapKB         string `json:"wrapKb"`
	AuthPWVersion2 string `json:"authPWVersion2"`
	WrapKBVersion2 string `json:"wrapKbVersion2"`
	ClientSalt     string `json:"clientSalt"`
}

// New is a password that is to be set, by versions of the stretching.
type New struct {
	V1, V2     Stretched
	ClientSalt string // of version 2
}

// Stretched is what a client derives from a password: a proof of it, and kB wrapped with it.
// Both are nil where a version is not there; WrapKB alone where the server makes it.
type Stretched struct{ AuthPW, WrapKB []byte }

// Decode checks the parameters. needsWrapKB says that wrapKb must be there.
func (c Credentials) Decode(needsWrapKB bool) (n New, err error) {
	if n.V1.AuthPW, err = api.Key("authPW", c.AuthPW); err != nil {
		return n, err
	}
	v2 := c.AuthPWVersion2 != "" || c.ClientSalt != "" || c.WrapKBVersion2 != ""
	if needsWrapKB || v2 || c.WrapKB != "" {
		if n.V1.WrapKB, err = api.Key("wrapKb", c.WrapKB); err != nil {
			return n, err
		}
	}
	if !v2 {
		return n, nil
	}
	if n.V2.AuthPW, err = api.Key("authPWVersion2", c.AuthPWVersion2); err != nil {
		return n, err
	}
	if n.V2.WrapKB, err = api.Key("wrapKbVersion2", c.WrapKBVersion2); err != nil {
		return n, err
	}
	if !onepw.ValidClientSalt(c.ClientSalt) {
		return n, fault.Invalid("clientSalt")
	}
	n.ClientSalt = c.ClientSalt
	return n, nil
}

// Wrapped is a kB as the stretched password wraps it, by versions of the stretching: nil
// where that one is not there, or was not shown.
type Wrapped struct{ V1, V2 []byte }

// Set fills in the stored fields of an account for a new password.
func (p *Passwords) Set(ctx context.Context, a *store.Account, n New) (kB Wrapped, err error) {
	if a.Salt, err = random.Bytes(p.Rand, 32); err != nil {
		return kB, err
	}
	a.Cost = p.Cost
	v, err := p.Verifier(ctx, a, n.V1.AuthPW)
	if err != nil {
		return kB, err
	}
	if n.V1.WrapKB == nil {
		// Version 1 leaves it to the server. kB is wrapKB xor a key that only the
		// client has, so the server does not know kB either way.
		if n.V1.WrapKB, err = random.Bytes(p.Rand, onepw.KeySize); err != nil {
			return kB, err
		}
	}
	a.V1 = store.Password{Hash: v.Hash, WrapWrapKB: v.Wrap(n.V1.WrapKB)}
	a.ClientSalt, a.V2 = n.ClientSalt, store.Password{}
	if n.V2.AuthPW != nil {
		v2, err := p.Verifier(ctx, a, n.V2.AuthPW)
		if err != nil {
			return kB, err
		}
		a.V2 = store.Password{Hash: v2.Hash, WrapWrapKB: v2.Wrap(n.V2.WrapKB)}
	}
	return Wrapped{n.V1.WrapKB, n.V2.WrapKB}, nil
}
