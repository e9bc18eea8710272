package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/admin"
	"github.com/syncmanager/syncmanager/server/push"
)

// serving is what 'serve' was told.
type serving struct {
	addr, dir, public string
	config            string
	tls               tlsOptions
	proxies, cors     []string
	socketMode        string
	signUp, quota     string
	memory, reserve   string
	metrics           string
	logFormat         string
	accounts          string
	allow             []string
	allowAll          bool
	push              []string
	mail              mailOptions
}

func (a *app) serveCommand() *cobra.Command {
	var o serving
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

'syncmanager server' looks after the users and the backups of a server.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) (err error) {
			if err := settle(c.Flags(), o.config, a.getenv); err != nil {
				return err
			}
			if o.dir, err = a.dataFolder(o.dir); err != nil {
				return err
			}
			return a.serve(c.Context(), o)
		}),
	}
	flags := c.Flags()
	flags.StringVar(&o.config, "config", "", "take what the command line does not say from the TOML file `FILE`")
	flags.StringVar(&o.addr, "addr", "127.0.0.1:5000", "listen on `HOST:PORT`; port 0 takes a free one; or unix:PATH for a socket file, for a proxy alone")
	flags.StringVar(&o.socketMode, "socket-mode", "660", "with --addr unix:PATH: the socket file's `MODE`, in octal")
	flags.StringSliceVar(&o.cors, "cors-origin", nil, "let web pages of the `ORIGIN`, like https://app.example.org, use the service from a browser; may be repeated")
	flags.StringVar(&o.dir, "data", "", "keep the data in the folder `DIR`")
	flags.StringVar(&o.public, "public-url", "", "the `URL` under which devices reach the server")
	flags.StringSliceVar(&o.proxies, "trusted-proxy", nil, "believe X-Forwarded-For from this `ADDRESS` or network; may be repeated")
	flags.StringVar(&o.signUp, "sign-up", "", "`WHO` may make an account: open, email (who reads the mail of the address), invite or closed; by default open where this machine alone reaches the server, else invite")
	flags.StringVar(&o.quota, "quota", "none", "bound what each user may store to a `SIZE` like 500MB")
	flags.StringVar(&o.memory, "memory", "auto", "take no more memory than a `SIZE` like 256MB; by default what the machine, the container or the unit has")
	flags.StringVar(&o.reserve, "disk-reserve", "auto", "store nothing and let nobody sign up when less than a `SIZE` like 1GB of the disk is left, or \"none\"; by default 200 MB, or a twentieth of a small disk")
	flags.StringVar(&o.accounts, "accounts-server", "", "let people sign in at another accounts server, by its `URL`, or \"mozilla\"")
	flags.StringSliceVar(&o.allow, "allow-account", nil, "with --accounts-server: the account with this `UID` may come; may be repeated")
	flags.BoolVar(&o.allowAll, "allow-all-accounts", false, "with --accounts-server: whoever has an account there may come")
	flags.StringSliceVar(&o.push, "push-host", push.DefaultHosts(), "wake devices through the push service `HOST` and no other; may be repeated; \"none\" for none")
	flags.StringVar(&o.logFormat, "log-format", "text", "write the log to stderr as `FORMAT`: text or json")
	flags.StringVar(&o.metrics, "metrics-addr", "", "answer GET /metrics, for Prometheus, on `HOST:PORT`, to whoever reaches it")
	o.tls.addTo(flags)
	o.mail.addTo(flags)
	_ = c.MarkFlagDirname("data")
	_ = c.MarkFlagFilename("smtp-password-file")
	_ = c.MarkFlagFilename("config", "toml")
	_ = c.RegisterFlagCompletionFunc("sign-up", cobra.FixedCompletions([]string{"open", "email", "invite", "closed"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// dataFolder is where the server's data is.
func (a *app) dataFolder(dir string) (string, error) {
	if dir != "" {
		return dir, nil
	}
	if dir = a.getenv(envData); dir != "" {
		return dir, nil
	}
	if path := a.getenv(envConfig); path != "" {
		file, err := readConfig(path)
		if err != nil {
			return "", err
		}
		if dir, _ = file["data"].(string); dir != "" {
			return dir, nil
		}
	}
	data, err := profile.DataDir(a.getenv)
	if err != nil {
		return "", errors.New("no home folder found for the server's data: name a folder with --data")
	}
	return filepath.Join(data, "server"), nil
}

func (a *app) serve(ctx context.Context, o serving) (err error) {
	cfg := server.Config{Dir: o.dir, Version: buildInfo().Version, Now: time.Now, Rand: rand.Reader}
	if cfg.Log, err = a.serverLog(o.logFormat); err != nil {
		return err
	}
	if cfg.Proxies, err = parseNetworks(o.proxies); err != nil {
		return err
	}
	if cfg.SignUp, err = accounts.ParseSignUp(o.signUp); err != nil {
		return usage.Errorf("%w", err)
	}
	if cfg.Mail, err = o.mail.config(cfg.SignUp, a.getenv); err != nil {
		return err
	}
	if quota, err := parseQuota(o.quota); err != nil {
		return usage.Errorf("--quota: %w", err)
	} else if quota != nil {
		cfg.Quota = *quota
	}
	if cfg.Memory, err = parseMemory(o.memory, a.getenv); err != nil {
		return err
	}
	if cfg.DiskReserve, err = parseReserve(o.reserve); err != nil {
		return err
	}
	if cfg.External, err = o.external(); err != nil {
		return err
	}
	if !slices.Equal(o.push, []string{"none"}) {
		cfg.Push = &server.Push{Hosts: o.push, Transport: push.NewTransport()}
	}
	if err := o.tls.check(o.public); err != nil {
		return err
	}
	plain, err := listen(ctx, o.addr, o.socketMode)
	if err != nil {
		return err
	}
	_, cfg.SocketProxy = plain.Addr().(*net.UnixAddr)
	cfg.CORS = o.cors
	// Serve closes it too; this is for the way out before.
	defer func() { _ = plain.Close() }()
	if cfg.PublicURL = o.public; cfg.PublicURL == "" {
		if at, ok := plain.Addr().(*net.TCPAddr); !ok || at.IP.IsUnspecified() {
			return usage.Errorf("%s is not an address that devices can reach: name one with --public-url", plain.Addr())
		}
		cfg.PublicURL = o.tls.scheme() + "://" + plain.Addr().String()
	}
	public, err := server.ParsePublicURL(cfg.PublicURL)
	if err != nil {
		return err
	}
	cfg.PublicURL = public.String()
	if o.signUp == "" && cfg.External == nil && !onlyHere(plain.Addr(), cfg.PublicURL) {
		cfg.SignUp = accounts.SignUpInvite
	}
	s, err := server.New(ctx, cfg)
	if errors.Is(err, dirlock.ErrLocked) {
		return fmt.Errorf("another server is using the data in %s; stop it, or choose another folder with --data", o.dir)
	}
	if err != nil {
		return err
	}
	defer func() {
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		err = errors.Join(err, s.Close(patience))
	}()
	l, redirects, err := o.tls.wrap(ctx, plain, s, cfg)
	if err != nil {
		return err
	}
	running := []func(context.Context) error{func(ctx context.Context) error { return s.Serve(ctx, l) }}
	if orders, err := admin.Listen(ctx, cfg.Dir); err != nil {
		cfg.Log.WarnContext(ctx, "'syncmanager server' can look after the users only while the server is stopped", "err", err)
	} else {
		defer func() { _ = orders.Close() }() // as plain
		running = append(running, func(ctx context.Context) error {
			return serveAside(ctx, orders, admin.Handler(s, cfg.Log), cfg.Log)
		})
	}
	if o.metrics != "" {
		at, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.metrics)
		if err != nil {
			return fmt.Errorf("cannot listen on %s: %w", o.metrics, err)
		}
		defer func() { _ = at.Close() }()
		mux := http.NewServeMux()
		mux.Handle("GET /metrics", s.Metrics())
		running = append(running, func(ctx context.Context) error { return serveAside(ctx, at, mux, cfg.Log) })
	}
	if redirects != nil {
		running = append(running, redirects)
	}
	first, err := firstInvitation(ctx, s, cfg)
	if err != nil {
		return err
	}
	if err := a.announce(ctx, cfg, o, plain.Addr().String(), first); err != nil {
		return err
	}
	return together(ctx, running...)
}

// onlyHere reports whether nobody but this machine reaches the server: it listens
// on the loopback interface or a socket file, and its public URL is this machine's.
func onlyHere(listens net.Addr, publicURL string) bool {
	if at, ok := listens.(*net.TCPAddr); ok && !at.IP.IsLoopback() {
		return false
	}
	public, err := url.Parse(publicURL)
	return err == nil && usage.IsLoopback(public.Hostname())
}

// closeTimeout is how long a server that stopped waits for what still uses its files.
const closeTimeout = 5 * time.Second

// The invitation that a server without accounts prints is good for firstLife, and is
// known to later starts by firstNote.
const (
	firstLife = 24 * time.Hour
	firstNote = "the first account"
)

// firstInvitation makes the invitation for the first account of a server where
// sign-up is by invitation, in the place of those that earlier starts printed. It is
// "" where there is an account.
func firstInvitation(ctx context.Context, s *server.Server, cfg server.Config) (string, error) {
	if cfg.External != nil || cfg.SignUp != accounts.SignUpInvite {
		return "", nil
	}
	if any, err := s.AnyUser(ctx); any || err != nil {
		return "", err
	}
	earlier, err := s.Invitations(ctx)
	if err != nil {
		return "", err
	}
	for _, i := range earlier {
		if i.Note != firstNote {
			continue
		}
		// One that was used meanwhile, or has gone, is no longer there to revoke.
		if err := s.RevokeInvitation(ctx, i.ID); err != nil && !errors.Is(err, accounts.ErrNoInvitation) {
			return "", err
		}
	}
	code, _, err := s.Invite(ctx, firstNote, firstLife)
	return code, err
}

// serverLog is the server's log: warnings, which the security log counts among,
// unless more is asked for, and nothing but errors with -q.
func (a *app) serverLog(format string) (*slog.Logger, error) {
	level := slog.LevelWarn
	switch {
	case a.Verbose:
		level = slog.LevelDebug
	case a.Quiet:
		level = slog.LevelError
	}
	options := &slog.HandlerOptions{Level: level}
	switch format {
	case "", "text":
		return slog.New(slog.NewTextHandler(a.Err, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(a.Err, options)), nil
	}
	return nil, usage.Errorf("--log-format must be text or json, not %q", format)
}
