package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
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
	if a.json {
		return a.printJSON(toJSON(l, false))
	}
	return a.print("%s %s  %s  %s", what, profile.ShortID(l.ID), l.Hostname, l.Username)
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
