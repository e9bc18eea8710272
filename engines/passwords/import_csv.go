package passwords

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/internal/textfile"
)

// ErrFormat means that a file is not an export of passwords.
var ErrFormat = errors.New("this is not a CSV export of passwords: its first line must name the columns url, username and password")

// ImportOptions say how Import works.
type ImportOptions struct {
	// DryRun reports what would be done, and does nothing.
	DryRun bool
	// Progress is told now and then how many rows were read; nil: no one is.
	Progress func(rows int)
}

// Report tells what an import did. It holds no secret.
type Report struct {
	// Format is "firefox", "chrome", the name of a password manager, or "csv" for another
	// file with such columns.
	Format string `json:"format"`
	// Read counts the rows below the header; one with several sites counts for each.
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
	// Notes are clauses about what was left out of rows that were taken.
	Notes []string `json:"notes,omitempty"`
}

// Skip is a row that was left out.
type Skip struct {
	// Line is where it begins; the header is line 1.
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

// Import reads a CSV export of a browser or a password manager. Rows that cannot be a
// login are left out and named in the report; none stops the others. A login that is here
// already takes over the row's password if that is the newer one. What was
// imported before an error stays, and the report tells of it.
func (e *Engine) Import(ctx context.Context, r io.Reader, opts ImportOptions) (Report, error) {
	c := &csvLogins{csv: textfile.NewCSV(r), left: make(map[string][]int)}
	done, err := e.importRows(ctx, c, importing.Options{DryRun: opts.DryRun, Progress: opts.Progress})
	if err != nil {
		err = fmt.Errorf("cannot import passwords: %w", err)
	}
	report := Report{
		Format: c.format, Read: done.Read, Added: done.Added, Updated: done.Updated, Duplicates: done.Duplicates,
		SkippedRows: done.SkippedRecords, Skipped: []Skip{},
		Notes: c.notes(),
	}
	for _, s := range done.Skipped {
		report.Skipped = append(report.Skipped, Skip{s.Line, s.Reason})
	}
	return report, err
}

func (e *Engine) importRows(ctx context.Context, c *csvLogins, o importing.Options) (importing.Report, error) {
	if err := c.header(); err != nil {
		return importing.Report{}, err
	}
	im := &importer{e: e, formless: !c.has("formactionorigin")}
	return im.run(ctx, c.logins(), o)
}
