package profile

import (
	"context"
	"errors"

	"github.com/syncmanager/syncmanager/account/pairing"
)

// ShowPairing begins a pairing with the account, for one other device that reads the code. The
// caller must close it.
func (p *Profile) ShowPairing(ctx context.Context) (*pairing.Authority, error) {
	a, err := p.signedIn()
	if err != nil {
		return nil, err
	}
	if p.Account().isLocal() {
		return nil, errors.New("the account is on this device alone, which others cannot reach; join an account on a server with 'syncmanager login'")
	}
	return pairing.Show(ctx, p.clientConfig("", p.config.Transport), a, p.DeviceName())
}
