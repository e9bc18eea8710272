// Package serve starts a server from the command line: it reads the settings, opens
// what the server listens on, says where the server is, and runs it until the context
// ends.
package serve

import (
	"crypto/rand"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/spf13/pflag"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/console"
	"github.com/syncmanager/syncmanager/server/node"
	"github.com/syncmanager/syncmanager/server/push"
)

// Options are the flags of 'syncmanager serve'.
type Options struct {
	// config is the settings file, dir the folder with the data.
	config, dir      string
	database         string
	nodeSecret       string // the file
	addr, socketMode string
	public           []string
	names            []*url.URL // parsed from public, or made from the address
	tls              tlsOptions
	proxies, cors    []string
	signUp, quota    string
	memory, reserve  string
	metrics, otlp    string
	batchRoom        string
	maxWaiting       int
	logFormat        string
	backups          string // the folder
	accounts         string
	allow            []string
	allowAll         bool
	push             []string
	mail             mailOptions
}

// AddTo defines the flags.
func (o *Options) AddTo(flags *pflag.FlagSet) {
	flags.StringVar(&o.config, "config", "", "read the settings that the command line does not give from the TOML file `FILE`")
	flags.StringVar(&o.addr, "addr", "127.0.0.1:5000", "listen on `HOST:PORT`, with port 0 on a free one; or on the socket file of unix:PATH, for a proxy")
	flags.StringVar(&o.socketMode, "socket-mode", "660", "with --addr unix:PATH: the socket file's `MODE`, in octal")
	flags.StringSliceVar(&o.cors, "cors-origin", nil, "let web pages of this `ORIGIN`, like https://app.example.org, use the service from a browser; may be repeated")
	flags.StringVar(&o.dir, "data", "", "keep the data in the folder `DIR`")
	flags.StringVar(&o.database, "database", "", "keep the accounts and all that they store in the PostgreSQL database `URL`, which several servers may share, each with its own --data; its password comes from the password file, $PGPASSWORD or $SYNCMANAGER_DATABASE")
	flags.StringVar(&o.nodeSecret, "node-secret", "", "serve only records, as a storage node of another server: with the secret in `FILE`, which 'syncmanager server node add' wrote")
	flags.StringSliceVar(&o.public, "public-url", nil, "the `URL` under which devices reach the server; may be repeated; e-mails have the first")
	flags.StringSliceVar(&o.proxies, "trusted-proxy", nil, "trust X-Forwarded-For from this `ADDRESS` or network; may be repeated")
	flags.StringVar(&o.signUp, "sign-up", "", "`WHO` may make an account: open (anyone), email (anyone, after a code by e-mail), invite or closed; by default open if only this machine can reach the server, else invite")
	flags.StringVar(&o.quota, "quota", "none", "limit what each user may store to a `SIZE` like 500MB")
	flags.StringVar(&o.memory, "memory", "auto", "limit the memory of the server to a `SIZE` like 256MB; by default what the machine, the container or the systemd unit has")
	flags.StringVar(&o.reserve, "disk-reserve", "auto", "store nothing, and accept no new account, if less than a `SIZE` like 1GB of the disk is free, or \"none\"; by default 200 MB, or 5% of a small disk")
	flags.StringVar(&o.batchRoom, "batch-room", "4GB", "with --database: refuse uploads while those that wait for their commit, of all users, take a `SIZE` like 10GB")
	flags.IntVar(&o.maxWaiting, "max-waiting", 0, "refuse requests with 503 and Retry-After if `N` of them use the storage or wait for it, and ask devices to come less often from half of it on; by default 256")
	flags.StringVar(&o.accounts, "accounts-server", "", "let people sign in at another accounts server, by its `URL`, or \"mozilla\"")
	flags.StringSliceVar(&o.allow, "allow-account", nil, "with --accounts-server: the account with this `UID` may use the server; may be repeated")
	flags.BoolVar(&o.allowAll, "allow-all-accounts", false, "with --accounts-server: all accounts may use the server")
	flags.StringSliceVar(&o.push, "push-host", push.DefaultHosts(), "notify devices through the push service `HOST` and no other; may be repeated; \"none\" for none; by default those of Mozilla, Google and Apple")
	flags.StringVar(&o.backups, "backup-dir", "", "let operators make backups on the page /admin/backups, into the folder `DIR`")
	flags.StringVar(&o.logFormat, "log-format", "text", "write the log to stderr as `FORMAT`: text or json")
	flags.StringVar(&o.metrics, "metrics-addr", "", "answer GET /metrics, for Prometheus, on `HOST:PORT`, to anyone who can reach it")
	flags.StringVar(&o.otlp, "otlp-endpoint", "", "send traces of requests and of their statements to the OpenTelemetry collector at `URL`, like http://127.0.0.1:4318; by default $OTEL_EXPORTER_OTLP_ENDPOINT")
	flags.Lookup("push-host").DefValue = "[]" // the text names the default
	o.tls.addTo(flags)
	o.mail.addTo(flags)
}

