package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
)

func (a *app) loginCommand() *cobra.Command {
	var (
		in        profile.SignIn
		fromStdin bool
		inBrowser bool
		noOpen    bool
		code      string
	)
	c := &cobra.Command{
		Use:   "login --server URL --email ADDRESS | --browser",
		Short: "Join an account on a server",
		Long: `Join an account on a server, or make one there with --create. The data of this
profile stays; the next sync brings it and the account's together.

Where the server wants a code besides the password, of an authenticator app, a
backup code, or one that it sent by e-mail, it is asked for; --code gives it.

With --browser you sign in on the server's own pages, in the browser that opens.
Neither password nor code comes by here. Where no browser opens, as over ssh, open
the page that is named in any browser, and hand back the address that it ends on.`,
		Args: cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			switch {
			case inBrowser && (in.Email != "" || in.Create || fromStdin || code != ""):
				return errors.New("with --browser, the browser asks for all but the server")
			case noOpen && !inBrowser:
				return errors.New("--no-open goes with --browser")
			case !inBrowser && in.Email == "":
				return errors.New("give the account's address with --email, or sign in with --browser")
			}
			return nil
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) (err error) {
			a.warnOfOpenHTTP(in.Server)
			if inBrowser {
				in.Listen = listenLoopback
				in.Browser = func(ctx context.Context, b *account.BrowserSignIn) (*account.Account, error) {
					return a.inBrowser(ctx, b, !noOpen)
				}
			} else if in.Password, err = a.Secret(ctx, "password", fromStdin, in.Create); err != nil {
				return err
			}
			in.Code = func(ctx context.Context, kind account.CodeKind, again bool) (string, error) {
				if code != "" {
					defer func() { code = "" }()
					return code, nil
				}
				return a.askCode(ctx, kind, again)
			}
			err = p.SignIn(ctx, in)
			if errors.As(err, new(*account.NeedsCodeError)) {
				return fmt.Errorf("%w: 'syncmanager login --code CODE'", err)
			}
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(p.Account())
			}
			a.Note("Signed in as %s. 'syncmanager sync' syncs.", p.Account().Email)
			return nil
		}),
	}
	flags := c.Flags()
	flags.StringVar(&in.Server, "server", "", "root `URL` of the server, or mozilla for Mozilla's")
	flags.StringVar(&in.Email, "email", "", "the account's e-mail `ADDRESS`")
	flags.BoolVar(&inBrowser, "browser", false, "sign in on the server's own pages, in a browser")
	flags.BoolVar(&noOpen, "no-open", false, "with --browser, open none: only name the page")
	flags.BoolVar(&fromStdin, "password-stdin", false, "read the password from the first line of stdin")
	flags.BoolVar(&in.Create, "create", false, "make the account")
	flags.StringVar(&code, "code", "", "the `CODE` that the server wants besides the password")
	flags.StringVar(&in.Invitation, "invitation", "", "with --create, the `CODE` that the server wants for an account")
	flags.StringVar(&in.DeviceName, "device-name", "", "what other devices call this one")
	_ = c.RegisterFlagCompletionFunc("server", cobra.FixedCompletions([]string{"mozilla"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.MarkFlagRequired("server")
	return c
}

// warnOfOpenHTTP tells the user that a server on another machine is reached without
// encryption. What is synced is encrypted all the same; the session is not.
func (a *app) warnOfOpenHTTP(server string) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" || u.Host == "" || usage.IsLoopback(u.Hostname()) {
		return
	}
	a.Warn("http://%s is not encrypted: whoever is on the network in between can take over this session, and change what is sent. Use https:// unless you trust all of that network.", u.Host)
}

// askCode reads a code that the server wants for a sign-in, where somebody can
// be asked; else there is none.
func (a *app) askCode(ctx context.Context, kind account.CodeKind, again bool) (string, error) {
	if !a.Interactive() {
		return "", nil
	}
	if again {
		a.Note("That code is not right.")
	}
	return a.Ask(ctx, map[account.CodeKind]string{
		account.CodeTOTP:    "code of the authenticator app, or a backup code",
		account.CodeEmail:   "code that came by e-mail",
		account.CodeUnblock: "code that came by e-mail",
	}[kind])
}

// leastPassword is how many characters a new password has at least, here and on the
// server's pages.
const leastPassword = 8

// checkNewPassword holds a password that somebody chooses to the pages' rules, which
// count as browsers do.
func checkNewPassword(password string) error {
	if n := len(utf16.Encode([]rune(password))); n < leastPassword {
		return fmt.Errorf("the password is too short: choose one of at least %d characters", leastPassword)
	}
	return nil
}
