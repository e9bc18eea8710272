package serve

import (
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/server"
)

// accountsServers are the accounts servers that have a name.
var accountsServers = map[string]string{"mozilla": "https://accounts.firefox.com"}

// external returns the other accounts server; nil if this server has the accounts.
func (o *Options) external() (*server.External, error) {
	switch {
	case o.accounts == "" && (len(o.allow) > 0 || o.allowAll):
		return nil, usage.Errorf("--allow-account and --allow-all-accounts are only valid with --accounts-server")
	case o.accounts == "":
		return nil, nil
	case o.signUp != "":
		return nil, usage.Errorf("--sign-up is for accounts of this server; with --accounts-server, name the accounts with --allow-account")
	case len(o.allow) > 0 && o.allowAll:
		return nil, usage.Errorf("--allow-account and --allow-all-accounts do not go together")
	}
	root := o.accounts
	if known, ok := accountsServers[root]; ok {
		root = known
	}
	return &server.External{
		URL: root, Allow: o.allow, AllowAll: o.allowAll,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: time.Minute,
		},
	}, nil
}
