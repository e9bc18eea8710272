package pairing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/pairing/internal/channel"
)

// Supplicant is the side of a pairing that joins.
type Supplicant struct {
	connection
	// Peer is the device that shows the code, with the account to join.
	Peer Peer

	signIn *account.CodeSignIn
}

// Join begins to join the account whose device shows the code that contains address. If
// cfg.Server is set, the code must be of that server; it is the server of the code otherwise.
// The error is, among others, [ErrURL], [ErrGone] or [ErrEnded]. The caller must call Close.
func Join(ctx context.Context, cfg account.Config, address string) (*Supplicant, error) {
	server, id, key, err := parse(address)
	if err != nil {
		return nil, err
	}
	if cfg.Server != "" && origin(account.ServerURL(cfg.Server)) != origin(server) {
		return nil, fmt.Errorf("%w of %s: it is of %s", ErrURL, account.ServerURL(cfg.Server), server)
	}
	cfg.Server = cmp.Or(cfg.Server, server)
	c, err := account.New(cfg)
	if err != nil {
		return nil, err
	}
	r, err := relay(ctx, &cfg, c)
	if err != nil {
		return nil, err
	}
	signIn, err := c.CodeSignIn(ctx)
	if err != nil {
		return nil, err
	}
	ch, err := channel.Join(ctx, r, id, key)
	if err != nil {
		return nil, err
	}
	p := &Supplicant{connection: connection{ch}, signIn: signIn}
	if err := p.introduce(ctx); err != nil {
		p.Close(ctx)
		return nil, err
	}
	return p, nil
}

// introduce asks for a code, and reads whose account it is.
func (p *Supplicant) introduce(ctx context.Context) error {
	if err := p.ch.Send(ctx, messageRequest, p.signIn.Request()); err != nil {
		return ended(err)
	}
	var in metadata
	from, err := p.receive(ctx, messageMetadata, &in)
	if err != nil {
		return err
	}
	if in.Email == "" || len(in.Email) > maxText {
		return errors.New("the other device does not say which account to join")
	}
	p.Peer = Peer{Email: in.Email, DeviceName: cut(in.DeviceName), UserAgent: cut(from.UserAgent), Address: cut(from.Address)}
	p.signIn.Email = in.Email
	return nil
}

// Accept confirms, waits until the user of the other device has confirmed too, and signs in to
// the account. It is for once. The error is, among others, [ErrEnded], or
// [account.ErrOtherAccount] if the account is not [Supplicant.Peer]'s.
func (p *Supplicant) Accept(ctx context.Context) (*account.Account, error) {
	if err := p.ch.Send(ctx, messageAccept, nil); err != nil {
		return nil, ended(err)
	}
	var in grant
	if _, err := p.receive(ctx, messageAuthorize, &in); err != nil {
		return nil, err
	}
	a, err := p.signIn.Finish(ctx, in.Code, in.State)
	if err != nil {
		return nil, err
	}
	// Firefox's page is told only now and then how far this side is, and takes a closed
	// channel for a failure before it has finished.
	wait, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	_, _ = p.ch.Receive(wait)
	return a, nil
}

// Close ends the pairing; an unfinished one is declined. It may be called at any time, and more
// than once.
func (p *Supplicant) Close(ctx context.Context) { p.ch.Close(ctx) }

func ended(err error) error {
	if errors.Is(err, channel.ErrClosed) {
		return ErrEnded
	}
	return err
}

// origin is the scheme and the host of a URL.
func origin(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	return strings.ToLower(scheme + "://" + host)
}
