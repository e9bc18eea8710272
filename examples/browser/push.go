package main

import (
	"context"
	"io"

	"github.com/syncmanager/syncmanager"
)

var pushCommands = []command{
	{"push subscribe", "ENDPOINT", "have push messages sent to the system's push service", (*browser).subscribe},
	{"push handle", "", "act on a push message, which is read from the input", (*browser).handlePush},
}

// subscribe is for a system with a push service, which gives the app the URL of an endpoint.
func (b *browser) subscribe(ctx context.Context, args []string) error {
	a, err := b.account()
	if err != nil {
		return err
	}
	return a.SetPushSubscription(ctx, args[0])
}

// handlePush is what the app does when the push service wakes it with a message.
func (b *browser) handlePush(ctx context.Context, _ []string) error {
	body, err := io.ReadAll(io.LimitReader(b.in, 8<<10))
	if err != nil {
		return err
	}
	a, err := b.account()
	if err != nil {
		return err
	}
	return b.online(ctx, a, func(m *syncmanager.Manager) error {
		p, err := m.HandlePush(ctx, body)
		if err != nil {
			return err
		}
		b.printf("%s", p.Command)
		if p.Result != nil {
			return b.report(*p.Result)
		}
		return nil
	})
}
