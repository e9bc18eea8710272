package passwords

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// ErrFormat means that a file is not a browser's export of passwords.
var ErrFormat = errors.New("this is no CSV export of Firefox or Chrome: its first line must name the columns url, username and password")

// ImportOptions say how Import works.
type ImportOptions struct {
	// DryRun reports what would be done, and does nothing.
	DryRun bool
	// Progress is told now and then how many rows were read; nil: no one is.
	Progress func(rows int)
}

// Report tells what an import did. It holds no secret.
type Report struct {
	// Format is "firefox", "chrome" or "csv" for another file with such columns.
	Format string `json:"format"`
	// Read counts the rows below the header.
	Read int `json:"read"`
	// Added and Updated count the logins that are new and those that took over a
	// newer password.
	Added   int `json:"added"`
	Updated int `json:"updated"`
	// Duplicates counts the rows that say what was here already.
	Duplicates int `json:"duplicates"`
	// SkippedRows counts the rows that were left out, and Skipped names them, the
	// first thousand.
	SkippedRows int    `json:"skippedRows"`
	Skipped     []Skip `json:"skipped"`
}

// Skip is a row that was left out.
type Skip struct {
	// Line is where it begins; the header is line 1.
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

const (
	maxSkipped = 1000
	// importChunk is how many rows one transaction takes: an import of a million
	// lets syncs and edits through.
	importChunk = 500
)

// columns are the fields of an import by the names that browsers give them, in
// lower case.
var columns = map[string]string{
	"url": "url", "login_uri": "url", "username": "username", "login_username": "username",
	"password": "password", "login_password": "password", "httprealm": "httprealm", "formactionorigin": "formactionorigin",
	"guid": "guid", "timecreated": "timecreated", "timelastused": "timelastused", "timepasswordchanged": "timepasswordchanged",
}

type importer struct {
	e      *Engine
	csv    *csvReader
	opts   ImportOptions
	column map[string]int
	width  int
	report Report
	// known are the logins that were here before, by origin and username, each
	// with what stands for its password. It is there only for a file that does not
	// tell which form a login is for.
	known map[token]token
	// seen are the identities that a dry run would have added.
	seen map[token]bool
}

// token stands for a secret value in memory: a MAC of it.
type token [8]byte

func (im *importer) token(parts ...string) token {
	return token(im.e.mac.MAC([]byte(strings.Join(parts, "\x00"))))
}

// Import reads a CSV export of Firefox or Chrome. Rows that cannot be a login are
// left out and named in the report; none stops the others. A login that is here
// already takes over the row's password if that is the newer one. What was
// imported before an error stays, and the report tells of it.
func (e *Engine) Import(ctx context.Context, r io.Reader, opts ImportOptions) (Report, error) {
	im := &importer{e: e, csv: newCSVReader(r), opts: opts, seen: make(map[token]bool), report: Report{Skipped: []Skip{}}}
	err := im.run(ctx)
	if err != nil {
		err = fmt.Errorf("cannot import passwords: %w", err)
	}
	e.log.InfoContext(ctx, "passwords imported", "format", im.report.Format, "rows", im.report.Read, "added", im.report.Added,
		"updated", im.report.Updated, "skipped", im.report.SkippedRows, "dryRun", opts.DryRun)
	return im.report, err
}

func (im *importer) run(ctx context.Context) error {
	if err := im.header(); err != nil {
		return err
	}
	if _, told := im.column["formactionorigin"]; !told {
		if err := im.remember(ctx); err != nil {
			return err
		}
	}
	for done := false; !done; {
		before := im.report
		var rows []csvRow
		var err error
		// Reading may wait for a pipe, and a transaction must not.
		if rows, done, err = im.read(); err != nil {
			return err
		}
		err = im.e.edit(ctx, func(tx *mirror.Records[Login]) error {
			for _, r := range rows {
				if err := im.row(tx, r.fields, r.line); err != nil {
					return err
				}
			}
			if im.opts.DryRun {
				return errDryRun
			}
			return nil
		})
		if err != nil && !errors.Is(err, errDryRun) {
			im.report = before // the chunk was not kept
			return err
		}
		if im.opts.Progress != nil {
			im.opts.Progress(im.report.Read)
		}
	}
	return nil
}

var errDryRun = errors.New("a dry run keeps nothing")

func (im *importer) header() error {
	names, _, err := im.csv.read()
	var bad *rowError
	if errors.As(err, &bad) || errors.Is(err, io.EOF) {
		return ErrFormat
	}
	if err != nil {
		return err
	}
	im.column, im.width = make(map[string]int), len(names)
	im.report.Format = "csv"
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		switch name {
		case "guid", "timepasswordchanged":
			im.report.Format = "firefox"
		case "name", "note":
			im.report.Format = "chrome"
		}
		if field, ok := columns[name]; ok {
			if _, twice := im.column[field]; twice {
				return ErrFormat
			}
			im.column[field] = i
		}
	}
	for _, field := range []string{"url", "username", "password"} {
		if _, ok := im.column[field]; !ok {
			return ErrFormat
		}
	}
	return nil
}

