// Package accounts is the Firefox accounts server: signing up and in, the keys
// behind a password, OAuth tokens, devices and profile.
//
// Where sign-up is by e-mail an account waits for a code that was sent to its
// address; elsewhere it is complete from the start, and no e-mail is sent. Devices
// learn of each other by push messages, where these can be sent, or else when they
// ask.
//
// A [Service] routes requests, and answers those about what a password opens: accounts,
// sessions and keys. The other requests are answered by the packages below internal, each
// of which names what it needs: devices, profile, confirmation (by e-mail), recovery,
// secondfactor and grants (of OAuth). They all use
//
//   - auth: who sends a request, and what they proved;
//   - password: whether a password is right, and what is stored of one;
//   - tries: how often may be tried;
//   - api and fault: requests, answers and errors;
//   - store: the database, which is all that the rules know of it.
//
// What authorizes a request is read before the request's transaction, and checked again inside
// it; see auth.Holder.
//
// Source: the public API of Mozilla's accounts server, and what Firefox ESR 153
// asks of it.
package accounts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/internal/stretch"
	"github.com/syncmanager/syncmanager/server/accounts/internal/api"
	"github.com/syncmanager/syncmanager/server/accounts/internal/auth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/confirmation"
	"github.com/syncmanager/syncmanager/server/accounts/internal/devices"
	"github.com/syncmanager/syncmanager/server/accounts/internal/fault"
	"github.com/syncmanager/syncmanager/server/accounts/internal/grants"
	"github.com/syncmanager/syncmanager/server/accounts/internal/oauth"
	"github.com/syncmanager/syncmanager/server/accounts/internal/password"
	"github.com/syncmanager/syncmanager/server/accounts/internal/profile"
	"github.com/syncmanager/syncmanager/server/accounts/internal/random"
	"github.com/syncmanager/syncmanager/server/accounts/internal/recovery"
	"github.com/syncmanager/syncmanager/server/accounts/internal/secondfactor"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store"
	"github.com/syncmanager/syncmanager/server/accounts/internal/store/sqlstore"
	"github.com/syncmanager/syncmanager/server/accounts/internal/tries"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
	"github.com/syncmanager/syncmanager/server/mail"
	"github.com/syncmanager/syncmanager/server/publicname"
	"github.com/syncmanager/syncmanager/server/push"
	"github.com/syncmanager/syncmanager/server/security"
	"github.com/syncmanager/syncmanager/server/telemetry"
)

// Config says how a Service works. All fields without a default must be set.
type Config struct {
	// Database is where the tables are, as a connection string of PostgreSQL; "": in
	// accounts.sqlite in the folder Dir.
	Database string
	// Dir is where accounts.sqlite is.
	Dir string
	// PublicURLs are the server's roots as clients see them. HAWK signatures and the URLs in
	// an answer use the root that the request was sent to. Access tokens name the canonical
	// root as their issuer, and e-mails and push messages use it too.
	PublicURLs publicname.Names
	// SignUp says who may make an account; default SignUpOpen.
	SignUp SignUp
	// Cost is the scrypt cost of new passwords, as a power of two; default
	// onepw.DefaultCost. Each try takes 2^Cost KiB of memory, or less where Memory is
	// less, and more time for it.
	Cost int
	// Memory bounds what all tries take together, in bytes; default 64 MiB.
	Memory int64
	Limits Limits
	// Full, if set, reports that the disk has no room for more accounts and pictures.
	Full func() bool
	// Disabled, if set, says which accounts cannot be signed in to.
	Disabled func(ctx context.Context, uid string) (bool, error)
	// Destroyed, if set, is called after an account was deleted.
	Destroyed func(ctx context.Context, uid string)
	// Push, if set, sends messages to devices.
	Push Pusher
	// Mail, if set, sends e-mail, which SignUpEmail needs. CodeKey is the secret under
	// which the codes in it are kept; it must not be in the same folder's database.
	Mail    Mailer
	CodeKey []byte
	Now     func() time.Time
	Rand    io.Reader
	Log     *slog.Logger
	// Security, if set, logs failed sign-ins and the like.
	Security *security.Log
	// Telemetry, if set, observes the statements of the database.
	Telemetry *telemetry.Observer
}

// Mailer sends e-mail, as a mail.Sender does.
type Mailer interface {
	// Send takes a message. It waits only briefly for the result.
	Send(context.Context, mail.Message) error
}

