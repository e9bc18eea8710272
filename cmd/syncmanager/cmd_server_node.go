package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/admin"
	nodeproto "github.com/syncmanager/syncmanager/server/node"
)

func (o *operator) nodeCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "node",
		Short: "Spread the users' records over several servers, the storage nodes",
		Long: `Spread the users' records over several servers, the storage nodes. The server itself has
the accounts and gives out the tokens; a new user's records go to the node with the
most free capacity. The server's own storage is a node too, named "` + server.Self + `", which
takes no new users unless it is added with a capacity.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(o.nodeAddCommand(), o.nodeListCommand(), o.nodeDrainCommand(), o.nodeRmCommand())
	return c
}

func (o *operator) nodeAddCommand() *cobra.Command {
	var capacity int64
	var path string
	c := &cobra.Command{
		Use:   "add URL",
		Short: "Add a storage node, or change the capacity of one",
		Long: `Add a storage node, or change the capacity of one. The node's secret is written to a file;
bring it to the node's machine, and start the node with it:

  syncmanager serve --node-secret FILE --public-url URL --data DIR

Whoever has the file can read and change the records of the node's users.`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(c *cobra.Command, _ []string) error {
			if !c.Flags().Changed("capacity") {
				capacity = server.KeepCapacity
			} else if capacity < 0 || capacity > server.MaxCapacity {
				return fmt.Errorf("--capacity must be from 0 to %d", server.MaxCapacity)
			}
			return nil
		},
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			secret, has, err := s.AddNode(ctx, args[0], capacity)
			if err != nil {
				return err
			}
			if args[0] == server.Self {
				path = ""
			} else if path, err = o.writeNodeSecret(path, args[0], secret); err != nil {
				return err
			}
			if o.JSON {
				return o.PrintJSON(struct {
					URL      string `json:"url"`
					Capacity int64  `json:"capacity"`
					Secret   string `json:"secret_file,omitempty"`
				}{args[0], has, path})
			}
			o.Note("%s takes up to %s.", args[0], plural(int(has), "user"))
			if path != "" {
				o.Note("The secret that it is started with, by 'serve --node-secret FILE', is in")
				return o.Print("%s", path)
			}
			return nil
		}),
	}
	c.Flags().Int64Var(&capacity, "capacity", server.DefaultCapacity, "give the node at most `N` users; without it a known node keeps what it has")
	c.Flags().StringVar(&path, "secret", "", "write the node's secret to `FILE`; by default node-HOST.secret in the server's data folder")
	_ = c.MarkFlagFilename("secret")
	return c
}

// writeNodeSecret writes a node's secret to the file at path, and returns the path. A file that has the same secret
// stays.
func (o *operator) writeNodeSecret(path, nodeURL string, secret []byte) (string, error) {
	u, err := server.ParsePublicURL(nodeURL)
	if err != nil {
		return "", err
	}
	if path == "" {
		path = filepath.Join(o.dir, "node-"+fileName(u)+".secret")
	}
	content := nodeproto.FormatSecret(u.String(), secret)
	if have, err := os.ReadFile(path); err == nil && string(have) == string(content) {
		return path, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("%s is there already, with something else in it: name another file with --secret", path)
	}
	if err != nil {
		return "", fmt.Errorf("the node is added, and its secret cannot be written: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("the node is added, and its secret cannot be written: %w", errors.Join(err, os.Remove(path)))
	}
	return path, nil
}

// fileName is the host, port and path of a URL as a part of a file's name.
func fileName(u *url.URL) string {
	return strings.Map(func(c rune) rune {
		if strings.ContainsRune("/:[]", c) {
			return '-'
		}
		return c
	}, u.Host+u.Path)
}

func (o *operator) nodeListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the storage nodes: their users, capacity and state",
		Long: `List the storage nodes, after each was asked whether it is well: up, draining (its users
are moved to others, and it gets no more), or down (it does not answer).`,
		Args: cobra.NoArgs,
		RunE: o.on(func(ctx context.Context, s admin.Admin, _ []string) error {
			all, err := s.Nodes(ctx)
			if err != nil {
				return err
			}
			if o.JSON {
				return o.PrintJSON(all)
			}
			if len(all) == 0 {
				o.Note("No nodes: this server has all records; 'syncmanager server node add' adds one.")
				return nil
			}
			t := term.Table{Head: []string{"URL", "CAPACITY", "USERS", "STATE"}, Width: o.Width()}
			for _, n := range all {
				t.Add(n.URL, strconv.FormatInt(n.Capacity, 10), strconv.FormatInt(n.Users, 10), n.State)
			}
			if err := t.Print(o.Out); err != nil {
				return err
			}
			for _, n := range all {
				if n.Problem != "" {
					o.Note("%s", n.Problem)
				}
			}
			return nil
		}),
	}
}

func (o *operator) nodeDrainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "drain URL",
		Short: "Move all users of a storage node to the others",
		Long: `Move all users of a storage node to the others, one after the other, with all their
records and times. A user's devices cannot write for the seconds that this takes;
then they go on at the other node. The old copies are deleted after an hour.

This may be interrupted: the running server goes on with it, and so does this
command when it is run again. A user whose storage is damaged stays, and is named.`,
		Args: cobra.ExactArgs(1),
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			d, err := s.DrainNode(ctx, args[0])
			if err != nil {
				return err
			}
			for _, f := range d.Failed {
				o.complain(fmt.Errorf("storage %d: %s", f.Storage, f.Error))
			}
			if o.JSON {
				err = o.PrintJSON(d)
			} else {
				err = o.Print("%s moved, %d left.", plural(d.Moved, "user"), d.Left)
			}
			if err == nil && len(d.Failed) > 0 {
				err = &reportedError{syncmanager.StatusPartial}
			}
			return err
		}),
	}
}

func (o *operator) nodeRmCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rm URL",
		Short: "Forget a storage node that has no users",
		Args:  cobra.ExactArgs(1),
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			if err := s.RemoveNode(ctx, args[0]); err != nil {
				return err
			}
			if o.JSON {
				return o.PrintJSON(map[string]string{"removed": args[0]})
			}
			o.Note("%s is no longer a node; its server and its data may go.", args[0])
			return nil
		}),
	}
}
