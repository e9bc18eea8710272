package main

import (
	"context"
	"net/url"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

// announce says where the server is and what to do next. The socket listens
// already: a script that read this may connect.
// first is the invitation for the first account, or "".
func (a *app) announce(ctx context.Context, cfg server.Config, o serving, listen, first string) error {
	public, err := url.Parse(cfg.PublicURL)
	if err != nil {
		return err
	}
	for _, warning := range dangers(cfg, public) {
		cfg.Log.WarnContext(ctx, warning)
	}
	if a.JSON {
		return a.PrintJSON(struct {
			URL        string `json:"url"`
			Listen     string `json:"listen"`
			Data       string `json:"data"`
			Invitation string `json:"invitation,omitempty"`
		}{cfg.PublicURL, listen, cfg.Dir, first})
	}
	if err := a.Print("Serving %s with the data in %s. Ctrl-C stops.", cfg.PublicURL, cfg.Dir); err != nil {
		return err
	}
	if cfg.External != nil {
		a.Note("Accounts:      those of %s", cfg.External.URL)
		a.Note("Firefox:       in about:config, set identity.sync.tokenserver.uri to %s/token/1.0/sync/1.5,", cfg.PublicURL)
		a.Note("               restart it, and sign in from its menu")
		if len(o.allow) == 0 && !o.allowAll {
			a.Note("Note:          nobody may come yet: sign in, and the log tells the uid to name with --allow-account")
		}
		a.notes(cfg, o, public)
		return nil
	}
	switch cfg.SignUp {
	case accounts.SignUpEmail:
		a.Note("Sign-up:       by a code that %s sends to the address", cfg.Mail.Host.Name)
	case accounts.SignUpInvite:
		a.Note("Sign-up:       by invitation; 'syncmanager server invite --data %s' makes one", cfg.Dir)
	case accounts.SignUpClosed:
		a.Note("Sign-up:       closed; 'syncmanager server user add ADDRESS --data %s' adds a user", cfg.Dir)
	}
	with := ""
	if first != "" {
		a.Note("First account: is made with the invitation %s, good once and until tomorrow", first)
		with = " --invitation " + first
	}
	a.Note("This program:  syncmanager login --server %s --email YOU --create%s", cfg.PublicURL, with)
	if plainHTTP(public) {
		// Browsers have no WebCrypto there, so the pages take no password.
		a.Note("Firefox:       cannot sign in at a plain http:// address of another machine: browsers keep the")
		a.Note("               cryptography from such pages. Give the server https, in one of three ways: --acme")
		a.Note("               for a public name, --tls-cert with a certificate of an authority of your own, or")
		a.Note("               a proxy such as Caddy; 'syncmanager serve --help' shows each")
		a.notes(cfg, o, public)
		return nil
	}
	a.Note("Firefox:       in about:config, set identity.fxaccounts.autoconfig.uri to %s,", cfg.PublicURL)
	if public.Scheme == "http" {
		a.Note("               and, since it is not https, identity.fxaccounts.allowHttp to true,")
	}
	a.Note("               restart it, and sign in from its menu")
	a.notes(cfg, o, public)
	return nil
}

// plainHTTP reports whether devices reach the server over a network unencrypted.
func plainHTTP(public *url.URL) bool {
	return public.Scheme == "http" && !usage.IsLoopback(public.Hostname())
}

// notes prints the warnings.
func (a *app) notes(cfg server.Config, o serving, public *url.URL) {
	for _, warning := range warnings(cfg, o, public) {
		a.Note("Note:          %s", warning)
	}
}

// dangers are what a stranger could do to this server as it is set. They are in the
// log too, which is read where nobody sees the start.
func dangers(cfg server.Config, public *url.URL) (all []string) {
	if cfg.External == nil && cfg.SignUp.Anyone() && cfg.Quota == 0 && !usage.IsLoopback(public.Hostname()) {
		all = append(all, "whoever reaches this server may make an account and fill its disk: set --quota, or --sign-up invite")
	}
	return all
}

// warnings are about what works, but not as its owner will want it.
func warnings(cfg server.Config, o serving, public *url.URL) (all []string) {
	switch {
	case plainHTTP(public):
		all = append(all, "without https, whoever listens on the way can sign in as you")
	case public.Scheme == "https" && !o.tls.on() && len(cfg.Proxies) == 0:
		all = append(all, "behind a proxy, name it with --trusted-proxy, or all devices count as one in the limits on guessing")
	}
	return append(all, dangers(cfg, public)...)
}
