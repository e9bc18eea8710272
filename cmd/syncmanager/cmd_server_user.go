package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/serve"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/admin"
)

func (o *operator) userCommand() *cobra.Command {
	list := o.userListCommand()
	c := &cobra.Command{
		Use:   "user",
		Short: "List, add, disable and remove the server's users",
		Long: `List, add, disable and remove the server's users. USER is the e-mail address or the
uid of an account.`,
		Args: cobra.NoArgs,
		RunE: list.RunE,
	}
	c.AddCommand(list, o.userAddCommand(), o.userQuotaCommand(), o.userRmCommand(), o.userSecondStepCommand(),
		o.userChange("unlock USER", "Lift the limit after too many wrong passwords or codes", "%s may try again.",
			func(ctx context.Context, s admin.Admin, who string) error { return s.Unlock(ctx, who) }),
		o.userChange("disable USER", "Disable a user on all devices at once; the data stays", "%s is disabled.",
			func(ctx context.Context, s admin.Admin, who string) error { return s.SetDisabled(ctx, who, true) }),
		o.userChange("enable USER", "Let a disabled user sign in again", "%s may sign in again.",
			func(ctx context.Context, s admin.Admin, who string) error { return s.SetDisabled(ctx, who, false) }))
	return c
}

func (o *operator) userListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the users",
		Long: `List the users: when each was last seen and last changed something, how much they
store, how large their files are, and on which storage node if there are any. The exit
code is 3 if a user's file is damaged, or a node does not answer; the others are listed
nevertheless. A storage node lists the storages that it has, by their numbers.`,
		Args: cobra.NoArgs,
		RunE: o.on(func(ctx context.Context, s admin.Admin, _ []string) error {
			users, err := s.Users(ctx)
			if err != nil {
				return err
			}
			if o.JSON {
				if users == nil {
					users = []server.User{}
				}
				for i := range users {
					users[i].Created, users[i].Seen, users[i].Changed = users[i].Created.UTC(), users[i].Seen.UTC(), users[i].Changed.UTC()
				}
				if err := o.PrintJSON(users); err != nil {
					return err
				}
				return o.damagedUsers(users)
			}
			if len(users) == 0 {
				o.Note("No users yet; 'syncmanager server user add ADDRESS' adds one.")
				return nil
			}
			if err := o.printUsers(users); err != nil {
				return err
			}
			return o.damagedUsers(users)
		}),
	}
}

// printUsers prints the table of users. One of a storage node has what a node knows.
func (o *operator) printUsers(users []server.User) error {
	t := term.Table{Head: []string{"USER", "CREATED", "SEEN", "CHANGED", "DEVICES", "STORED", "DISK", "QUOTA", "STATE"}, Width: o.Width()}
	nodes := slices.ContainsFunc(users, func(u server.User) bool { return u.Node != "" })
	here := users[0].UID == ""
	switch {
	case here:
		t.Head = []string{"STORAGE", "CHANGED", "STORED", "DISK", "STATE"}
	case nodes:
		t.Head = append(t.Head, "NODE")
	}
	for _, u := range users {
		changed, stored, disk := lastDay(u.Changed), usage.FormatSize(u.Bytes), usage.FormatSize(u.Disk)
		if u.Away {
			changed, stored, disk = "-", "-", "-"
		}
		row := []string{userName(u), lastDay(u.Created), lastDay(u.Seen), changed, strconv.Itoa(u.Devices), stored, disk, quotaText(u.Quota), state(u)}
		switch {
		case here:
			row = []string{userName(u), changed, stored, disk, state(u)}
		case nodes:
			row = append(row, u.Node)
		}
		t.Add(row...)
	}
	return t.Print(o.Out)
}

// damagedUsers prints the users whose files cannot be read and the nodes that do not answer, and returns an error if
// there are any.
func (o *operator) damagedUsers(users []server.User) error {
	any := o.awayNodes(users)
	for _, u := range users {
		if u.Damaged != "" {
			any = true
			o.Warn("%s: %s; see 'syncmanager server repair --help'", userName(u), u.Damaged)
		}
	}
	if any {
		return &reportedError{syncmanager.StatusPartial}
	}
	return nil
}

// awayNodes prints the nodes that did not answer, and reports whether there are any.
func (o *operator) awayNodes(users []server.User) (any bool) {
	away := make(map[string]int)
	for _, u := range users {
		if u.Away {
			away[u.Node]++
		}
	}
	for _, node := range slices.Sorted(maps.Keys(away)) {
		o.Warn("%s does not answer, or not as a node of this server: what its %s store is unknown; see 'syncmanager server node list'", node, plural(away[node], "user"))
	}
	return len(away) > 0
}

