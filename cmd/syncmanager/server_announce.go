package main

import (
	"net"
	"net/url"
	"strings"

	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

// announce says where the server is and what to do next. The socket listens
// already: a script that read this may connect.
func (a *app) announce(cfg server.Config, o serving, listen string) error {
	if a.json {
		return a.printJSON(struct {
			URL    string `json:"url"`
			Listen string `json:"listen"`
			Data   string `json:"data"`
		}{cfg.PublicURL, listen, cfg.Dir})
	}
	if err := a.print("Serving %s with the data in %s. Ctrl-C stops.", cfg.PublicURL, cfg.Dir); err != nil {
		return err
	}
	if cfg.External != nil {
		a.note("Accounts:      those of %s", cfg.External.URL)
		a.note("Firefox:       in about:config, set identity.sync.tokenserver.uri to %s/token/1.0/sync/1.5,", cfg.PublicURL)
		a.note("               restart it, and sign in from its menu")
		if len(o.allow) == 0 && !o.allowAll {
			a.note("Note:          nobody may come yet: sign in, and the log tells the uid to name with --allow-account")
		}
		for _, warning := range warnings(cfg, o) {
			a.note("Note:          %s", warning)
		}
		return nil
	}
	switch cfg.SignUp {
	case accounts.SignUpEmail:
		a.note("Sign-up:       by a code that %s sends to the address", cfg.Mail.Host.Name)
	case accounts.SignUpInvite:
		a.note("Sign-up:       by invitation; 'syncmanager server invite --data %s' makes one", cfg.Dir)
	case accounts.SignUpClosed:
		a.note("Sign-up:       closed; 'syncmanager server user add ADDRESS --data %s' adds a user", cfg.Dir)
	}
	a.note("This program:  syncmanager login --server %s --email YOU --create", cfg.PublicURL)
	a.note("Firefox:       in about:config, set identity.fxaccounts.autoconfig.uri to %s,", cfg.PublicURL)
	if strings.HasPrefix(cfg.PublicURL, "http:") {
		a.note("               and, for want of https, identity.fxaccounts.allowHttp to true,")
	}
	a.note("               restart it, and sign in from its menu")
	for _, warning := range warnings(cfg, o) {
		a.note("Note:          %s", warning)
	}
	return nil
}

// warnings are about what works, but not as its owner will want it.
func warnings(cfg server.Config, o serving) (all []string) {
	public, err := url.Parse(cfg.PublicURL)
	if err != nil {
		return nil
	}
	ip := net.ParseIP(public.Hostname())
	here := public.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	switch {
	case public.Scheme == "http" && !here:
		all = append(all, "without https, whoever listens on the way can sign in as you; see 'syncmanager serve --help'")
	case public.Scheme == "https" && !o.tls.on() && len(cfg.Proxies) == 0:
		all = append(all, "behind a proxy, name it with --trusted-proxy, or all devices count as one in the limits on guessing")
	}
	return all
}
