package main

import (
	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/serve"
)

func (a *app) serveCommand() *cobra.Command {
	var o serve.Options
	c := &cobra.Command{
		Use:   "serve",
		Short: "Be a server that this program and Firefox sign in to",
		Long: `Be a server that this program and Firefox sign in to: accounts, tokens and
storage, with all data in one folder. Ctrl-C or SIGTERM finishes what is in
flight and stops.

Devices must reach the server under its public URL, which is the address that
the server listens on unless --public-url names another. Beyond this machine,
the server needs TLS, in one of three ways:

  serve --addr :443 --acme --public-url https://sync.example.org
      gets a certificate from Let's Encrypt by itself and renews it
  serve --addr :443 --tls-cert FILE --tls-key FILE --public-url …
      shows a certificate that another program renews; no restart is needed
  serve --public-url https://sync.example.org --trusted-proxy 127.0.0.1
      leaves TLS to a proxy that passes requests on to --addr

Where others than this machine reach the server, whoever signs up needs an
invitation: the first one is printed at the start until there is an account,
and 'syncmanager server invite' makes more. --sign-up chooses otherwise.

Each flag may also be an environment variable, --public-url as
SYNCMANAGER_PUBLIC_URL, or a line in the TOML file that --config names:

  public-url = "https://sync.example.org"
  trusted-proxy = ["127.0.0.1", "::1"]
  acme = true

The command line goes before the environment, and that before the file.

A server that is reached by several names takes --public-url for each: it answers
a request in the name that it came by, and any other in the first. In the variable
they are apart by commas, in the file a list.

'syncmanager server' looks after the users and the backups of a server.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) (err error) {
			if err := o.Settle(c.Flags(), a.getenv); err != nil {
				return err
			}
			return serve.Run(c.Context(), serve.Env{Console: &a.Console, Getenv: a.getenv, Version: buildInfo().Version}, o)
		}),
	}
	o.AddTo(c.Flags())
	_ = c.MarkFlagDirname("data")
	_ = c.MarkFlagFilename("smtp-password-file")
	_ = c.MarkFlagFilename("config", "toml")
	_ = c.RegisterFlagCompletionFunc("sign-up", cobra.FixedCompletions([]string{"open", "email", "invite", "closed"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}
