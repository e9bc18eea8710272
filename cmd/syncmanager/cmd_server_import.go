package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/serve"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/internal/dirlock"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/takeover"
	"github.com/syncmanager/syncmanager/server/takeover/mozilla"
)

// The variables that name databases with their passwords.
const (
	envImportFrom   = "SYNCMANAGER_IMPORT_FROM"
	envImportTokens = "SYNCMANAGER_IMPORT_TOKENS"
)

// serverImport is 'server import'.
type serverImport struct {
	*operator
	from, database string
	other          mozilla.Options
	dryRun         bool
}

func (o *operator) importCommand() *cobra.Command {
	i := &serverImport{operator: o}
	c := &cobra.Command{
		Use:   "import --from DATABASE",
		Short: "Take over the users of a syncstorage-rs or Python sync server",
		Long: `Take over the users of another sync server, with their keys and records: of Mozilla's
syncstorage-rs, on MySQL, MariaDB or PostgreSQL, or of the older Python server, on these
or SQLite. Their accounts stay at Mozilla's accounts server, or another. Start this server
with 'serve --accounts-server'; then Firefox needs only another value of the preference
identity.sync.tokenserver.uri, and keeps its data.

The other database is only read, in one consistent state; its server may be running.
This server must be stopped, unless it keeps its data in PostgreSQL: see --database. If it
has storage nodes, these must run: the users are assigned to them as by signing in.

A password is not taken from the command line, which others can see. For MySQL it comes
from $MYSQL_PWD or ~/.my.cnf, for PostgreSQL from $PGPASSWORD or ~/.pgpass; or it is asked
for; or $` + envImportFrom + ` names the database with it. TLS is a matter of the URL's
parameters: ssl-mode and ssl-ca for MySQL, sslmode and sslrootcert for PostgreSQL.

A second run takes what has changed since the first. A user who went on only at the other
server is copied again. If devices have written to both servers, the records that are newer
at the other one are added, and what was deleted there meanwhile stays. A user whose keys
differ, or who has other records here, is named and left as they are. What the protocol does
not allow is named and left out; then the exit code is 3.`,
		Example: `  syncmanager server import --from mysql://sync@db/sync --data srv --dry-run
  syncmanager server import --from /var/lib/syncserver/syncserver.db --data srv`,
		Args: cobra.NoArgs,
		RunE: o.do(func(c *cobra.Command, _ []string) error { return i.run(c.Context()) }),
	}
	f := c.Flags()
	f.StringVar(&i.from, "from", "", "the other server's `DATABASE` of records: mysql://USER@HOST/NAME, postgres://USER@HOST/NAME or a SQLite file; or $"+envImportFrom)
	f.StringVar(&i.other.Tokens, "tokens", "", "its token server's `DATABASE`, if it is another one; or $"+envImportTokens)
	f.StringVar(&i.other.Node, "node", "", "if it has several nodes: the `URL` of the node whose records are in the database")
	f.StringVar(&i.other.Issuer, "issuer", "", "if its users are those of several accounts servers: the `NAME` of the one that counts, such as api.accounts.firefox.com")
	f.StringVar(&i.database, "database", "", "copy into this PostgreSQL database `URL`, whose servers may be running; or $"+serve.EnvDatabase)
	f.BoolVar(&i.dryRun, "dry-run", false, "only count what there is, and name what would be left out")
	return c
}

