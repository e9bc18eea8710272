package serve

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

// announce says where the server is and what to do next. The server listens already,
// so that a script that reads this can connect. invitation is for the first account,
// or "".
func announce(ctx context.Context, c *term.Console, cfg server.Config, o Options, listen, invitation string) error {
	public := o.names[0]
	for _, warning := range dangers(cfg, o) {
		cfg.Log.WarnContext(ctx, warning)
	}
	if c.JSON {
		return c.PrintJSON(struct {
			URL        string   `json:"url"`
			OtherURLs  []string `json:"otherUrls,omitempty"`
			Listen     string   `json:"listen"`
			Data       string   `json:"data"`
			Invitation string   `json:"invitation,omitempty"`
		}{cfg.PublicURL, cfg.OtherURLs, listen, cfg.Dir, invitation})
	}
	data := cfg.Dir
	if cfg.Database != "" {
		data = "PostgreSQL"
	}
	if err := c.Print("Serving %s with the data in %s. Ctrl-C stops.", cfg.PublicURL, data); err != nil {
		return err
	}
	for _, other := range cfg.OtherURLs {
		c.Note("Also at:       %s", other)
	}
	say := func(label, format string, args ...any) { note(c, label, fmt.Sprintf(format, args...)) }
	switch {
	case cfg.Node != nil:
		say("Node:", "it has records of the users of another server, and no accounts")
	case cfg.External != nil:
		say("Accounts:", "those of %s", cfg.External.URL)
		say("Firefox:", "in about:config, set identity.sync.tokenserver.uri to %s/token/1.0/sync/1.5, restart Firefox, and sign in from its menu", cfg.PublicURL)
		if len(o.allow) == 0 && !o.allowAll {
			say("Note:", "no account may use the server yet: sign in, and name the uid that the log shows with --allow-account")
		}
	default:
		announceAccounts(c, cfg, invitation)
		announceFirefox(say, cfg.PublicURL, public)
	}
	for _, warning := range warnings(cfg, o) {
		say("Note:", "%s", warning)
	}
	return nil
}

// note prints a line with a label, broken at the width of a terminal.
func note(c *term.Console, label, text string) {
	const indent = 15
	for i, line := range strings.Split(usage.Hang(text, indent), "\n") {
		if i == 0 {
			line = fmt.Sprintf("%-*s%s", indent, label, line)
		}
		c.Note("%s", line)
	}
}

// announceAccounts says how to make an account, and sign in to it with this program.
func announceAccounts(c *term.Console, cfg server.Config, invitation string) {
	// These lines are not broken, so that the commands in them can be copied.
	say := func(label, format string, args ...any) { c.Note("%-15s%s", label, fmt.Sprintf(format, args...)) }
	switch cfg.SignUp {
	case accounts.SignUpEmail:
		say("Sign-up:", "with a code that %s sends to the address", cfg.Mail.Host.Name)
	case accounts.SignUpInvite:
		say("Sign-up:", "by invitation; 'syncmanager server invite --data %s' makes one", cfg.Dir)
	case accounts.SignUpClosed:
		say("Sign-up:", "closed; 'syncmanager server user add ADDRESS --data %s' adds a user", cfg.Dir)
	}
	with := ""
	if invitation != "" {
		say("First account:", "use the invitation %s, which is valid once, for 24 hours", invitation)
		with = " --invitation " + invitation
	}
	c.Note("This program:")
	c.Note("  syncmanager login --server %s --email YOU --create%s", cfg.PublicURL, with)
}

// announceFirefox says how Firefox signs in.
func announceFirefox(say func(label, format string, args ...any), publicURL string, public *url.URL) {
	if plainHTTP(public) {
		// Browsers have no WebCrypto there, so the pages cannot take a password.
		say("Firefox:", "cannot sign in at a plain http:// address of another machine, since browsers disable cryptography on such pages. Use https in one of three ways: --acme for a public name, --tls-cert with a certificate of your own authority, or a proxy such as Caddy; see 'syncmanager serve --help'")
		return
	}
	allow := ""
	if public.Scheme == "http" {
		allow = "set identity.fxaccounts.allowHttp to true, since the server has no https, "
	}
	say("Firefox:", "in about:config, set identity.fxaccounts.autoconfig.uri to %s, %srestart Firefox, and sign in from its menu", publicURL, allow)
}

// plainHTTP reports whether devices reach the server unencrypted over a network.
func plainHTTP(public *url.URL) bool { return public.Scheme == "http" && elsewhere(public) }

// dangers returns what a stranger could do to the server with these settings. They are
// in the log too, for servers whose start nobody sees.
func dangers(cfg server.Config, o Options) (all []string) {
	if cfg.External == nil && cfg.SignUp.Anyone() && cfg.Quota == 0 && slices.ContainsFunc(o.names, elsewhere) {
		all = append(all, "anyone who can reach this server can make an account and fill its disk: set --quota, or --sign-up invite")
	}
	return all
}

// warnings returns what works, but probably not as the owner wants.
func warnings(cfg server.Config, o Options) (all []string) {
	https := func(u *url.URL) bool { return u.Scheme == "https" }
	if slices.ContainsFunc(o.names, plainHTTP) {
		all = append(all, "without https, anyone on the network can sign in as you")
	}
	if slices.ContainsFunc(o.names, https) && !o.tls.on() && len(cfg.Proxies) == 0 && !cfg.SocketProxy {
		all = append(all, "if there is a proxy, name it with --trusted-proxy; else the rate limits treat all devices as one")
	}
	return append(all, dangers(cfg, o)...)
}
