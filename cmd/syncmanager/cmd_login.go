package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"unicode/utf16"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/account"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// loginFlags are the flags of login.
type loginFlags struct {
	profile.SignIn
	fromStdin, browser, noOpen bool
	code                       string
}

func (a *app) loginCommand() *cobra.Command {
	var f loginFlags
	c := &cobra.Command{
		Use:   "login --server URL --email ADDRESS | --browser",
		Short: "Sign in to an account on a server",
		Long: `Sign in to an account on a server, or make one there with --create. The data of this
profile stays; the next sync merges it with the account's.

If the server wants a code as well as the password, this program asks for it, unless
--code gives it. The code is from an authenticator app, a backup code, or one that the
server sent by e-mail.

With --browser you sign in on the server's own pages, in a browser that opens. This
program then sees neither the password nor the code. If no browser opens, for example
over ssh, open the page that is printed in any browser, and paste the address of the
page on which the sign-in ends.`,
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return f.check() },
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			return a.signIn(ctx, p, f)
		}),
	}
	flags := c.Flags()
	flags.StringVar(&f.Server, "server", "", "root `URL` of the server, or mozilla for Mozilla's")
	flags.StringVar(&f.Email, "email", "", "the account's e-mail `ADDRESS`")
	flags.BoolVar(&f.browser, "browser", false, "sign in on the server's own pages, in a browser")
	flags.BoolVar(&f.noOpen, "no-open", false, "with --browser, print the address of the page and open no browser")
	flags.BoolVar(&f.fromStdin, "password-stdin", false, "read the password from the first line of stdin")
	flags.BoolVar(&f.Create, "create", false, "make the account")
	flags.StringVar(&f.code, "code", "", "the `CODE` that the server wants as well as the password")
	flags.StringVar(&f.Invitation, "invitation", "", "with --create, the `CODE` of the invitation that the server wants")
	flags.StringVar(&f.DeviceName, "device-name", "", "the `NAME` of this device on the others")
	_ = c.RegisterFlagCompletionFunc("server", cobra.FixedCompletions([]string{"mozilla"}, cobra.ShellCompDirectiveNoFileComp))
	_ = c.MarkFlagRequired("server")
	return c
}

// check returns an error for flags that contradict each other.
func (f *loginFlags) check() error {
	switch {
	case f.browser && (f.Email != "" || f.Create || f.fromStdin || f.code != ""):
		return errors.New("with --browser, name only the server: the browser asks for the rest")
	case f.noOpen && !f.browser:
		return errors.New("--no-open needs --browser")
	case !f.browser && f.Email == "":
		return errors.New("give the account's address with --email, or sign in with --browser")
	}
	_, err := account.New(account.Config{Server: f.Server}) // before there is a profile
	return err
}

// signIn signs in to an account, with a password or in a browser.
func (a *app) signIn(ctx context.Context, p *profile.Profile, f loginFlags) (err error) {
	a.warnOfOpenHTTP(f.Server)
	if f.browser {
		f.Listen = listenLoopback
		f.Browser = func(ctx context.Context, b *account.BrowserSignIn) (*account.Account, error) {
			return a.inBrowser(ctx, b, !f.noOpen)
		}
	} else if f.Password, err = a.Secret(ctx, "password", f.fromStdin, f.Create); err != nil {
		return err
	}
	f.Code = func(ctx context.Context, kind account.CodeKind, again bool) (string, error) {
		if f.code != "" {
			defer func() { f.code = "" }()
			return f.code, nil
		}
		return a.askCode(ctx, kind, again)
	}
	err = p.SignIn(ctx, f.SignIn)
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
}

// warnOfOpenHTTP warns that the connection to a server on another machine is not
// encrypted. What is synced is encrypted end to end; the session is not.
func (a *app) warnOfOpenHTTP(server string) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "http" || u.Host == "" || usage.IsLoopback(u.Hostname()) {
		return
	}
	a.Warn("http://%s is not encrypted: anyone on the network between can take over this session, and change what is sent. Use https:// unless you trust that network.", u.Host)
}

// askCode asks for a code that the server wants for a sign-in. It returns "" if nobody
// can be asked.
func (a *app) askCode(ctx context.Context, kind account.CodeKind, again bool) (string, error) {
	if !a.Interactive() {
		return "", nil
	}
	if again {
		a.Note("The code is wrong.")
	}
	return a.Ask(ctx, map[account.CodeKind]string{
		account.CodeTOTP:    "code of the authenticator app, or a backup code",
		account.CodeEmail:   "code that came by e-mail",
		account.CodeUnblock: "code that came by e-mail",
	}[kind])
}

// leastPassword is the minimal number of characters of a new password, here and on the
// server's pages.
const leastPassword = 8

// checkNewPassword applies the rule of the server's pages to a new password. Like a
// browser, it counts UTF-16 units.
func checkNewPassword(password string) error {
	if n := len(utf16.Encode([]rune(password))); n < leastPassword {
		return fmt.Errorf("the password is too short: choose one of at least %d characters", leastPassword)
	}
	return nil
}
