// Package importing defines the options and the report of imports, which all stores share.
package importing

// Options configure an import.
type Options struct {
	// DryRun reports what an import would do, and changes nothing.
	DryRun bool
	// Progress, if not nil, is called from time to time with the number of records read.
	Progress func(records int)
	// TempDir is the folder for a private copy of a browser's database; "" means the system's
	// folder for temporary files.
	TempDir string
}

// Report is the result of an import, or of a dry run. It contains no secrets.
type Report struct {
	// Format is the format that was detected, if there are several: "html", "chrome".
	Format string `json:"format,omitempty"`
	// Read counts the records of the source, including those that were left out.
	Read int `json:"read"`
	// Added counts new records, Updated those that updated an existing record, and Duplicates
	// those that changed nothing.
	Added      int `json:"added"`
	Updated    int `json:"updated"`
	Duplicates int `json:"duplicates"`
	// Skipped counts the records that were left out or shortened, and Skips lists the first
	// thousand.
	Skipped int    `json:"skipped"`
	Skips   []Skip `json:"skips"`
	// Visits counts new visits in an import of history.
	Visits int `json:"visits,omitempty"`
	// Notes are clauses about fields of imported records that were left out, and about the
	// source.
	Notes []string `json:"notes,omitempty"`
}

const maxNamed = 1000

// Skip counts a record that was left out, and adds it to Skips if there is room.
func (r *Report) Skip(s Skip) {
	r.Skipped++
	if len(r.Skips) < maxNamed {
		r.Skips = append(r.Skips, s)
	}
}

// Here counts the records of the source that are in the store now.
func (r *Report) Here() int { return r.Added + r.Updated + r.Duplicates }

// Skip is a record, or a part of one, that was left out. A source yields a *Skip as its error
// for a record that cannot be read, and the import continues.
type Skip struct {
	// Line is the line in a text file, from 1; 0 for a file without lines.
	Line int `json:"line,omitempty"`
	// Item names the record, shortened: a bookmark's title, a login's site; "" if it has no
	// name. It is never a secret.
	Item string `json:"item,omitempty"`
	// Reason is a clause: "its URL is longer than 65536 bytes".
	Reason string `json:"reason"`
}

// Error returns the reason.
func (s *Skip) Error() string { return s.Reason }
