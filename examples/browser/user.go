package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/account/pairing"
)

func (b *browser) logout(ctx context.Context, _ []string) error {
	a, err := b.account()
	if err != nil {
		return err
	}
	// Also where the server could not be told, the device is signed out here.
	return b.online(ctx, a, func(m *syncmanager.Manager) error {
		return errors.Join(m.SignOut(ctx), b.session.Remove())
	})
}

func (b *browser) whoami(ctx context.Context, _ []string) error {
	a, err := b.account()
	if err != nil {
		return err
	}
	session, err := a.CheckSession(ctx)
	if err != nil {
		return err
	}
	b.printf("%s, the session is %s", a.Session().Email, session.State)
	if session.State != account.SessionActive {
		return session.Reason
	}
	p, err := a.Profile(ctx, false)
	if err != nil {
		return err
	}
	b.printf("name %q, picture %s", p.DisplayName, p.Picture)
	b.printf("manage the account at %s", a.ManageAccountURL("whoami"))
	return nil
}

func (b *browser) devices(ctx context.Context, _ []string) error {
	a, err := b.account()
	if err != nil {
		return err
	}
	devices, err := a.Devices(ctx)
	for _, d := range devices {
		current := ""
		if d.Current {
			current = " (this one)"
		}
		b.printf("%s, %s%s", d.Name, d.Type, current)
	}
	return err
}

// pair lets a device in that reads the code. An app with a window shows a QR code.
func (b *browser) pair(ctx context.Context, _ []string) error {
	a, err := b.account()
	if err != nil {
		return err
	}
	p, err := pairing.Show(ctx, b.config(a.Session().Server), a, b.deviceName())
	if err != nil {
		return err
	}
	defer p.Close(ctx)
	b.printf("%s", p.URL)
	peer, err := p.Wait(ctx)
	if err != nil {
		return err
	}
	if err := b.confirm(fmt.Sprintf("let %q at %s join?", peer.UserAgent, peer.Address)); err != nil {
		return err
	}
	return p.Allow(ctx)
}

// join signs in with a code, whose address is secret.
func (b *browser) join(ctx context.Context, _ []string) error {
	code, err := b.askSecret("the address in the code")
	if err != nil {
		return err
	}
	server, err := pairing.Server(code)
	if err != nil {
		return err
	}
	return b.signIn(ctx, server, func(*account.Client) (*account.Account, error) {
		p, err := pairing.Join(ctx, b.config(server), code)
		if err != nil {
			return nil, err
		}
		defer p.Close(ctx)
		if err := b.confirm(fmt.Sprintf("join the account of %q, shown on %q?", p.Peer.Email, p.Peer.DeviceName)); err != nil {
			return nil, err
		}
		return p.Accept(ctx)
	})
}

// confirm returns an error unless the user says yes.
func (b *browser) confirm(question string) error {
	answer, err := b.ask(question + " yes or no")
	if err == nil && answer != "yes" {
		err = fmt.Errorf("nothing was done: you did not say yes")
	}
	return err
}