// userName returns the name of a user; on a storage node, the number of the storage.
func userName(u server.User) string {
	return cmp.Or(u.Email, u.UID, strconv.FormatInt(u.Storage, 10))
}

func lastDay(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format(time.DateOnly)
}

func quotaText(bytes int64) string {
	if bytes == 0 {
		return "none"
	}
	return usage.FormatSize(bytes)
}

func state(u server.User) string {
	switch {
	case u.Disabled:
		return "disabled"
	case u.Unconfirmed:
		return "unconfirmed"
	case u.Damaged != "":
		return "damaged"
	}
	return "active"
}

func (o *operator) userAddCommand() *cobra.Command {
	var fromStdin bool
	c := &cobra.Command{
		Use:   "add ADDRESS",
		Short: "Make an account, also if sign-up is closed",
		Long: `Make an account, also if sign-up is closed. You choose the password and give it to the
user, who can change it. If you do not want to know the password, make an invitation:
see 'syncmanager server invite'.`,
		Args: cobra.ExactArgs(1),
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			password, err := o.Secret(ctx, "password", fromStdin, true)
			if err != nil {
				return err
			}
			if err := checkNewPassword(password); err != nil {
				return err
			}
			by, err := onepw.NewCredentials(args[0], password, rand.Reader)
			if err != nil {
				return err
			}
			u, err := s.AddUser(ctx, args[0], accounts.Credentials(by))
			if err != nil {
				return err
			}
			if o.JSON {
				u.Created = u.Created.UTC()
				return o.PrintJSON(u)
			}
			o.Note("%s can sign in.", u.Email)
			return nil
		}),
	}
	c.Flags().BoolVar(&fromStdin, "password-stdin", false, "read the password from the first line of stdin")
	return c
}

// userChange returns a command that changes one user.
func (o *operator) userChange(use, short, done string, change func(context.Context, admin.Admin, string) error) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			if err := change(ctx, s, args[0]); err != nil {
				return err
			}
			return o.didToUser(args[0], done, args[0])
		}),
	}
}

// didToUser prints what was done.
func (o *operator) didToUser(who, format string, args ...any) error {
	if o.JSON {
		return o.PrintJSON(map[string]string{"user": who})
	}
	o.Note(format, args...)
	return nil
}

func (o *operator) userRmCommand() *cobra.Command {
	c := o.userChange("rm USER", "Delete a user's account and all data, at once", "%s is deleted.",
		func(ctx context.Context, s admin.Admin, who string) error { return s.RemoveUser(ctx, who) })
	remove := c.RunE
	var sure bool
	c.RunE = func(c *cobra.Command, args []string) error {
		if !sure {
			return fmt.Errorf("this deletes the account and all data of %s on the server for good; add --yes if you mean it", args[0])
		}
		return remove(c, args)
	}
	c.Flags().BoolVar(&sure, "yes", false, "do it")
	return c
}

func (o *operator) userQuotaCommand() *cobra.Command {
	var quota *int64
	return &cobra.Command{
		Use:   "quota USER SIZE|none|default",
		Short: "Limit what a user may store",
		Long: `Limit what a user may store to a SIZE like 500MB or 2GB; none means no limit, and
default means that of 'serve --quota'. A user who stores more already can still
delete.`,
		Args: cobra.ExactArgs(2),
		PreRunE: func(_ *cobra.Command, args []string) (err error) {
			quota, err = serve.ParseQuota(args[1])
			return err
		},
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			if err := s.SetQuota(ctx, args[0], quota); err != nil {
				return err
			}
			return o.didToUser(args[0], "The quota of %s is now %s.", args[0], args[1])
		}),
	}
}

func (o *operator) userSecondStepCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove-second-step USER",
		Short: "Turn off two-step sign-in for a user",
		Long: `Turn off two-step sign-in for a user who lost the authenticator and the backup codes.
Be sure that the user asks for this: the password alone is enough to sign in
afterwards. The user is told by e-mail if 'serve' has a mail host.`,
		Args: cobra.ExactArgs(1),
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			told, err := s.RemoveSecondStep(ctx, args[0])
			if err != nil {
				return err
			}
			if o.JSON {
				return o.PrintJSON(struct {
					User string `json:"user"`
					Told bool   `json:"told"`
				}{args[0], told})
			}
			o.Note("%s now signs in with the password alone.", args[0])
			if !told {
				o.Note("No e-mail was sent: tell the user yourself.")
			}
			return nil
		}),
	}
}
