package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/admin"
)

func (a *app) serverCommand() *cobra.Command {
	o := &operator{app: a}
	c := &cobra.Command{
		Use:   "server",
		Short: "Look after a server: its users, invitations and backups",
		Long: `Look after a server that 'syncmanager serve' runs on this machine, or ran: its
users, invitations and backups. It is found by its data folder, and need not be
stopped. Be the user that the server runs as.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&o.dir, "data", "", "the server's data is in the folder `DIR`")
	_ = c.MarkPersistentFlagDirname("data")
	c.AddCommand(o.healthCommand(), o.userCommand(), o.inviteCommand(), o.backupCommand(), o.restoreCommand(), o.verifyCommand(),
		o.checkCommand(), o.repairCommand(), o.quotaCommand(), o.compactCommand())
	return c
}

// operator is whoever runs 'syncmanager server'.
type operator struct {
	*app
	dir string
}

// on runs work on the running server, or else on the data folder itself.
func (o *operator) on(work func(context.Context, admin.Admin, []string) error) func(*cobra.Command, []string) error {
	return o.do(func(c *cobra.Command, args []string) (err error) {
		ctx := c.Context()
		if o.dir, err = o.dataFolder(o.dir); err != nil {
			return err
		}
		running, err := admin.Dial(ctx, o.dir)
		if err == nil {
			return work(ctx, running, args)
		}
		if !errors.Is(err, admin.ErrNotRunning) {
			return err
		}
		s, err := o.open(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()
		return work(ctx, s, args)
	})
}

// open opens the data folder of a server that does not run.
func (o *operator) open(ctx context.Context) (*server.Server, error) {
	// A folder given by mistake must not become a server's.
	if !o.has("token-secret") {
		return nil, fmt.Errorf("no server data found in %s: name its folder with --data", o.dir)
	}
	cfg := server.Config{
		// It answers no requests, so nobody sees the address.
		Dir: o.dir, PublicURL: "http://stopped.invalid", Version: buildInfo().Version, Now: time.Now, Rand: rand.Reader,
	}
	if !o.has("accounts.sqlite") {
		// The accounts are another server's, which is not asked.
		cfg.External = &server.External{URL: "https://stopped.invalid"}
	}
	var err error
	if cfg.Log, err = o.serverLog(""); err != nil {
		return nil, err
	}
	s, err := server.New(ctx, cfg)
	if errors.Is(err, dirlock.ErrLocked) {
		return nil, fmt.Errorf("a program uses the data in %s and takes no orders; if it is a server, try again when it has started", o.dir)
	}
	return s, err
}

// has reports whether the data folder holds a file.
func (o *operator) has(name string) bool {
	_, err := os.Stat(filepath.Join(o.dir, name))
	return !errors.Is(err, fs.ErrNotExist)
}

func (o *operator) inviteCommand() *cobra.Command {
	var note string
	var days int
	c := &cobra.Command{
		Use:   "invite",
		Short: "Make an invitation, with which one person can sign up",
		Long: `Make an invitation, with which one person can sign up on a server that runs
with --sign-up invite. The code is shown this once.`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if days < 1 || days > 3650 {
				return errors.New("--days must be from 1 to 3650")
			}
			return nil
		},
		RunE: o.on(func(ctx context.Context, s admin.Admin, _ []string) error {
			code, expires, err := s.Invite(ctx, note, time.Duration(days)*24*time.Hour)
			if err != nil {
				return err
			}
			if o.json {
				return o.printJSON(struct {
					Code    string    `json:"code"`
					Expires time.Time `json:"expires"`
				}{code, expires.UTC()})
			}
			o.note("Good for one account until %s:", expires.Local().Format(time.DateOnly))
			return o.print("%s", code)
		}),
	}
	c.AddCommand(o.inviteListCommand(), o.inviteRevokeCommand())
	c.Flags().StringVar(&note, "note", "", "for whom it is, in `WORDS` of yours")
	c.Flags().IntVar(&days, "days", 7, "it is good for so many `DAYS`")
	return c
}
