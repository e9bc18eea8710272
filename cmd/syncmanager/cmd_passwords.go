package main

import (
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

func (a *app) passwordsCommand() *cobra.Command {
	list := a.passwordsListCommand()
	noun := &cobra.Command{
		Use:   "passwords",
		Short: "List and edit the passwords of this profile",
		Long: `List and edit the passwords of this profile. Changes reach the other devices
with the next sync.

LOGIN is an ID, the beginning of one, or a site's address that has one login only.`,
		Args: cobra.NoArgs,
		RunE: list.RunE,
	}
	noun.Flags().AddFlagSet(list.Flags())
	noun.AddCommand(list, a.passwordsShowCommand(), a.passwordsAddCommand(), a.passwordsEditCommand(),
		a.passwordsRemoveCommand(), a.passwordsImportCommand(), a.passwordsExportCommand())
	noun.AddCommand(a.undoCommands("passwords", func(ctx context.Context, p *profile.Profile) (undoer, error) { return p.Passwords(ctx) })...)
	return noun
}

// loginJSON is a login with the wire's names. The password is there only when it
// was asked for.
type loginJSON struct {
	ID                  engine.ID `json:"id"`
	Hostname            string    `json:"hostname"`
	FormSubmitURL       *string   `json:"formSubmitURL"`
	HTTPRealm           *string   `json:"httpRealm"`
	Username            string    `json:"username"`
	Password            string    `json:"password,omitempty"`
	UsernameField       string    `json:"usernameField"`
	PasswordField       string    `json:"passwordField"`
	TimeCreated         int64     `json:"timeCreated"`
	TimePasswordChanged int64     `json:"timePasswordChanged"`
	TimeLastUsed        int64     `json:"timeLastUsed,omitempty"`
	TimesUsed           int64     `json:"timesUsed,omitempty"`
}

func toJSON(l passwords.Login, secret bool) loginJSON {
	j := loginJSON{
		ID: l.ID, Hostname: l.Hostname, Username: l.Username,
		UsernameField: l.UsernameField, PasswordField: l.PasswordField,
		TimeCreated: l.TimeCreated, TimePasswordChanged: l.TimePasswordChanged,
		TimeLastUsed: l.TimeLastUsed, TimesUsed: l.TimesUsed,
	}
	if l.HTTPRealm != "" {
		j.HTTPRealm = &l.HTTPRealm
	} else {
		j.FormSubmitURL = &l.FormSubmitURL
	}
	if secret {
		j.Password = l.Password
	}
	return j
}

// saved reports a login that was added or changed.
func (a *app) saved(what string, l passwords.Login) error {
	if a.JSON {
		return a.PrintJSON(toJSON(l, false))
	}
	return a.Print("%s %s  %s  %s", what, profile.ShortID(l.ID), l.Hostname, l.Username)
}

// day shows a time in Unix milliseconds as a date; 0: unknown.
func day(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).Local().Format(time.DateOnly)
}

// loginFlags are the fields of a login on the command line.
type loginFlags struct {
	url, username, realm, formURL, usernameField, passwordField string
	fromStdin, generate                                         bool
}

func (f *loginFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.url, "url", "", "the site's `URL`")
	flags.StringVar(&f.username, "username", "", "the user's `NAME` there")
	flags.StringVar(&f.realm, "realm", "", "the `REALM` of an HTTP sign-in, instead of a form")
	flags.StringVar(&f.formURL, "form-url", "", "the `URL` that the form submits to")
	flags.StringVar(&f.usernameField, "username-field", "", "the `NAME` of the form's username input")
	flags.StringVar(&f.passwordField, "password-field", "", "the `NAME` of the form's password input")
	flags.BoolVar(&f.fromStdin, "password-stdin", false, "read the password from the first line of stdin")
	flags.BoolVar(&f.generate, "generate", false, "make a random password")
}

// check refuses flags that contradict each other. ask is one more source of a
// password.
func (f *loginFlags) check(ask bool) error {
	switch {
	case f.fromStdin && f.generate, ask && (f.fromStdin || f.generate):
		return errors.New("name one source of the password")
	case f.realm != "" && f.formURL != "":
		return errors.New("a login has a realm or a form, not both")
	}
	return nil
}

// apply sets the fields whose flags were given.
func (f *loginFlags) apply(c *cobra.Command, l *passwords.Login) {
	for name, field := range map[string]struct {
		to   *string
		from string
	}{
		"url": {&l.Hostname, f.url}, "username": {&l.Username, f.username},
		"realm": {&l.HTTPRealm, f.realm}, "form-url": {&l.FormSubmitURL, f.formURL},
		"username-field": {&l.UsernameField, f.usernameField}, "password-field": {&l.PasswordField, f.passwordField},
	} {
		if c.Flags().Changed(name) {
			*field.to = field.from
		}
	}
	switch {
	case c.Flags().Changed("realm") && f.realm != "":
		l.FormSubmitURL = ""
	case c.Flags().Changed("form-url"):
		l.HTTPRealm = ""
	}
}

func (a *app) passwordsListCommand() *cobra.Command {
	var show bool
	c := &cobra.Command{
		Use:   "list [WORD]",
		Short: "List passwords; those whose site or username contains WORD",
		Args:  cobra.MaximumNArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Passwords(ctx)
			if err != nil {
				return err
			}
			word := ""
			if len(args) == 1 {
				word = args[0]
			}
			return a.listLogins(store.Find(ctx, word), show)
		}),
	}
	c.Flags().BoolVar(&show, "show-passwords", false, "print the passwords too")
	return c
}

