package passwords

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
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

// columns are the fields of an import by the names that browsers give them, in
// lower case.
var columns = map[string]string{
	"url": "url", "login_uri": "url", "username": "username", "login_username": "username",
	"password": "password", "login_password": "password", "httprealm": "httprealm", "formactionorigin": "formactionorigin",
	"guid": "guid", "timecreated": "timecreated", "timelastused": "timelastused", "timepasswordchanged": "timepasswordchanged",
}

// Import reads a CSV export of Firefox or Chrome. Rows that cannot be a login are
// left out and named in the report; none stops the others. A login that is here
// already takes over the row's password if that is the newer one. What was
// imported before an error stays, and the report tells of it.
func (e *Engine) Import(ctx context.Context, r io.Reader, opts ImportOptions) (Report, error) {
	c := &csvLogins{csv: newCSVReader(r)}
	done, err := e.importRows(ctx, c, mirror.ImportOptions{DryRun: opts.DryRun, Progress: opts.Progress})
	if err != nil {
		err = fmt.Errorf("cannot import passwords: %w", err)
	}
	report := Report{
		Format: c.format, Read: done.Read, Added: done.Added, Updated: done.Updated, Duplicates: done.Duplicates,
		SkippedRows: done.SkippedRecords, Skipped: []Skip{},
	}
	for _, s := range done.Skipped {
		report.Skipped = append(report.Skipped, Skip{s.Line, s.Reason})
	}
	return report, err
}

func (e *Engine) importRows(ctx context.Context, c *csvLogins, o mirror.ImportOptions) (mirror.Imported, error) {
	if err := c.header(); err != nil {
		return mirror.Imported{}, err
	}
	im := &importer{e: e, formless: !c.has("formactionorigin")}
	return im.run(ctx, c.logins(), o)
}

// csvLogins reads logins from the rows of a file.
type csvLogins struct {
	csv    *csvReader
	format string
	column map[string]int
	width  int
}

func (c *csvLogins) has(field string) bool {
	_, ok := c.column[field]
	return ok
}

func (c *csvLogins) header() error {
	names, _, err := c.csv.read()
	var bad *rowError
	if errors.As(err, &bad) || errors.Is(err, io.EOF) {
		return ErrFormat
	}
	if err != nil {
		return err
	}
	c.column, c.width = make(map[string]int), len(names)
	c.format = "csv"
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		switch name {
		case "guid", "timepasswordchanged":
			c.format = "firefox"
		case "name", "note":
			c.format = "chrome"
		}
		if field, ok := columns[name]; ok {
			if c.has(field) {
				return ErrFormat
			}
			c.column[field] = i
		}
	}
	for _, field := range []string{"url", "username", "password"} {
		if !c.has(field) {
			return ErrFormat
		}
	}
	return nil
}

// logins yields those of the rows. A row that is none is a *mirror.Skip.
func (c *csvLogins) logins() iter.Seq2[sourced, error] {
	return func(yield func(sourced, error) bool) {
		for {
			fields, line, err := c.csv.read()
			if errors.Is(err, io.EOF) {
				return
			}
			l := sourced{line: line}
			var bad *rowError
			switch {
			case errors.As(err, &bad):
				err = &mirror.Skip{Line: line, Reason: bad.reason}
			case err != nil:
			case len(fields) != c.width:
				err = &mirror.Skip{Line: line, Reason: fmt.Sprintf("it has %d columns, and the header has %d", len(fields), c.width)}
			default:
				l.Login = c.login(fields)
			}
			if !yield(l, err) {
				return
			}
		}
	}
}

func (c *csvLogins) login(fields []string) Login {
	field := func(name string) string {
		if i, ok := c.column[name]; ok {
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
	if id := engine.ID(field("guid")); (len(id) == 36 || len(id) == 38) && id.Valid() {
		l.ID = id
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
