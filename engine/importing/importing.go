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
}

// Report tells what an import did. It holds no secret.
type Report struct {
	// Read counts the records that the source had.
	Read int `json:"read"`
	// Added counts those that are new, Updated those that brought what was here up to
	// date, Duplicates those that were here already.
	Added      int `json:"added"`
	Updated    int `json:"updated"`
	Duplicates int `json:"duplicates"`
	// SkippedRecords counts those that were left out, and Skipped names them, the first
	// thousand.
	SkippedRecords int    `json:"skippedRecords"`
	Skipped        []Skip `json:"skipped"`
}

// Skip is a record, or a part of one, that was left out. A source that yields one as its
// error says so of a record that cannot be read, and the import goes on.
type Skip struct {
	// Line is where it is in a text, from 1; 0 where there are no lines.
	Line int `json:"line,omitempty"`
	// Item names it, shortened: a bookmark's title, a login's site; "" when it has no
	// name. It is never a secret.
	Item string `json:"item,omitempty"`
	// Reason is a clause about it: "its URL is longer than 65536 bytes".
	Reason string `json:"reason"`
}

// Error returns the reason.
func (s *Skip) Error() string { return s.Reason }
