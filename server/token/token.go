// Package token is the token server: it exchanges an account's OAuth access token for a
// storage token, and assigns a storage to each key of an account.
//
// Source: Mozilla's token server API 1.0, its rules and its error answers.
package token

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/onepw"
	"github.com/syncmanager/syncmanager/server/internal/sqldb"
	"github.com/syncmanager/syncmanager/server/security"
	"github.com/syncmanager/syncmanager/server/telemetry"
)

// DefaultDuration is how long a storage token is valid.
const DefaultDuration = time.Hour

// retrySoon is how long a client waits while the database cannot be used, in seconds.
const retrySoon = "10"

// noRoomRetry is how many seconds a new user's client waits if no node has room.
const noRoomRetry = "600"

// unboundDuration is how long a token is valid that cannot be revoked earlier.
const unboundDuration = 5 * time.Minute

// Errors of a [Verifier]. ErrBadAccess means that an access token is forged, expired or
// revoked, or does not have the sync scope. ErrNotYet means that it was issued in the future,
// because a clock is wrong. Any other error is a failure of the server.
var (
	ErrBadAccess = errors.New("the access token is not valid for sync")
	ErrNotYet    = errors.New("the access token was issued in the future")
)

// Identity is the account that an access token belongs to.
type Identity struct {
	// Account is the uid of the account.
	Account string
	// Generation is the time of the last change of the account's credentials, in milliseconds
	// since 1970; 0 means unknown.
	Generation int64
	// Bound identifies what the token's validity depends on, or is ""; see [Config.Live].
	Bound string
}

// Verifier checks OAuth access tokens.
type Verifier interface {
	// Verify returns the identity for a valid access token with the sync scope. Otherwise the
	// error wraps [ErrBadAccess] or [ErrNotYet].
	Verify(ctx context.Context, accessToken string) (Identity, error)
}

// Config configures a [Service]. All fields without a default must be set.
type Config struct {
	// Database is where the tables are, as a connection string of PostgreSQL; "": in
	// token.sqlite in the folder Dir.
	Database string
	// Dir is the folder of token.sqlite.
	Dir string
	// Node returns the public URL of the storage service, without "/1.5/<uid>", for the
	// client of a request.
	Node func(context.Context) string
	// NodeType names the kind of storage there, such as "sqlite"; clients report it.
	NodeType string
	// ReadOnly, if set, reports whether nothing may be written now. Tokens are given out nevertheless for storages that
	// are there.
	ReadOnly func() bool
	// NodeSecret returns the secret of a storage node with the root URL url: what the Signer of its
	// tokens has. It must be set if there are nodes.
	NodeSecret func(url string) ([]byte, error)
	// NodePath is the path of the storage service below a node's root.
	NodePath string
	// Quota, if set, returns how many bytes an account may store; 0: any amount. The tokens for nodes
	// tell it, as the nodes have no accounts.
	Quota func(ctx context.Context, account string) (int64, error)
	// Signer makes the tokens; the storage service has the same.
	Signer *Signer
	// HashKey is a secret. The hashed uids that clients report are HMACs with this key.
	HashKey  []byte
	Verifier Verifier
	// Live, if set, reports whether what a token of an account is bound to still exists, such
	// as a signed-in device. [Service.Admit] then refuses tokens whose bound has ended.
	Live func(ctx context.Context, account, bound string) (bool, error)
	// NoNewUsers refuses accounts that have no storage yet.
	NoNewUsers bool
	// Duration is how long a token is valid; default [DefaultDuration].
	Duration time.Duration
	Now      func() time.Time
	Rand     io.Reader
	Log      *slog.Logger
	// Security, if set, logs refused tokens.
	Security *security.Log
	// Telemetry, if set, observes the statements of the database.
	Telemetry *telemetry.Observer
}

//go:generate go run github.com/syncmanager/syncmanager/server/telemetry/statements

// Service is the token server. It serves /1.0/sync/1.5.
type Service struct {
	cfg Config
	db  sqldb.DB
	mux *http.ServeMux
}

//go:embed migrations/*.sql
var migrations embed.FS

// Schema returns the migrations that create the service's database.
func Schema() fs.FS {
	steps, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // it is part of the program
	}
	return steps
}

// Open opens the service's database.
func Open(ctx context.Context, cfg Config) (*Service, error) {
	if cfg.Duration == 0 {
		cfg.Duration = DefaultDuration
	}
	// Durable, because a uid that was assigned and then lost would be assigned to another
	// account, together with its storage.
	db, err := cfg.open(ctx)
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, db: db, mux: http.NewServeMux()}
	s.mux.HandleFunc("GET /1.0/{application}/{version}", s.get)
	return s, nil
}

// open opens the database that c names.
func (c *Config) open(ctx context.Context) (sqldb.DB, error) {
	if c.Database != "" {
		return sqldb.OpenPostgres(ctx, c.Database, "tokens", Schema(), c.Telemetry, statementNames)
	}
	return sqldb.OpenSQLite(ctx, filepath.Join(c.Dir, "token.sqlite"), "tokens", Schema(), c.Telemetry, statementNames)
}

// Close closes the database.
func (s *Service) Close() error { return s.db.Close() }

// Ping checks that the database can be read and written.
func (s *Service) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// ServeHTTP answers one request.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mux.ServeHTTP(w, r)
	telemetry.Route(r.Context(), r.Pattern)
}

type reply struct {
	ID           string `json:"id"`
	Key          string `json:"key"`
	UID          int64  `json:"uid"`
	APIEndpoint  string `json:"api_endpoint"`
	Duration     int64  `json:"duration"`
	HashedFxAUID string `json:"hashed_fxa_uid"`
	HashAlg      string `json:"hashalg"`
	NodeType     string `json:"node_type"`
}

