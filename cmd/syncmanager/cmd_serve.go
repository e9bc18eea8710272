package main

import (
	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/serve"
)

func (a *app) serveCommand() *cobra.Command {
	var o serve.Options
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run a server that this program and Firefox sign in to",
		Long: `Run a server that this program and Firefox sign in to: accounts, tokens and storage,
with all data in one folder. Ctrl-C or SIGTERM completes the requests in progress and
stops the server.

Devices must reach the server under its public URL, by default the address that the
server listens on; --public-url names another. Other machines need TLS, in one of
three ways:

  serve --addr :443 --acme --public-url https://sync.example.org
      gets a certificate from Let's Encrypt and renews it
  serve --addr :443 --tls-cert FILE --tls-key FILE --public-url …
      uses a certificate that another program renews, without a restart
  serve --public-url https://sync.example.org --trusted-proxy 127.0.0.1
      leaves TLS to a proxy that passes requests on to --addr

If other machines can reach the server, a new account needs an invitation. The server
prints the first one at each start until there is an account; 'syncmanager server
invite' makes more. --sign-up changes this.

Each flag may also be an environment variable, such as SYNCMANAGER_PUBLIC_URL for
--public-url, or a line in the TOML file that --config names:

  public-url = "https://sync.example.org"
  trusted-proxy = ["127.0.0.1", "::1"]
  acme = true

The command line overrides the environment, which overrides the file.

Repeat --public-url for a server with several names; the variable separates them with
commas, and the file has a list. The server answers a request to one of the names
with that name, and any other request with the first.

'syncmanager server' manages the users and the backups of a server.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) (err error) {
			if err := o.Settle(c.Flags(), a.getenv); err != nil {
				return err
			}
			return serve.Run(c.Context(), serve.Env{Console: &a.Console, Getenv: a.getenv, Now: a.now, Version: buildInfo().Version}, o)
		}),
	}
	o.AddTo(c.Flags())
	_ = c.MarkFlagDirname("data")
	_ = c.MarkFlagDirname("backup-dir")
	_ = c.MarkFlagFilename("smtp-password-file")
	_ = c.MarkFlagFilename("config", "toml")
	_ = c.RegisterFlagCompletionFunc("sign-up", cobra.FixedCompletions([]string{"open", "email", "invite", "closed"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}