func (a *app) listLogins(logins iter.Seq2[passwords.Login, error], show bool) error {
	if a.JSON {
		return term.PrintArray(a.JSONOut(), logins, func(l passwords.Login) any { return toJSON(l, show) })
	}
	t := term.Table{Head: []string{"ID", "SITE", "USERNAME", "CHANGED"}, Width: a.Width()}
	if show {
		t.Head = append(t.Head, "PASSWORD")
	}
	for l, err := range logins {
		if err != nil {
			return err
		}
		site := l.Hostname
		if l.HTTPRealm != "" {
			site += " (" + l.HTTPRealm + ")"
		}
		row := []string{profile.ShortID(l.ID), site, l.Username, day(l.TimePasswordChanged)}
		if show {
			row = append(row, l.Password)
		}
		t.Add(row...)
	}
	if len(t.Rows) == 0 {
		a.Note("No passwords.")
		return nil
	}
	return t.Print(a.Out)
}

func (a *app) passwordsShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show LOGIN",
		Short:             "Show one login with its password",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLogins,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			l, err := p.FindLogin(ctx, args[0])
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(toJSON(l, true))
			}
			var t term.Table
			for _, field := range [][2]string{
				{"ID", string(l.ID)}, {"Site", l.Hostname}, {"Realm", l.HTTPRealm}, {"Form", l.FormSubmitURL},
				{"Username", l.Username}, {"Password", l.Password},
				{"Created", day(l.TimeCreated)}, {"Changed", day(l.TimePasswordChanged)}, {"Last used", day(l.TimeLastUsed)},
			} {
				if field[1] != "" {
					t.Add(field[0], field[1])
				}
			}
			return t.Print(a.Out)
		}),
	}
}

func (a *app) passwordsAddCommand() *cobra.Command {
	var f loginFlags
	c := &cobra.Command{
		Use:   "add --url URL --username NAME",
		Short: "Add a login",
		Args:  cobra.NoArgs,
	}
	f.register(c)
	_ = c.MarkFlagRequired("url")
	c.PreRunE = func(*cobra.Command, []string) error { return f.check(false) }
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
		store, err := p.Passwords(ctx)
		if err != nil {
			return err
		}
		var l passwords.Login
		f.apply(c, &l)
		if l.Password, err = a.newPassword(ctx, f); err != nil {
			return err
		}
		if l, err = store.Add(ctx, l); err != nil {
			return err
		}
		return a.saved("Added", l)
	})
	return c
}

func (a *app) newPassword(ctx context.Context, f loginFlags) (string, error) {
	if f.generate {
		return profile.GeneratePassword(rand.Reader)
	}
	return a.Secret(ctx, "password", f.fromStdin, true)
}

func (a *app) passwordsEditCommand() *cobra.Command {
	var (
		f   loginFlags
		ask bool
	)
	c := &cobra.Command{
		Use:               "edit LOGIN",
		Short:             "Change the fields of a login that flags name",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLogins,
	}
	f.register(c)
	c.Flags().BoolVar(&ask, "password", false, "ask for a new password on the terminal")
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		if err := anyFlag(c, nil); err != nil {
			return err
		}
		return f.check(ask)
	}
	c.RunE = a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
		l, err := p.FindLogin(ctx, args[0])
		if err != nil {
			return err
		}
		f.apply(c, &l)
		if ask || f.fromStdin || f.generate {
			if l.Password, err = a.newPassword(ctx, f); err != nil {
				return err
			}
		}
		store, err := p.Passwords(ctx)
		if err != nil {
			return err
		}
		if l, err = store.Update(ctx, l); err != nil {
			return err
		}
		return a.saved("Changed", l)
	})
	return c
}

func (a *app) passwordsRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "rm LOGIN…",
		Short:             "Delete logins, here and with the next sync everywhere",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: a.completeLogins,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			// All words are looked up first: a mistyped one deletes nothing.
			var logins []passwords.Login
			for _, word := range args {
				l, err := p.FindLogin(ctx, word)
				if err != nil {
					return err
				}
				logins = append(logins, l)
			}
			store, err := p.Passwords(ctx)
			if err != nil {
				return err
			}
			deleted := []loginJSON{}
			for _, l := range logins {
				if err := store.Delete(ctx, l.ID); err != nil {
					return err
				}
				deleted = append(deleted, toJSON(l, false))
				if !a.JSON {
					if err := a.saved("Deleted", l); err != nil {
						return err
					}
				}
			}
			if a.JSON {
				return a.PrintJSON(deleted)
			}
			return nil
		}),
	}
}

// completeLogins completes the beginnings of IDs, with site and username beside.
func (a *app) completeLogins(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 && c.Name() != "rm" {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.complete(c, func(ctx context.Context, p *profile.Profile) (words []string, _ error) {
		store, err := p.Passwords(ctx)
		if err != nil {
			return nil, err
		}
		for l, err := range store.List(ctx) {
			if err != nil {
				return nil, err
			}
			words = append(words, cobra.CompletionWithDesc(profile.ShortID(l.ID), term.Printable(strings.TrimSpace(l.Hostname+" "+l.Username))))
		}
		return words, nil
	})
}
