package mozilla

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// dialTimeout bounds the wait for a database that does not answer.
const dialTimeout = 20 * time.Second

const (
	// The rows of one user wait while those before are written elsewhere.
	sqlPatience  = `SET SESSION net_write_timeout = 3600, SESSION wait_timeout = 86400`
	sqlIsolation = `SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ`
	sqlBegin     = `START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY`
)

// openMySQL connects to MySQL or MariaDB and begins to read.
func openMySQL(ctx context.Context, u *url.URL, o Options) (database, error) {
	cfg, err := mysqlConfig(u, o.Getenv)
	if err != nil {
		return nil, err
	}
	db, err := beginMySQL(ctx, cfg)
	if denied := (*mysql.MySQLError)(nil); errors.As(err, &denied) && denied.Number == 1045 && cfg.Passwd == "" && o.Password != nil {
		if cfg.Passwd, err = o.Password(ctx, cfg.User); err != nil {
			return nil, err
		}
		db, err = beginMySQL(ctx, cfg)
	}
	return db, err
}

func beginMySQL(ctx context.Context, cfg *mysql.Config) (database, error) {
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	c, err := begin(ctx, sql.OpenDB(connector), sqlPatience, sqlIsolation, sqlBegin)
	if err != nil {
		return nil, err
	}
	return mysqlDB{c}, nil
}

// mysqlConfig reads a URL like mysql://user@host/database.
func mysqlConfig(u *url.URL, getenv func(string) string) (*mysql.Config, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.DBName = u.User.Username(), strings.TrimPrefix(u.Path, "/")
	if cfg.User == "" || cfg.DBName == "" || strings.Contains(cfg.DBName, "/") {
		return nil, errors.New("it must be like mysql://USER@HOST/DATABASE")
	}
	password, given := u.User.Password()
	if !given {
		password = cmp.Or(getenv("MYSQL_PWD"), optionPassword(getenv))
	}
	cfg.Passwd = password
	cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(cmp.Or(u.Hostname(), "127.0.0.1"), cmp.Or(u.Port(), "3306"))
	cfg.Timeout, cfg.Logger = dialTimeout, &mysql.NopLogger{}
	cfg.ConnectionAttributes = "program_name:syncmanager"
	mode, ca := "PREFERRED", ""
	for name, values := range u.Query() {
		value := values[len(values)-1]
		switch strings.ToLower(name) {
		case "socket":
			cfg.Net, cfg.Addr = "unix", value
		case "ssl-mode":
			mode = strings.ToUpper(value)
		case "ssl-ca":
			ca = value
		default:
			return nil, fmt.Errorf("%q is not a parameter for MySQL: known are socket, ssl-mode and ssl-ca", name)
		}
	}
	if cfg.Net == "unix" {
		return cfg, nil
	}
	return cfg, useTLS(cfg, mode, ca, u.Hostname())
}

// useTLS sets how the connection is encrypted. The modes are those of MySQL's programs.
func useTLS(cfg *mysql.Config, mode, ca, host string) error {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return fmt.Errorf("cannot read the certificates of ssl-ca: %w", err)
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(text) {
			return fmt.Errorf("%s has no certificates", ca)
		}
	}
	switch mode {
	case "DISABLED":
		return nil
	case "PREFERRED":
		c.InsecureSkipVerify, cfg.AllowFallbackToPlaintext = true, true
	case "REQUIRED":
		c.InsecureSkipVerify = true
	case "VERIFY_CA":
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, c.RootCAs) }
	case "VERIFY_IDENTITY":
	default:
		return fmt.Errorf("ssl-mode must be DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY, not %q", mode)
	}
	cfg.TLS = c
	return nil
}

// verifyChain checks a server's certificate, but not whose it is.
func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(o)
	return err
}
