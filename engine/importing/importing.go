// Package importing is how stores take over records from elsewhere: what an app asks of
// an import, and what the import reports.
package importing

// Options say how an import works.
type Options struct {
	// DryRun reports what would be done, and does nothing.
	DryRun bool
	// Progress is called now and then with the number of records that were read; nil:
	// nothing is called.
	Progress func(records int)
	// TempDir is where a browser's database is copied to before it is read; "": the
	// system's folder for temporary files.
	TempDir string
}

// Report tells what an import did, or would do. It holds no secret.
type Report struct {
	// Format is what the source was found to be, where there are several: "html",
	// "chrome".
	Format string `json:"format,omitempty"`
	// Read counts the records that the source had, those that were left out included.
	Read int `json:"read"`
	// Added counts those that are new, Updated those that brought what was here up to
	// date, Duplicates those that say nothing new.
	Added      int `json:"added"`
	Updated    int `json:"updated"`
	Duplicates int `json:"duplicates"`
	// Skipped counts what was left out or cut, and Skips names it, the first thousand.
	Skipped int    `json:"skipped"`
	Skips   []Skip `json:"skips"`
	// Visits counts the visits that are new, of a history.
	Visits int `json:"visits,omitempty"`
	// Notes are clauses about what was left out of records that were taken, and about the
	// source.
	Notes []string `json:"notes,omitempty"`
}

const maxNamed = 1000

// Skip counts what was left out, and names it if there is room.
func (r *Report) Skip(s Skip) {
	r.Skipped++
	if len(r.Skips) < maxNamed {
		r.Skips = append(r.Skips, s)
	}
}

// Here counts the records of the source that are here now.
func (r *Report) Here() int { return r.Added + r.Updated + r.Duplicates }

// Skip is a record, or a part of one, that was left out. A source that yields one as its
// error says so of a record that cannot be read, and the import goes on.
type Skip struct {
	// Line is where it is in a text, from 1; 0 for a file without lines.
	Line int `json:"line,omitempty"`
	// Item names it, shortened: a bookmark's title, a login's site; "" when it has no
	// name. It is never a secret.
	Item string `json:"item,omitempty"`
	// Reason is a clause about it: "its URL is longer than 65536 bytes".
	Reason string `json:"reason"`
}

// Error returns the reason.
func (s *Skip) Error() string { return s.Reason }