// Pusher sends messages to devices, as a push.Sender does.
type Pusher interface {
	// Send takes a message and does not wait until it is sent.
	Send(context.Context, push.Message) error
}

// Service is the accounts server. It serves /.well-known, /auth/v1, /oauth/v1
// and /profile/v1.
type Service struct {
	cfg   Config
	db    store.Store
	api   api.Server
	tries *tries.Counter
	auth  *auth.Authenticator
	// keys sign the access tokens.
	keys *oauth.Keyring
	// notifier tells devices what happens to their account.
	notifier *devices.Notifier

	passwords    *password.Passwords
	devices      *devices.Handlers
	profile      *profile.Handlers
	confirmation *confirmation.Handlers
	recovery     *recovery.Handlers
	secondStep   *secondfactor.Handlers
	grants       *grants.Handlers
}

// hawkSkew is how far a client's clock may be off. A client that is further off
// is told the time, and tries again.
const hawkSkew = time.Minute

// idleLife is how long an unused session or refresh token without a device is kept.
const idleLife = 180 * 24 * time.Hour

// Schema holds the migrations that make the service's database.
func Schema() fs.FS { return sqlstore.Schema() }

// open opens the database that c names.
func (c *Config) open(ctx context.Context) (store.Store, error) {
	if c.Database == "" {
		return sqlstore.OpenFile(ctx, filepath.Join(c.Dir, "accounts.sqlite"), c.Telemetry)
	}
	return sqlstore.OpenPostgres(ctx, c.Database, c.Telemetry)
}

// Open opens the service's database.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Cost == 0 {
		cfg.Cost = onepw.Cost()
	}
	if cfg.Memory == 0 {
		cfg.Memory = 64 << 20
	}
	if cfg.Full == nil {
		cfg.Full = func() bool { return false }
	}
	if cfg.SignUp == "" {
		cfg.SignUp = SignUpOpen
	}
	if cfg.SignUp == SignUpEmail && (cfg.Mail == nil || len(cfg.CodeKey) == 0) {
		return nil, errors.New("sign-up by e-mail needs a mail host to send by")
	}
	cfg.Limits.defaults()
	db, err := cfg.open(ctx)
	if err != nil {
		return nil, err
	}
	s := &Service{
		cfg: cfg, db: db,
		api:   api.Server{Mux: http.NewServeMux(), Now: cfg.Now, Log: cfg.Log, Unavailable: sqldb.Unavailable},
		tries: &tries.Counter{DB: db, Limits: tries.Limits(cfg.Limits), Now: cfg.Now, Security: cfg.Security, Log: cfg.Log},
		keys:  oauth.NewKeyring(db, cfg.Now, cfg.Rand),
		notifier: devices.NewNotifier(devices.Config{
			Store: db, Push: cfg.Push, Window: cfg.Limits.Window, Now: cfg.Now, Log: cfg.Log,
		}),
	}
	s.auth = &auth.Authenticator{
		DB: db, Keys: s.keys, Tries: s.tries, URLs: cfg.PublicURLs, Now: cfg.Now, Rand: cfg.Rand, Window: cfg.Limits.Window,
		Signatures: &hawk.Window{Skew: hawkSkew},
	}
	s.passwords = &password.Passwords{
		DB: db, Tries: s.tries, Stretch: stretch.NewPool(cfg.Memory, runtime.GOMAXPROCS(0), cfg.Cost).Key, Cost: cfg.Cost,
		Decoys: cfg.SignUp == SignUpEmail, Disabled: cfg.Disabled, Rand: cfg.Rand, Security: cfg.Security,
	}
	s.devices = &devices.Handlers{
		DB: db, Auth: s.auth, Notifier: s.notifier, URLs: cfg.PublicURLs, Now: cfg.Now, Rand: cfg.Rand, Security: cfg.Security,
	}
	s.profile = &profile.Handlers{
		DB: db, Auth: s.auth, Notifier: s.notifier, URLs: cfg.PublicURLs, Full: cfg.Full, Drawing: make(chan struct{}, 1),
		Now: cfg.Now, Rand: cfg.Rand,
	}
	s.confirmation = &confirmation.Handlers{
		DB: db, Auth: s.auth, Tries: s.tries, Mail: cfg.Mail, CodeKey: cfg.CodeKey, URLs: cfg.PublicURLs, Now: cfg.Now, Rand: cfg.Rand, Log: cfg.Log,
	}
	s.recovery = &recovery.Handlers{DB: db, Auth: s.auth, Tries: s.tries, Now: cfg.Now}
	s.secondStep = &secondfactor.Handlers{
		DB: db, Auth: s.auth, Tries: s.tries, URLs: cfg.PublicURLs, Now: cfg.Now, Rand: cfg.Rand, Security: cfg.Security,
	}
	s.grants = &grants.Handlers{DB: db, Auth: s.auth, Keys: s.keys, URLs: cfg.PublicURLs, Now: cfg.Now, Rand: cfg.Rand}
	if s.passwords.Pepper, err = s.secret(ctx, "pepper"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	s.api.Refused = s.audit
	s.routes()
	return s, nil
}

