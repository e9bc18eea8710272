package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/serve"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/admin"
	nodeproto "github.com/syncmanager/syncmanager/server/node"
)

func (a *app) serverCommand() *cobra.Command {
	o := &operator{app: a}
	c := &cobra.Command{
		Use:   "server",
		Short: "Manage a server: its users, invitations and backups",
		Long: `Manage a server of this machine: its users, invitations and backups. The server is
found by its data folder, and may be running or stopped. Run this as the user that
'syncmanager serve' runs as.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.PersistentFlags().StringVar(&o.dir, "data", "", "the folder `DIR` has the server's data")
	_ = c.MarkPersistentFlagDirname("data")
	c.AddCommand(o.healthCommand(), o.userCommand(), o.inviteCommand(), o.backupCommand(), o.restoreCommand(), o.verifyCommand(),
		o.checkCommand(), o.repairCommand(), o.restoredCommand(), o.importCommand(), o.quotaCommand(), o.compactCommand(), o.nodeCommand(), o.moveCommand(), o.adminCommand())
	return c
}

// operator is an [app] that manages a server.
type operator struct {
	*app
	dir string
}

// on returns a RunE that runs work on the running server, or on its data folder if it is
// stopped.
func (o *operator) on(work func(context.Context, admin.Admin, []string) error) func(*cobra.Command, []string) error {
	return o.do(func(c *cobra.Command, args []string) error {
		return o.with(c.Context(), func(ctx context.Context, s admin.Admin) error { return work(ctx, s, args) })
	})
}

// with runs work on the running server, or on its data folder if it is stopped.
func (o *operator) with(ctx context.Context, work func(context.Context, admin.Admin) error) (err error) {
	if o.dir, err = serve.DataDir(o.dir, o.getenv); err != nil {
		return err
	}
	running, err := admin.Dial(ctx, o.dir)
	if err == nil {
		return work(ctx, running)
	}
	if !errors.Is(err, admin.ErrNotRunning) {
		return err
	}
	s, err := o.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()
	return work(ctx, s)
}

// open opens the data folder of a stopped server.
func (o *operator) open(ctx context.Context) (*server.Server, error) {
	node, err := o.node()
	if err != nil {
		return nil, err
	}
	database := ""
	if server.UsesDatabase(o.dir) {
		if database = o.getenv(serve.EnvDatabase); database == "" {
			return nil, fmt.Errorf("the data of the server of %s is in PostgreSQL: start the server, or name its database in $%s", o.dir, serve.EnvDatabase)
		}
	} else if node == nil && !o.has("token-secret") { // server.New would turn a folder that was given by mistake into a server's
		return nil, fmt.Errorf("no server data found in %s: name its folder with --data", o.dir)
	}
	cfg := server.Config{
		// The server answers no requests, so that this URL is not used.
		Dir: o.dir, Database: database, PublicURL: "http://stopped.invalid", Version: buildInfo().Version, Now: time.Now, Rand: rand.Reader,
	}
	switch {
	case node != nil:
		cfg.Node, cfg.PublicURL = node, node.URL
	case database == "" && !o.has("accounts.sqlite"):
		// The accounts are on another server, which is not contacted.
		cfg.External = &server.External{URL: "https://stopped.invalid"}
	}
	if cfg.Log, err = serve.Log(&o.Console, ""); err != nil {
		return nil, err
	}
	s, err := server.New(ctx, cfg)
	if errors.Is(err, dirlock.ErrLocked) {
		return nil, fmt.Errorf("another program uses the data in %s; if it is a server that is starting, try again", o.dir)
	}
	return s, err
}

// node returns the settings of the storage node that the data folder belongs to, or nil. It answers no
// requests, so that its secret is not needed, and is one that nobody has.
func (o *operator) node() (*server.Node, error) {
	url, err := nodeproto.Folder(o.dir)
	if url == "" || err != nil {
		return nil, err
	}
	secret := make([]byte, sha256.Size)
	_, err = rand.Read(secret)
	return &server.Node{URL: url, Secret: secret}, err
}

// has reports whether the data folder holds a file.
func (o *operator) has(name string) bool {
	_, err := os.Stat(filepath.Join(o.dir, name))
	return !errors.Is(err, fs.ErrNotExist)
}

// healthTimeout bounds the wait for the answer of a server that is not healthy.
const healthTimeout = 10 * time.Second

func (o *operator) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Check whether the running server works",
		Long: `Check whether the running server works. The exit code is 0 if it does, and 1 if it
does not or is not running, as a container's health check needs it. Over HTTP, GET
/__heartbeat__ does the same.`,
		Args: cobra.NoArgs,
		RunE: o.do(func(c *cobra.Command, _ []string) (err error) {
			if o.dir, err = serve.DataDir(o.dir, o.getenv); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), healthTimeout)
			defer cancel()
			running, err := admin.Dial(ctx, o.dir)
			if err != nil {
				return err
			}
			h, err := running.Health(ctx)
			if err != nil {
				return err
			}
			if o.JSON {
				err = o.PrintJSON(h)
			} else {
				for _, name := range slices.Sorted(maps.Keys(h.Checks)) {
					err = errors.Join(err, o.Print("%s: %s", name, h.Checks[name]))
				}
			}
			if err == nil && !h.OK {
				err = errors.New("the server does not work: see its log")
			}
			return err
		}),
	}
}

func (o *operator) quotaCommand() *cobra.Command {
	var quota *int64
	return &cobra.Command{
		Use:   "quota SIZE|none|default",
		Short: "Limit what each user without a quota may store",
		Long: `Limit what each user may store who has no quota of their own, to a SIZE like 500MB or
2GB; none means no limit, and default means that of 'serve --quota'. The limit applies
at once, and overrides 'serve --quota' also after a restart.`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(_ *cobra.Command, args []string) (err error) {
			quota, err = serve.ParseQuota(args[0])
			return err
		},
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			if err := s.SetDefaultQuota(ctx, quota); err != nil {
				return err
			}
			if o.JSON {
				return o.PrintJSON(map[string]string{"quota": args[0]})
			}
			o.Note("The quota of users without one of their own is now %s.", args[0])
			return nil
		}),
	}
}

func (o *operator) compactCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "compact [USER…]",
		Short: "Free the disk space of deleted records",
		Long: `Free the disk space of records that were deleted, for all users or for those named.
The server may be running; the devices of a user wait while that user's file is
rewritten. This temporarily needs free space for the largest file. Users on storage
nodes are included.`,
		RunE: o.on(o.compact),
	}
}

// compact frees the disk space of some users, or of all.
func (o *operator) compact(ctx context.Context, s admin.Admin, users []string) (err error) {
	var before, after int64
	var failed int
	if len(users) == 0 {
		if users, failed, err = o.storedUsers(ctx, s); err != nil {
			return err
		}
	}
	for _, who := range users {
		c, err := s.Compact(ctx, who)
		if err != nil {
			if len(users) == 1 && failed == 0 || ctx.Err() != nil {
				return errors.Join(err, ctx.Err())
			}
			failed++
			o.complain(err)
			continue
		}
		before, after = before+c.Before, after+c.After
	}
	if o.JSON {
		err = o.PrintJSON(struct {
			Users  int   `json:"users"`
			Failed int   `json:"failed"`
			Before int64 `json:"before"`
			After  int64 `json:"after"`
		}{len(users), failed, before, after})
	} else {
		err = o.Print("%s: %s before, %s now.", plural(len(users), "user"), usage.FormatSize(before), usage.FormatSize(after))
	}
	if err == nil && failed > 0 {
		err = &reportedError{syncmanager.StatusPartial}
	}
	return err
}

// storedUsers returns the users who store anything, as [server.Server.Compact] names them. It counts those on nodes
// that do not answer, and names the nodes.
func (o *operator) storedUsers(ctx context.Context, s admin.Admin) (users []string, away int, err error) {
	all, err := s.Users(ctx)
	for _, u := range all {
		switch {
		case u.Away:
			away++
		case u.Storage != 0 && u.UID == "":
			users = append(users, userName(u))
		case u.Storage != 0:
			users = append(users, u.UID)
		}
	}
	o.awayNodes(all)
	return users, away, err
}