func (s *Service) get(w http.ResponseWriter, r *http.Request) {
	// Clients set their clock by it, so refusals include it too.
	w.Header().Set("X-Timestamp", strconv.FormatInt(s.cfg.Now().Unix(), 10))
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	out, err := s.issue(r)
	if errors.Is(err, ErrNoRoom) {
		s.cfg.Log.ErrorContext(r.Context(), "a new user was refused", "err", err)
		w.Header().Set("Retry-After", noRoomRetry)
		err = errNoRoom
	}
	if refused, ok := asRefusal(err); ok {
		s.note(r, refused)
		refused.answer(w)
		return
	}
	if err != nil {
		s.cfg.Log.ErrorContext(r.Context(), "token request failed", "err", err)
		if sqldb.Unavailable(err) || errors.Is(err, errReadOnly) {
			w.Header().Set("Retry-After", retrySoon)
			errBusy.answer(w)
			return
		}
		errServer.answer(w)
		return
	}
	answer(w, http.StatusOK, out)
}

func (s *Service) issue(r *http.Request) (reply, error) {
	if r.PathValue("application") != "sync" {
		return reply{}, errUnsupported("Unsupported application", "application")
	}
	if v := r.PathValue("version"); v != "1.5" {
		return reply{}, errUnsupported("Unsupported application version", v)
	}
	c, err := s.claim(r)
	if err != nil {
		return reply{}, err
	}
	u, err := s.assign(r.Context(), c)
	if err != nil {
		return reply{}, err
	}
	duration := s.cfg.Duration
	if n, err := strconv.ParseInt(r.URL.Query().Get("duration"), 10, 32); err == nil && n > 0 {
		duration = min(duration, time.Duration(n)*time.Second)
	}
	if s.cfg.Live != nil && c.bound == "" {
		duration = min(duration, unboundDuration)
	}
	g := Grant{
		UID:     u.uid,
		Account: c.account,
		Bound:   c.bound,
		KeyID:   onepw.FormatKeyID(u.keysChangedAt, u.clientState),
	}
	if u.node != "" {
		return s.sign(r.Context(), g, u.node, min(duration, unboundDuration))
	}
	return s.grant(g, s.cfg.Node(r.Context()), s.cfg.NodeType, s.cfg.Signer, duration)
}

// sign makes a token for a node, which is told what ended some seconds later, or not at all.
func (s *Service) sign(ctx context.Context, g Grant, node string, duration time.Duration) (reply, error) {
	if s.cfg.NodeSecret == nil {
		return reply{}, fmt.Errorf("the storage is on the node %s, and this server has no secret for it", node)
	}
	secret, err := s.cfg.NodeSecret(node)
	if err != nil {
		return reply{}, err
	}
	if s.cfg.Quota != nil {
		if g.Quota, err = s.cfg.Quota(ctx, g.Account); err != nil {
			return reply{}, err
		}
	}
	g.Issued = s.cfg.Now()
	return s.grant(g, node+s.cfg.NodePath, nodeType, NewSigner(secret), duration)
}

// nodeType is what clients are told of a node.
const nodeType = "node"

func (s *Service) grant(g Grant, endpoint, kind string, signer *Signer, duration time.Duration) (reply, error) {
	g.Expires = s.cfg.Now().Add(duration)
	id, key, err := signer.Make(g, endpoint, s.cfg.Rand)
	if err != nil {
		return reply{}, err
	}
	return reply{
		ID: id, Key: key, UID: g.UID,
		APIEndpoint:  fmt.Sprintf("%s/1.5/%d", endpoint, g.UID),
		Duration:     int64(duration / time.Second),
		HashedFxAUID: s.hashed(g.Account), HashAlg: "sha256", NodeType: kind,
	}, nil
}

// MaxClientState bounds X-Client-State, in bytes. Clients send 16.
const MaxClientState = 32

// claim reads the claim from the request's headers.
func (s *Service) claim(r *http.Request) (claim, error) {
	scheme, access, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case !ok:
		return claim{}, errUnauthorized
	case !strings.EqualFold(scheme, "Bearer"):
		return claim{}, errScheme
	}
	who, err := s.cfg.Verifier.Verify(r.Context(), access)
	switch {
	case errors.Is(err, ErrBadAccess):
		return claim{}, errCredentials
	case errors.Is(err, ErrNotYet):
		return claim{}, errTimestamp
	case err != nil:
		return claim{}, fmt.Errorf("verify an access token: %w", err)
	}
	kid := r.Header.Get("X-KeyID")
	if kid == "" {
		return claim{}, errNoKeyID
	}
	changed, state, err := onepw.ParseKeyID(kid)
	if err != nil {
		return claim{}, errCredentials
	}
	h := r.Header.Get("X-Client-State")
	if raw, err := hex.DecodeString(h); err != nil || len(raw) > MaxClientState {
		return claim{}, errMalformed
	}
	if h != "" && h != hex.EncodeToString(state) {
		return claim{}, errClientState("not that of X-KeyID")
	}
	return claim{account: who.Account, bound: who.Bound, clientState: state, generation: who.Generation, keysChangedAt: changed}, nil
}

// hashed returns the account's name for clients' reports: it is stable, and does not reveal
// the uid.
func (s *Service) hashed(account string) string {
	m := hmac.New(sha256.New, s.cfg.HashKey)
	io.WriteString(m, account)
	return hex.EncodeToString(m.Sum(nil))[:32]
}