// secret reads a random secret of this server, made at its first use.
func (s *Service) secret(ctx context.Context, name string) ([]byte, error) {
	fresh, err := random.Bytes(s.cfg.Rand, 32)
	if err != nil {
		return nil, err
	}
	value, err := s.db.Read(ctx).Secret(name)
	if !errors.Is(err, store.ErrNotFound) {
		return value, err
	}
	err = s.db.Update(ctx, "", func(tx store.Tx) error {
		if err := tx.AddSecret(name, fresh); err != nil {
			return err
		}
		value, err = tx.Secret(name) // that of another server, if it was faster
		return err
	})
	return value, err
}

// Close closes the database.
func (s *Service) Close() error { return s.db.Close() }

// PushExpired notes that the push subscription that a message was sent to is over.
func (s *Service) PushExpired(ctx context.Context, m push.Message) { s.notifier.Expired(ctx, m) }

// Ping reports whether the database can be read and written.
func (s *Service) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.api.Mux.ServeHTTP(w, r)
	telemetry.Route(r.Context(), r.Pattern)
}

func (s *Service) routes() {
	authServer := map[string]api.Handler{
		"POST /account/create":                  s.create,
		"POST /account/login":                   s.login,
		"POST /account/credentials/status":      s.credentialsStatus,
		"GET /account/status":                   s.statusByUID,
		"POST /account/status":                  s.statusByEmail,
		"POST /account/destroy":                 s.destroy,
		"GET /account/keys":                     s.accountKeys,
		"POST /account/scoped-key-data":         s.scopedKeyData,
		"GET /account/profile":                  s.profile.AccountProfile,
		"POST /password/change/start":           s.changeStart,
		"POST /password/change/finish":          s.changeFinish,
		"GET /session/status":                   s.sessionStatus,
		"POST /session/destroy":                 s.sessionDestroy,
		"POST /session/duplicate":               s.sessionDuplicate,
		"GET /recovery_email/status":            s.emailStatus,
		"POST /get_random_bytes":                s.randomBytes,
		"POST /totp/create":                     s.secondStep.CreateApp,
		"GET /totp/exists":                      s.secondStep.AppExists,
		"POST /totp/destroy":                    s.secondStep.DestroyApp,
		"POST /session/verify/totp":             s.secondStep.VerifyApp,
		"POST /session/verify/recoveryCode":     s.secondStep.VerifyBackupCode,
		"POST /session/verify_code":             s.confirmation.Verify,
		"POST /session/resend_code":             s.confirmation.Resend,
		"POST /recovery_email/resend_code":      s.confirmation.Resend,
		"POST /session/reauth":                  s.reauthenticate,
		"POST /recoveryKey":                     s.recovery.Create,
		"DELETE /recoveryKey":                   s.recovery.Delete,
		"POST /recoveryKey/exists":              s.recovery.Exists,
		"POST /recoveryKey/start":               s.recovery.Start,
		"POST /account/reset":                   s.resetAccount,
		"GET /recoveryCodes":                    s.secondStep.ReplaceBackupCodes,
		"GET /recoveryCodes/exists":             s.secondStep.BackupCodesExist,
		"POST /account/device":                  s.devices.Register,
		"GET /account/devices":                  s.devices.List,
		"POST /account/device/destroy":          s.devices.Destroy,
		"POST /account/device/rename":           s.devices.Rename,
		"POST /account/devices/notify":          s.devices.Notify,
		"GET /account/device/commands":          s.devices.Commands,
		"POST /account/devices/invoke_command":  s.devices.Invoke,
		"GET /account/attached_clients":         s.devices.Clients,
		"POST /account/attached_client/destroy": s.devices.DestroyClient,
		"GET /account/notices":                  s.notices,
		"POST /account/notice/dismiss":          s.dismissNotice,
		"POST /account/operator":                s.operatorCode,
	}
	oauthServer := map[string]api.Handler{
		"POST /token":         s.grants.Token,
		"POST /authorization": s.grants.Authorization,
		"POST /destroy":       s.grants.Destroy,
		"POST /verify":        s.grants.Verify,
		"POST /introspect":    s.grants.Introspect,
		"GET /jwks":           s.grants.Keyset,
		"GET /client/{id}":    s.grants.ClientMetadata,
	}
	profileServer := map[string]api.Handler{
		"GET /profile":        s.profile.Profile,
		"GET /email":          s.profile.Email,
		"GET /uid":            s.profile.UID,
		"GET /display_name":   s.profile.DisplayName,
		"POST /display_name":  s.profile.SetDisplayName,
		"GET /avatar":         s.profile.Avatar,
		"GET /avatar/default": s.profile.DefaultAvatar,
		"GET /avatar/{id}":    s.profile.AvatarImage,
		"DELETE /avatar/{id}": s.profile.DeleteAvatar,
	}
	// At Mozilla's the OAuth server is the auth server by another name, so clients
	// look for it in three places.
	for prefix, group := range map[string]map[string]api.Handler{
		"/auth/v1": authServer, "/auth/v1/oauth": oauthServer, "/oauth/v1": oauthServer, "/oauth/v1/oauth": oauthServer, "/profile/v1": profileServer,
	} {
		for pattern, h := range group {
			method, path, _ := strings.Cut(pattern, " ")
			s.handle(method+" "+prefix+path, h)
		}
	}
	s.api.HandleUpTo(profile.MaxAvatar, "POST /profile/v1/avatar/upload", s.auth.Known, s.profile.UploadAvatar)
	s.handle("GET /.well-known/fxa-client-configuration", s.clientConfiguration)
	s.handle("GET /.well-known/openid-configuration", s.openIDConfiguration)
	s.handle("/", func(*api.Request) (any, error) { return nil, fault.ErrNotFound })
}