// serverConfig checks the options and returns the server's configuration, except the
// public URL, which may depend on the address that the server listens on.
func (o *Options) serverConfig(env Env) (cfg server.Config, err error) {
	cfg = server.Config{Dir: o.dir, Database: o.database, Version: env.Version, CORS: o.cors, Now: env.Now, Rand: rand.Reader}
	if cfg.Log, err = Log(env.Console, o.logFormat); err != nil {
		return cfg, err
	}
	if cfg.Proxies, err = parseNetworks(o.proxies); err != nil {
		return cfg, err
	}
	if cfg.SignUp, err = accounts.ParseSignUp(o.signUp); err != nil {
		return cfg, usage.Errorf("%w", err)
	}
	if cfg.Mail, err = o.mail.config(cfg.SignUp, env.Getenv); err != nil {
		return cfg, err
	}
	if err := o.setLimits(&cfg, env.Getenv); err != nil {
		return cfg, err
	}
	if cfg.External, err = o.external(); err != nil {
		return cfg, err
	}
	if err := checkDatabase(o.database); err != nil {
		return cfg, err
	}
	if cfg.Node, err = o.node(); err != nil {
		return cfg, err
	}
	if !slices.Equal(o.push, []string{"none"}) {
		cfg.Push = &server.Push{Hosts: o.push, Transport: push.NewTransport()}
	}
	cfg.OperatorPages = console.New(console.Config{Dir: o.dir, Version: env.Version, Backups: o.backups, Now: env.Now, Log: cfg.Log})
	return cfg, o.tls.check(o.public)
}

// maxNodeSecret bounds the file of a node's secret, in bytes.
const maxNodeSecret = 4096

// node reads the secret of a storage node. The errors do not contain it.
func (o *Options) node() (*server.Node, error) {
	if o.nodeSecret == "" {
		return nil, nil
	}
	f, err := os.Open(o.nodeSecret)
	if err != nil {
		return nil, usage.Errorf("--node-secret: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxNodeSecret))
	if err != nil {
		return nil, usage.Errorf("--node-secret: %w", err)
	}
	url, secret, err := node.ParseSecret(text)
	if err != nil {
		return nil, usage.Errorf("--node-secret %s: %w", o.nodeSecret, err)
	}
	return &server.Node{URL: url, Secret: secret}, nil
}

// checkDatabase finds mistakes in a connection string of PostgreSQL. The errors do not
// contain its password.
func checkDatabase(database string) error {
	if database == "" {
		return nil
	}
	if _, err := pgconn.ParseConfig(database); err != nil {
		return usage.Errorf("--database must be like postgres://USER@HOST/NAME: %w", err)
	}
	return nil
}

// setLimits sets how much of the machine the server may use.
func (o *Options) setLimits(cfg *server.Config, getenv func(string) string) error {
	quota, err := ParseQuota(o.quota)
	if err != nil {
		return usage.Errorf("--quota: %w", err)
	}
	if quota != nil {
		cfg.Quota = *quota
	}
	if cfg.BatchRoom, err = usage.ParseSize(o.batchRoom); err != nil || cfg.BatchRoom <= 0 {
		return usage.Errorf("--batch-room must be a size like 4GB, not %q", o.batchRoom)
	}
	if o.maxWaiting < 0 || o.maxWaiting > 1_000_000 {
		return usage.Errorf("--max-waiting must be a number from 1 to 1000000, not %d", o.maxWaiting)
	}
	cfg.MaxWaiting = o.maxWaiting
	if cfg.Memory, err = parseMemory(o.memory, getenv); err != nil {
		return err
	}
	cfg.DiskReserve, err = parseReserve(o.reserve)
	return err
}

// setPublicURL sets the URLs under which devices reach a server that listens on listen,
// and what depends on it.
func (o *Options) setPublicURL(cfg *server.Config, listen net.Addr) error {
	_, cfg.SocketProxy = listen.(*net.UnixAddr)
	public := o.public
	if len(public) == 0 {
		if at, ok := listen.(*net.TCPAddr); !ok || at.IP.IsUnspecified() {
			return usage.Errorf("%s is not an address that devices can reach: name one with --public-url", listen)
		}
		public = []string{o.tls.scheme() + "://" + listen.String()}
	}
	for i, text := range public {
		u, err := server.ParsePublicURL(text)
		if err != nil {
			return err
		}
		if o.names = append(o.names, u); i == 0 {
			cfg.PublicURL = u.String()
		} else {
			cfg.OtherURLs = append(cfg.OtherURLs, u.String())
		}
	}
	if o.signUp == "" && cfg.External == nil && cfg.Node == nil && !onlyLocal(listen, o.names) {
		cfg.SignUp = accounts.SignUpInvite
	}
	return nil
}

// onlyLocal reports whether only this machine reaches the server: it listens on the
// loopback interface or a socket file, and the host of each public URL is this machine.
func onlyLocal(listen net.Addr, names []*url.URL) bool {
	at, isTCP := listen.(*net.TCPAddr)
	return (!isTCP || at.IP.IsLoopback()) && !slices.ContainsFunc(names, elsewhere)
}

// elsewhere reports whether other machines may reach a server by the public URL u.
func elsewhere(u *url.URL) bool { return !usage.IsLoopback(u.Hostname()) }

// parseNetworks reads networks, like 10.0.0.0/8, and addresses, which are
// networks of one.
func parseNetworks(texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range texts {
		p, err := netip.ParsePrefix(text)
		if a, addrErr := netip.ParseAddr(text); addrErr == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil {
			return nil, usage.Errorf("%q is neither an address nor a network: write it like 192.0.2.1 or 10.0.0.0/8", text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// Log returns a server's log, in the format text, the default, or json. It has
// warnings, which include the security log; all with --verbose, and errors only with
// --quiet.
func Log(c *term.Console, format string) (*slog.Logger, error) {
	level := slog.LevelWarn
	switch {
	case c.Verbose:
		level = slog.LevelDebug
	case c.Quiet:
		level = slog.LevelError
	}
	options := &slog.HandlerOptions{Level: level}
	switch format {
	case "", "text":
		return slog.New(slog.NewTextHandler(c.Err, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(c.Err, options)), nil
	}
	return nil, usage.Errorf("--log-format must be text or json, not %q", format)
}
