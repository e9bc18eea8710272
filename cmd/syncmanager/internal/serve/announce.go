package serve

import (
	"context"
	"net/url"
	"slices"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
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
	if err := c.Print("Serving %s with the data in %s. Ctrl-C stops.", cfg.PublicURL, cfg.Dir); err != nil {
		return err
	}
	for _, other := range cfg.OtherURLs {
		c.Note("Also at:       %s", other)
	}
	if cfg.External != nil {
		c.Note("Accounts:      those of %s", cfg.External.URL)
		c.Note("Firefox:       in about:config, set identity.sync.tokenserver.uri to %s/token/1.0/sync/1.5,", cfg.PublicURL)
		c.Note("               restart it, and sign in from its menu")
		if len(o.allow) == 0 && !o.allowAll {
			c.Note("Note:          no account may use the server yet: sign in, and name the uid that the log shows with --allow-account")
		}
		notes(c, cfg, o)
		return nil
	}
	switch cfg.SignUp {
	case accounts.SignUpEmail:
		c.Note("Sign-up:       with a code that %s sends to the address", cfg.Mail.Host.Name)
	case accounts.SignUpInvite:
		c.Note("Sign-up:       by invitation; 'syncmanager server invite --data %s' makes one", cfg.Dir)
	case accounts.SignUpClosed:
		c.Note("Sign-up:       closed; 'syncmanager server user add ADDRESS --data %s' adds a user", cfg.Dir)
	}
	with := ""
	if invitation != "" {
		c.Note("First account: use the invitation %s, which is valid once, for 24 hours", invitation)
		with = " --invitation " + invitation
	}
	c.Note("This program:  syncmanager login --server %s --email YOU --create%s", cfg.PublicURL, with)
	if plainHTTP(public) {
		// Browsers have no WebCrypto there, so the pages take no password.
		c.Note("Firefox:       cannot sign in at a plain http:// address of another machine: browsers keep the")
		c.Note("               cryptography from such pages. Give the server https, in one of three ways: --acme")
		c.Note("               for a public name, --tls-cert with a certificate of an authority of your own, or")
		c.Note("               a proxy such as Caddy; 'syncmanager serve --help' shows each")
		notes(c, cfg, o)
		return nil
	}
	c.Note("Firefox:       in about:config, set identity.fxaccounts.autoconfig.uri to %s,", cfg.PublicURL)
	if public.Scheme == "http" {
		c.Note("               and, since it is not https, identity.fxaccounts.allowHttp to true,")
	}
	c.Note("               restart it, and sign in from its menu")
	notes(c, cfg, o)
	return nil
}

// plainHTTP reports whether devices reach the server unencrypted over a network.
func plainHTTP(public *url.URL) bool { return public.Scheme == "http" && elsewhere(public) }

// notes prints the warnings.
func notes(c *term.Console, cfg server.Config, o Options) {
	for _, warning := range warnings(cfg, o) {
		c.Note("Note:          %s", warning)
	}
}

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
