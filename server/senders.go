package server

import (
	"context"

	"github.com/syncmanager/syncmanager/server/mail"
	"github.com/syncmanager/syncmanager/server/outbox"
	"github.com/syncmanager/syncmanager/server/push"
)

// openSenders starts what sends e-mails and push messages, if the server is to send any. opened is
// closed when the accounts are open.
func (s *Server) openSenders(ctx context.Context, keys keys, opened <-chan struct{}) (err error) {
	if s.cfg.Push == nil && s.cfg.Mail == nil {
		return nil
	}
	s.outbox, err = outbox.Open(ctx, outbox.Place{Database: s.cfg.Database, Dir: s.cfg.Dir, Key: keys.outbox, Rand: s.cfg.Rand, Telemetry: s.telemetry})
	if err != nil {
		return err
	}
	if p := s.cfg.Push; p != nil {
		s.push, err = push.New(push.Config{
			Secret: keys.push, Subject: s.names.Canonical().String(), Hosts: p.Hosts, Transport: p.Transport,
			Expired: func(ctx context.Context, m push.Message) {
				select {
				case <-opened: // a message that an earlier process left may be sent before that
					s.accounts.PushExpired(context.WithoutCancel(ctx), m)
				case <-ctx.Done():
				}
			},
			Queue: s.outbox, Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log,
		})
		if err != nil {
			return err
		}
	}
	if m := s.cfg.Mail; m != nil {
		s.mail, err = mail.New(mail.Config{
			Host: m.Host, Password: m.Password, From: m.From, Hello: s.names.Canonical().Hostname(),
			Queue: s.outbox, Now: s.cfg.Now, Rand: s.cfg.Rand, Log: s.cfg.Log,
		})
	}
	return err
}
