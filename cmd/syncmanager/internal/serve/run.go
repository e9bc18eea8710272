package serve

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

// Env is what a server takes from the process that starts it.
type Env struct {
	*term.Console
	Getenv func(string) string
	Now    func() time.Time
	// Version is the version of the program.
	Version string
}

// closeTimeout bounds the wait for what still uses the files of a server that stopped.
const closeTimeout = 5 * time.Second

// Run runs a server until ctx ends.
func Run(ctx context.Context, env Env, o Options) (err error) {
	cfg, err := o.serverConfig(env)
	if err != nil {
		return err
	}
	plain, err := listen(ctx, o.addr, o.socketMode)
	if err != nil {
		return err
	}
	// Server.Serve closes it too; this is for the returns before.
	defer func() { _ = plain.Close() }()
	if err := o.setPublicURL(&cfg, plain.Addr()); err != nil {
		return err
	}
	l := listeners{log: cfg.Log}
	defer l.close()
	if err := l.prepare(ctx, o, cfg); err != nil {
		return err
	}
	stopTraces, err := o.trace(ctx, &cfg, env)
	if err != nil {
		return err
	}
	defer stopTraces()
	s, err := server.New(ctx, cfg)
	if errors.Is(err, dirlock.ErrLocked) {
		return fmt.Errorf("another server is using the data in %s; stop it, or choose another folder with --data", o.dir)
	}
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err = errors.Join(err, s.Close(closing))
	}()
	l.open(ctx, s, cfg, plain)
	invitation, err := firstInvitation(ctx, s, cfg)
	if err != nil {
		return err
	}
	if err := announce(ctx, env.Console, cfg, o, plain.Addr().String(), invitation); err != nil {
		return err
	}
	return l.serve(ctx)
}

// The invitation that a server without accounts prints is good for firstLife, and is
// known to later starts by firstNote.
const (
	firstLife = 24 * time.Hour
	firstNote = "the first account"
)

// firstInvitation makes the invitation for the first account of a server where
// sign-up is by invitation, and revokes those that earlier starts printed. It returns
// "" if there is an account.
func firstInvitation(ctx context.Context, s *server.Server, cfg server.Config) (string, error) {
	if cfg.External != nil || cfg.Node != nil || cfg.SignUp != accounts.SignUpInvite {
		return "", nil
	}
	if any, err := s.AnyUser(ctx); any || err != nil {
		return "", err
	}
	earlier, err := s.Invitations(ctx)
	if err != nil {
		return "", err
	}
	for _, i := range earlier {
		if i.Note != firstNote {
			continue
		}
		// It may have been used or have expired meanwhile.
		if err := s.RevokeInvitation(ctx, i.ID); err != nil && !errors.Is(err, accounts.ErrNoInvitation) {
			return "", err
		}
	}
	code, _, err := s.Invite(ctx, firstNote, firstLife)
	return code, err
}
