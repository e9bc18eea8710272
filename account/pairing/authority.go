package pairing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/pairing/internal/channel"
)

// allowed are the scopes that a device gets by pairing: sync, a session of its own, and to
// read the profile.
var allowed = []string{
	"https://identity.mozilla.com/apps/oldsync", "https://identity.mozilla.com/tokens/session",
	"profile", "profile:uid", "profile:email", "profile:display_name", "profile:avatar", "profile:locale",
}

// Authority is the side of a pairing that is signed in.
type Authority struct {
	connection
	// URL is what the code that the user shows contains. It is secret until the pairing ends:
	// who has it can ask to join, and read what the other device asks.
	URL string

	a       *account.Account
	name    string
	request *account.CodeRequest // set by Wait
}

// Show begins a pairing, with a code for one other device. Of cfg, the Transport, the
// randomness and the UserAgent are used; name is the name of this device, which the other one
// is told with the account's address. The caller must call Close.
func Show(ctx context.Context, cfg account.Config, a *account.Account, name string) (*Authority, error) {
	cfg.Server = a.Session().Server
	c, err := account.New(cfg)
	if err != nil {
		return nil, err
	}
	r, err := relay(ctx, &cfg, c)
	if err != nil {
		return nil, err
	}
	ch, err := channel.Create(ctx, r)
	if err != nil {
		return nil, err
	}
	return &Authority{connection: connection{ch}, URL: address(c.Server(), ch), a: a, name: name}, nil
}

// Wait waits for the device that read the code. Ask the user whether it may join the account:
// it could be another one that saw the code.
func (p *Authority) Wait(ctx context.Context) (Peer, error) {
	var in account.CodeRequest
	from, err := p.receive(ctx, messageRequest, &in)
	if err != nil {
		return Peer{}, err
	}
	scopes := strings.Fields(in.Scope)
	if len(scopes) == 0 {
		return Peer{}, errors.New("the other device does not say what it asks for")
	}
	for _, scope := range scopes {
		if !slices.Contains(allowed, scope) {
			return Peer{}, fmt.Errorf("the other device asks for %.100q, which pairing does not give", scope)
		}
	}
	err = p.ch.Send(ctx, messageMetadata, metadata{Email: p.a.Session().Email, DeviceName: p.name})
	if err != nil {
		return Peer{}, err
	}
	p.request = &in
	return Peer{UserAgent: cut(from.UserAgent), Address: cut(from.Address)}, nil
}

// Allow waits until the other device's user has confirmed too, lets it in, and ends the
// pairing. It is for once, after [Authority.Wait]. The error is, among others, [ErrEnded].
func (p *Authority) Allow(ctx context.Context) error {
	if p.request == nil {
		return errors.New("no other device has asked to join")
	}
	in := *p.request
	p.request = nil
	if _, err := p.receive(ctx, messageAccept, nil); err != nil {
		return err
	}
	code, err := p.a.AuthorizeCode(ctx, in)
	if err != nil {
		return err
	}
	if err := p.ch.Send(ctx, messageAuthorize, grant{Code: code, State: in.State}); err != nil {
		return err
	}
	p.Close(ctx)
	return nil
}

// Close ends the pairing; an unfinished one is declined. It may be called at any time, and more
// than once.
func (p *Authority) Close(ctx context.Context) { p.ch.Close(ctx) }
