package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/serve"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/server/admin"
	"github.com/syncmanager/syncmanager/server/move"
)

func (o *operator) moveCommand() *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use:   "move --from PLACE --to PLACE",
		Short: "Move a whole server between a data folder and PostgreSQL",
		Long: `Move a whole server between its data folder and a PostgreSQL database, either way:
accounts, tokens, secrets, and the records of all users with all their times, so that
devices go on as if nothing had happened. A PLACE is a folder, or a database like
postgres://USER@HOST/NAME; the word "database" stands for that of $` + serve.EnvDatabase + `.

A server that runs on the folder takes no writes meanwhile: it answers them with 503, and
reads go on. Servers on a database must be stopped. Nothing is changed at the old place.
The new place must be empty. A move that was interrupted is begun again by the same command,
and goes on; until then no server starts at the new place. Certificates stay where they are.`,
		Args: cobra.NoArgs,
		RunE: o.do(func(c *cobra.Command, _ []string) error {
			places := [2]move.Place{}
			for i, flag := range []struct{ name, value string }{{"--from", from}, {"--to", to}} {
				p, err := o.place(flag.name, flag.value)
				if err != nil {
					return err
				}
				places[i] = p
			}
			return o.move(c.Context(), places[0], places[1])
		}),
	}
	c.Flags().StringVar(&from, "from", "", "the `PLACE` where the server is")
	c.Flags().StringVar(&to, "to", "", "the `PLACE` where it is to be")
	_ = c.MarkFlagRequired("from")
	_ = c.MarkFlagRequired("to")
	return c
}

// place reads a place: a folder, or a database.
func (o *operator) place(flag, text string) (p move.Place, err error) {
	switch {
	case text == "":
		return p, usage.Errorf("%s must name a folder or a database", flag)
	case text == "database":
		if p.Database = o.getenv(serve.EnvDatabase); p.Database == "" {
			return p, usage.Errorf("%s: $%s names no database", flag, serve.EnvDatabase)
		}
		return p, nil
	case strings.HasPrefix(text, "postgres://"), strings.HasPrefix(text, "postgresql://"):
		p.Database = text
		return p, serve.CheckNoPassword(flag, text)
	case strings.Contains(text, "://"):
		return p, usage.Errorf("%s: %q is neither a folder nor a PostgreSQL database", flag, text)
	}
	p.Dir, err = filepath.Abs(text)
	return p, err
}

// unlock ends a lock of a data folder.
type unlock func() error

// lockDir keeps servers from a data folder. A folder that is not there has none.
func lockDir(dir string) (unlock, error) {
	if _, err := os.Stat(dir); dir == "" || errors.Is(err, os.ErrNotExist) {
		return func() error { return nil }, nil
	}
	release, err := dirlock.Acquire(dir, "lock")
	if errors.Is(err, dirlock.ErrLocked) {
		return nil, fmt.Errorf("another program uses the data in %s", dir)
	}
	return release, err
}

func (o *operator) move(ctx context.Context, from, to move.Place) (err error) {
	for _, p := range []move.Place{from, to} {
		if err := move.CheckUnused(ctx, p); err != nil {
			return err
		}
	}
	if to.Dir != "" {
		if err := os.MkdirAll(to.Dir, 0o700); err != nil {
			return err
		}
	}
	unlockTo, err := lockDir(to.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlockTo()) }()
	cfg := move.Config{From: from, To: to, Now: time.Now}
	progress := o.NewProgress()
	cfg.Progress = func(done, all int) { progress.Say("users", fmt.Sprintf("%d of %s", done, plural(all, "user"))) }
	frozen, release, err := hold(ctx, from.Dir)
	if err != nil {
		return err
	}
	moved := false
	defer func() { err = errors.Join(err, release(moved)) }()
	if frozen != nil {
		cfg.Unchanged = frozen.check
	}
	r, err := move.Run(ctx, cfg)
	progress.Done()
	if err != nil {
		return err
	}
	moved = true
	return o.reportMove(r, frozen != nil)
}

// hold keeps servers from writes to a data folder: the one that runs on it, which is frozen, or any that
// would start. release ends that, and says whether the server was moved.
func hold(ctx context.Context, dir string) (frozen *freeze, release func(moved bool) error, err error) {
	if dir == "" {
		return nil, func(bool) error { return nil }, nil
	}
	running, err := admin.Dial(ctx, dir)
	switch {
	case err == nil:
		if frozen, err = startFreeze(ctx, running); err != nil {
			return nil, nil, err
		}
		return frozen, func(moved bool) error { frozen.end(moved); return nil }, nil
	case errors.Is(err, admin.ErrNotRunning):
		unlock, err := lockDir(dir)
		return nil, func(bool) error { return unlock() }, err
	}
	return nil, nil, err
}

func (o *operator) reportMove(r move.Report, running bool) (err error) {
	for _, f := range r.Failed {
		o.complain(fmt.Errorf("storage %d: %s", f.Storage, f.Error))
	}
	if o.JSON {
		err = o.PrintJSON(r)
	} else {
		err = o.Print("%s with %s (%s) moved, and %s of accounts, tokens and messages.", plural(r.Users-len(r.Failed), "user"), plural(int(r.Records), "record"), usage.FormatSize(r.Bytes), plural(int(r.Rows), "row"))
		if running {
			o.Note("Stop the old server now, which takes no writes any more, and start one at the new place.")
		}
	}
	if err == nil && len(r.Failed) > 0 {
		err = &reportedError{syncmanager.StatusPartial}
	}
	return err
}

// freeze keeps a running server from writes. If this process is killed, the server takes them again a minute later.
type freeze struct {
	server *admin.Client
	stop   context.CancelFunc
	ended  chan struct{}
	lost   atomic.Bool
}

const (
	freezeLife  = time.Minute
	freezeRenew = 15 * time.Second
	// freezeMoved is how long a server takes no writes after it was moved: its operator stops it.
	freezeMoved = 7 * 24 * time.Hour
)

// errThawed means that writes may have been taken while a server was moved.
var errThawed = errors.New("the server took writes meanwhile: run this again, which copies what has changed")

func startFreeze(ctx context.Context, server *admin.Client) (*freeze, error) {
	if _, err := server.SetReadOnly(ctx, freezeLife); err != nil {
		return nil, fmt.Errorf("the running server cannot be kept from writes; stop it first: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	f := &freeze{server: server, stop: cancel, ended: make(chan struct{})}
	go func() {
		defer close(f.ended)
		ticker := time.NewTicker(freezeRenew)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
				f.renew(ctx)
			}
		}
	}()
	return f, nil
}

func (f *freeze) renew(ctx context.Context) {
	if kept, err := f.server.SetReadOnly(ctx, freezeLife); ctx.Err() == nil && (err != nil || !kept) {
		f.lost.Store(true)
	}
}

// check fails if the server may have taken writes since the freeze began.
func (f *freeze) check(ctx context.Context) error {
	if f.renew(ctx); f.lost.Load() {
		return errThawed
	}
	return ctx.Err()
}

// end lets the server write again, unless it was moved.
func (f *freeze) end(moved bool) {
	f.stop()
	<-f.ended
	life := time.Duration(0)
	if moved {
		life = freezeMoved
	}
	ctx, cancel := context.WithTimeout(context.Background(), freezeRenew)
	defer cancel()
	_, _ = f.server.SetReadOnly(ctx, life) // it ends by itself too
}
