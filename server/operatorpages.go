package server

import (
	"context"
	"net/url"
	"time"

	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/security"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/telemetry"
	"github.com/syncmanager/syncmanager/server/token"
)

// What the operator's pages need; see [Config.OperatorPages].

// OperatorPath is where the operator's pages are, below the public URL.
const OperatorPath = "/admin"

// Accounts returns the accounts, or nil if another server has them.
func (s *Server) Accounts() *accounts.Service { return s.accounts }

// Root returns the public URL that a request was sent to. It must not be changed.
func (s *Server) Root(ctx context.Context) *url.URL { return s.names.Of(ctx) }

// Security returns the security log.
func (s *Server) Security() *security.Log { return s.security }

// OperatorLink makes a link that opens the operator's pages once; see [accounts.Service.OperatorCode]. Its secret is behind
// the "#", which browsers do not send.
func (s *Server) OperatorLink(ctx context.Context) (link string, expires time.Time, err error) {
	if s.accounts == nil {
		return "", time.Time{}, ErrElsewhere
	}
	code, expires, err := s.accounts.OperatorCode(ctx)
	return s.names.Canonical().String() + OperatorPath + "#" + code, expires, err
}

// Operators lists the accounts that may open the operator's pages.
func (s *Server) Operators(ctx context.Context) ([]accounts.Operator, error) {
	if s.accounts == nil {
		return nil, ErrElsewhere
	}
	return s.accounts.Operators(ctx)
}

// AddOperator lets an account open the operator's pages; see [accounts.Service.AddOperator].
func (s *Server) AddOperator(ctx context.Context, who string) (accounts.Operator, error) {
	if s.accounts == nil {
		return accounts.Operator{}, ErrElsewhere
	}
	return s.accounts.AddOperator(ctx, who)
}

// RemoveOperator ends an account's right to the operator's pages; see [accounts.Service.RemoveOperator].
func (s *Server) RemoveOperator(ctx context.Context, who string) error {
	if s.accounts == nil {
		return ErrElsewhere
	}
	return s.accounts.RemoveOperator(ctx, who)
}

// EndOperatorSessions signs everybody out of the operator's pages; see [accounts.Service.EndOperatorSessions].
func (s *Server) EndOperatorSessions(ctx context.Context) (n int, err error) {
	if s.accounts == nil {
		return 0, ErrElsewhere
	}
	return s.accounts.EndOperatorSessions(ctx)
}

// Status is what an operator sees of the server's work.
type Status struct {
	Health
	Version string
	// Database says that the data is in PostgreSQL, and Users how many accounts have storage.
	Database bool
	Users    int
	// DiskFree and DiskSize are those of the disk of the data folder, in bytes, and Reserve what stays free of it; a
	// DiskSize of 0 means that they are unknown.
	DiskFree, DiskSize, Reserve int64
	// Certificate is when the certificate expires; the zero time means that the server has none, or that it is unknown.
	Certificate time.Time
	// Mail and Push say what is sent by this server, and MailWaiting and PushWaiting how many messages wait.
	Mail, Push               bool
	MailWaiting, PushWaiting int
	// Pools are those of connections to the databases.
	Pools []telemetry.NamedConnections
	// Steps is what the storage has to do.
	Steps storage.Steps
	// ReadOnly says that the server takes no writes for now.
	ReadOnly bool
}

// Status returns how the server is. The error is that of a database.
func (s *Server) Status(ctx context.Context) (st Status, err error) {
	st = Status{Version: s.cfg.Version, Database: s.cfg.Database != "", Pools: s.telemetry.Pools(), Steps: s.storage.Steps(), ReadOnly: s.readOnly.is(s.cfg.Now())}
	if st.Health, err = s.Health(ctx); err != nil {
		return st, err
	}
	if left, size, err := s.cfg.Disk(s.cfg.Dir); err == nil && size > 0 {
		beyond, _ := s.diskLeft()
		st.DiskFree, st.DiskSize, st.Reserve = left, size, left-beyond
	}
	if expires := s.certificate.Load(); expires != nil {
		st.Certificate = (*expires)()
	}
	if st.Mail = s.mail != nil; st.Mail {
		st.MailWaiting = s.mail.Waiting()
	}
	if st.Push = s.push != nil; st.Push {
		st.PushWaiting = s.push.Waiting()
	}
	st.Users, err = s.tokens.Count(ctx)
	return st, err
}

// CountUsers returns how many accounts have storage.
func (s *Server) CountUsers(ctx context.Context) (int, error) { return s.tokens.Count(ctx) }

// DefaultQuota returns how many bytes a user without a quota of their own may store; 0 means any amount.
func (s *Server) DefaultQuota() int64 { return s.defaultQuota.Load() }

// UserDetails is what an operator sees of one user.
type UserDetails struct {
	User
	accounts.Details
	// OwnQuota says that the user has a quota of their own.
	OwnQuota bool
	// Collections are those of the user by name, if this server has them: those of a user on a node are not listed.
	Collections []storage.Collection
}

// UserDetails returns one user. It reads names, times and sizes, and no content. The error may be [ErrNoUser].
func (s *Server) UserDetails(ctx context.Context, who string) (d UserDetails, err error) {
	if s.accounts == nil {
		return d, ErrElsewhere
	}
	a, err := s.accounts.User(ctx, who)
	if err != nil {
		return d, err
	}
	if d.Details, err = s.accounts.Details(ctx, a.UID); err != nil {
		return d, err
	}
	t, err := s.tokens.User(ctx, a.UID)
	if err != nil {
		return d, err
	}
	d.User = User{UID: a.UID, Email: a.Email, Created: a.Created, Seen: a.Seen, Devices: a.Devices, Unconfirmed: a.Unconfirmed, Storage: t.UID}
	d.Disabled, d.Quota, d.OwnQuota = t.Disabled, s.quota(t.AccountStatus), t.Quota.Valid
	switch {
	case t.UID == 0:
	case t.Node != "":
		d.Node = nodeName(t.Node)
	default:
		s.addCollections(ctx, &d, t)
	}
	return d, nil
}

// addCollections reads the collections of a storage of this server.
func (s *Server) addCollections(ctx context.Context, d *UserDetails, t token.User) {
	err := s.backend.View(ctx, t.UID, func(v storage.View) (err error) {
		d.Collections, err = v.Collections()
		return err
	})
	if err != nil {
		d.Damaged = err.Error()
	}
	for _, c := range d.Collections {
		d.Bytes += c.Bytes
		if at := c.Modified.Time(); c.Modified > 0 && at.After(d.Changed) {
			d.Changed = at
		}
	}
}