func (i *serverImport) run(ctx context.Context) (err error) {
	if err := i.names(); err != nil {
		return err
	}
	if i.Interactive() {
		i.other.Password = func(ctx context.Context, user string) (string, error) {
			return i.Ask(ctx, "password of "+user)
		}
	}
	i.other.Getenv = i.getenv
	src, err := mozilla.Open(ctx, i.from, i.other)
	if err != nil {
		return fmt.Errorf("the database to import: %w", err)
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	i.Note("The database is that of %s.", src.Server())
	progress := i.NewProgress()
	o := takeover.Options{Issuer: i.other.Issuer, Node: i.other.Node, Now: time.Now, Progress: func(done, total int) {
		progress.Say("users", fmt.Sprintf("user %d of %d", done+1, max(total, done+1)))
	}}
	var report takeover.Report
	if i.dryRun {
		report, err = takeover.Run(ctx, src, nil, o)
	} else {
		report, err = i.into(ctx, src, o)
	}
	progress.Done()
	if err != nil && report.Users > 0 {
		i.Warn("stopped at user %d; those before are done, and the same command goes on", report.Users)
	}
	if err != nil {
		return err
	}
	return i.print(report)
}

// names finds out which databases are meant, and refuses passwords on the command line.
func (i *serverImport) names() error {
	for _, text := range []string{i.from, i.other.Tokens, i.database} {
		if mozilla.HasPassword(text) {
			return usage.Errorf("a password on the command line can be seen by others: leave it out and see --help")
		}
	}
	if i.from == "" {
		i.from = i.getenv(envImportFrom)
	}
	if i.other.Tokens == "" {
		i.other.Tokens = i.getenv(envImportTokens)
	}
	if i.from == "" {
		return usage.Errorf("name the database of the other server with --from")
	}
	return nil
}

// into copies the users of src into this server.
func (i *serverImport) into(ctx context.Context, src takeover.Source, o takeover.Options) (_ takeover.Report, err error) {
	cfg, err := i.target()
	if err != nil {
		return takeover.Report{}, err
	}
	if cfg.Database != "" {
		// The folder of a server that runs is in use, and nothing that counts is kept in it.
		if cfg.Dir, err = os.MkdirTemp("", "syncmanager-import-"); err != nil {
			return takeover.Report{}, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(cfg.Dir)) }()
	}
	s, err := server.New(ctx, cfg)
	if errors.Is(err, dirlock.ErrLocked) {
		return takeover.Report{}, fmt.Errorf("a server uses the data in %s: stop it first", cfg.Dir)
	}
	if err != nil {
		return takeover.Report{}, err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()
	return s.TakeOver(ctx, src, o)
}

// target says where this server's data is: in a database, or in a data folder, which is made if it does
// not exist.
func (i *serverImport) target() (cfg server.Config, err error) {
	cfg = server.Config{
		// The server answers no requests, so that neither URL is used.
		PublicURL: "http://stopped.invalid", External: &server.External{URL: "https://stopped.invalid"},
		Version: buildInfo().Version, Now: time.Now, Rand: rand.Reader,
	}
	if cfg.Log, err = serve.Log(&i.Console, ""); err != nil {
		return cfg, err
	}
	if cfg.Database = cmp.Or(i.database, i.getenv(serve.EnvDatabase)); cfg.Database != "" {
		return cfg, nil
	}
	if i.dir, err = serve.DataDir(i.dir, i.getenv); err != nil {
		return cfg, err
	}
	cfg.Dir = i.dir
	if i.has("accounts.sqlite") {
		return cfg, fmt.Errorf("%s: %w: name another folder with --data", i.dir, server.ErrOwnAccounts)
	}
	return cfg, nil
}

// print prints what was taken, or what would be.
func (i *serverImport) print(r takeover.Report) error {
	skipped := r.SkippedUsers > 0 || r.SkippedRecords > 0
	if i.JSON {
		if err := i.PrintJSON(r); err != nil {
			return err
		}
	} else if err := i.printTable(r); err != nil {
		return err
	}
	if skipped {
		return &reportedError{syncmanager.StatusPartial}
	}
	return nil
}

func (i *serverImport) printTable(r takeover.Report) error {
	for _, s := range r.Skips {
		what := s.User
		if s.Item != "" {
			what += ": " + s.Item
		}
		i.Warn("left out: %s: %s", what, s.Reason)
	}
	if unnamed := int64(r.SkippedUsers) + r.SkippedRecords - int64(len(r.Skips)); unnamed > 0 {
		i.Warn("left out: %d more", unnamed)
	}
	t := term.Table{Head: []string{"COLLECTION", "RECORDS", "SIZE"}, Width: i.Width()}
	for _, name := range slices.Sorted(maps.Keys(r.Collections)) {
		n := r.Collections[name]
		t.Add(name, strconv.FormatInt(n.Records, 10), usage.FormatSize(n.Bytes))
	}
	t.Add("all", strconv.FormatInt(r.Records, 10), usage.FormatSize(r.Bytes))
	if err := t.Print(i.Out); err != nil {
		return err
	}
	words := fmt.Sprintf("%s: %d new, %d updated, %d merged, %d unchanged", plural(r.Users, "user"), r.New, r.Updated, r.Merged, r.Unchanged)
	if i.dryRun {
		words = fmt.Sprintf("%s would come: %d", plural(r.Users, "user"), r.New)
	}
	return i.Print("%s; %d deleted, %d elsewhere, %d left out. Records: %d expired, %d left out. Former keys: %d.",
		words, r.Deleted, r.Elsewhere, r.SkippedUsers, r.Expired, r.SkippedRecords, r.OldKeys)
}
