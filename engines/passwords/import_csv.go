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

// ImportFrom reads a CSV export of a browser or a password manager. Rows that cannot be a
// login are left out and named in the report; none stops the others. A login that is here
// already takes over the row's password if that is the newer one. What was
// imported before an error stays, and the report tells of it.
func (e *Engine) ImportFrom(ctx context.Context, r io.Reader, o importing.Options) (importing.Report, error) {
	c := &csvLogins{csv: textfile.NewCSV(r), left: make(map[string][]int)}
	report, err := e.importRows(ctx, c, o)
	if err != nil {
		err = fmt.Errorf("cannot import passwords: %w", err)
	}
	report.Format, report.Notes = c.format, c.notes()
	return report, err
}

func (e *Engine) importRows(ctx context.Context, c *csvLogins, o importing.Options) (importing.Report, error) {
	if err := c.header(); err != nil {
		return importing.Report{}, err
	}
	im := &importer{e: e, formless: !c.has("formactionorigin")}
	return im.run(ctx, c.logins(), o)
}