func (im *importer) remember(ctx context.Context) error {
	im.known = make(map[token]token)
	for l, err := range im.e.Store.List(ctx) {
		if err != nil {
			return explain(err)
		}
		im.known[im.token(l.Hostname, l.Username)] = im.token(l.Password)
	}
	return nil
}

type csvRow struct {
	fields []string
	line   int
}

func (im *importer) read() (rows []csvRow, done bool, err error) {
	for range importChunk {
		fields, line, err := im.csv.read()
		var bad *rowError
		switch {
		case errors.Is(err, io.EOF):
			return rows, true, nil
		case errors.As(err, &bad):
			im.report.Read++
			im.skip(line, bad.reason)
		case err != nil:
			return nil, false, err
		default:
			im.report.Read++
			rows = append(rows, csvRow{fields, line})
		}
	}
	return rows, false, nil
}

func (im *importer) skip(line int, reason string) {
	im.report.SkippedRows++
	if len(im.report.Skipped) < maxSkipped {
		im.report.Skipped = append(im.report.Skipped, Skip{line, reason})
	}
}

func (im *importer) row(tx *mirror.Records[Login], fields []string, line int) error {
	if len(fields) != im.width {
		im.skip(line, fmt.Sprintf("it has %d columns, and the header has %d", len(fields), im.width))
		return nil
	}
	l := im.login(fields)
	if err := l.normalise(); err != nil {
		im.skip(line, strings.TrimPrefix(err.Error(), ErrInvalid.Error()+": "))
		return nil
	}
	if password, ok := im.known[im.token(l.Hostname, l.Username)]; ok {
		im.same(line, password == im.token(l.Password))
		return nil
	}
	if im.opts.DryRun {
		id := im.token(string(l.identity()))
		if im.seen[id] {
			im.report.Duplicates++
			return nil
		}
		im.seen[id] = true
	}
	err := tx.Add(&l)
	var dupe *mirror.DuplicateError
	if errors.As(err, &dupe) {
		return im.update(tx, dupe.ID, l, line)
	}
	if err == nil {
		im.report.Added++
	}
	return err
}

// same counts a row whose login is here already.
func (im *importer) same(line int, password bool) {
	if password {
		im.report.Duplicates++
		return
	}
	im.skip(line, "another password is saved for this site and username already, and was kept")
}

// update brings the login that is here to what the row says, if that is newer.
func (im *importer) update(tx *mirror.Records[Login], id engine.ID, l Login, line int) error {
	old, err := tx.Get(id)
	if err != nil {
		return err
	}
	if string(old.identity()) != string(l.identity()) {
		im.skip(line, "a login for another site or username has this guid already")
		return nil
	}
	if old.Password == l.Password || l.TimePasswordChanged <= old.TimePasswordChanged {
		im.same(line, old.Password == l.Password || im.dated())
		return nil
	}
	old.Password, old.TimePasswordChanged = l.Password, l.TimePasswordChanged
	im.report.Updated++
	return tx.Update(&old)
}

// dated tells whether the file says when passwords were changed: then one that is
// not newer is an old one, and no news.
func (im *importer) dated() bool {
	_, ok := im.column["timepasswordchanged"]
	return ok
}

func (im *importer) login(fields []string) Login {
	field := func(name string) string {
		if i, ok := im.column[name]; ok {
			return fields[i]
		}
		return ""
	}
	l := Login{
		Hostname: field("url"), Username: field("username"), Password: field("password"),
		HTTPRealm: field("httprealm"), FormSubmitURL: field("formactionorigin"),
		TimeCreated: milliseconds(field("timecreated")), TimeLastUsed: milliseconds(field("timelastused")),
		TimePasswordChanged: milliseconds(field("timepasswordchanged")),
	}
	if id := engine.ID(field("guid")); slices.Contains([]int{36, 38}, len(id)) && id.Valid() {
		l.ID = id
	}
	if !im.dated() {
		l.TimePasswordChanged = 0
	}
	return l
}

func milliseconds(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}