// handle serves a pattern, such as "POST /auth/v1/account/login".
func (s *Service) handle(pattern string, h api.Handler) {
	check := s.auth.Known
	if method, path, ok := strings.Cut(pattern, " "); !ok || method == http.MethodGet || isOpen(path) {
		check = s.auth.KnownSigner
	}
	s.api.Handle(pattern, check, h)
}

// openPaths are the ends of the paths to which a request needs no Authorization header:
// what it may do is proved in its body, if at all.
var openPaths = []string{
	"/account/create", "/account/login", "/account/credentials/status", "/account/status", "/account/destroy",
	"/password/change/start", "/recoveryKey/start", "/get_random_bytes",
	"/oauth/token", "/oauth/destroy", "/oauth/verify", "/oauth/introspect",
	"/oauth/v1/token", "/oauth/v1/destroy", "/oauth/v1/verify", "/oauth/v1/introspect",
}

func isOpen(path string) bool {
	return slices.ContainsFunc(openPaths, func(end string) bool { return strings.HasSuffix(path, end) })
}

// Purge removes what expired.
func (s *Service) Purge(ctx context.Context) error {
	now := s.cfg.Now()
	if err := s.keys.Rotate(ctx); err != nil {
		return fmt.Errorf("rotate the signing key: %w", err)
	}
	err := s.db.Purge(ctx, store.Expiry{
		Now:         now.UnixMilli(),
		Unconfirmed: now.Add(-confirmation.UnconfirmedLife).UnixMilli(), // they have no data
		Short:       now.Add(-auth.ShortLife).UnixMilli(),
		Idle:        now.Add(-idleLife).UnixMilli(),
		Ended:       now.Add(-endedFor).UnixMilli(),
		Networks:    now.Add(-tries.NetworkLife).UnixMilli(),
		Keys:        now.Add(-grants.MaxAccessTTL).UnixMilli(),
		Tries:       tries.Max,
	})
	if err == nil {
		err = s.db.Update(ctx, "", func(tx store.Tx) error { return forgetOperatorSessions(tx, now) })
	}
	if err != nil {
		return fmt.Errorf("purge expired tokens: %w", err)
	}
	return nil
}

type randomAnswer struct {
	Data string `json:"data"` // hexadecimal
}

// randomBytes is for clients that have no good randomness of their own.
func (s *Service) randomBytes(*api.Request) (any, error) {
	data, err := random.Hex(s.cfg.Rand, 32)
	return randomAnswer{data}, err
}
