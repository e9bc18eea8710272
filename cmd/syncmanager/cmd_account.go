package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) accountCommand() *cobra.Command {
	show := a.accountShowCommand()
	c := &cobra.Command{
		Use:   "account",
		Short: "Show the account's user, and check the sign-in",
		Args:  cobra.NoArgs,
		RunE:  show.RunE,
	}
	c.AddCommand(show, a.accountCheckCommand(), a.accountManageCommand())
	return c
}

func (a *app) accountShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show the account's user, as the server has it now",
		Args:  cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			user, err := p.User(ctx)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(user)
			}
			var t term.Table
			t.Add("E-mail", user.Email)
			if user.DisplayName != "" {
				t.Add("Name", user.DisplayName)
			}
			if user.Picture != "" && !user.DefaultPicture {
				t.Add("Picture", user.Picture)
			}
			t.Add("UID", user.UID)
			t.Add("Server", p.Account().Server)
			return t.Print(a.Out)
		}),
	}
}

// endedError is why the user must sign in again.
type endedError struct{ error }

func (e endedError) Unwrap() error { return e.error }

// SignInAgain reports that signing in helps.
func (endedError) SignInAgain() bool { return true }

func (a *app) accountCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Ask the server whether this device is still signed in",
		Long: `Ask the server whether this device is still signed in. The exit code is 4 if it is
not, and 1 if the server could not be asked.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			s, err := p.CheckSession(ctx)
			if err != nil {
				return err
			}
			switch s.State {
			case account.SessionEnded:
				return endedError{s.Reason}
			case account.SessionUnconfirmed:
				return endedError{fmt.Errorf("the sign-in was not confirmed; sign in again with 'syncmanager login'")}
			}
			if a.JSON {
				return a.PrintJSON(map[string]account.SessionState{"state": s.State})
			}
			a.Note("This device is signed in.")
			return nil
		}),
	}
}

func (a *app) accountManageCommand() *cobra.Command {
	var devices bool
	c := &cobra.Command{
		Use:   "manage",
		Short: "Print the address of the page for the password, the name and more",
		Long: `Print the address of the server's page for the password, the name and the second step;
with --devices, of the page that signs devices out. Open it in a browser.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(_ context.Context, p *profile.Profile, _ []string) error {
			url, err := p.ManageURL(devices)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(map[string]string{"url": url})
			}
			return a.Print("%s", url)
		}),
	}
	c.Flags().BoolVar(&devices, "devices", false, "the page that lists what is signed in")
	return c
}
