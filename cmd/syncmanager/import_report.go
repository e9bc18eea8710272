package main

import (
	"errors"
	"io"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine/importing"
)

// importFile imports the file at path, or stdin for "-", and shows that it does.
func (a *app) importFile(
	doing, path string, fromPath func(path string) (importing.Report, error), fromReader func(io.Reader) (importing.Report, error),
) (r importing.Report, err error) {
	a.NewProgress().While(doing, func() {
		if path == "-" {
			r, err = fromReader(a.In)
		} else {
			r, err = fromPath(a.Path(path))
		}
	})
	return r, a.Named(err, path)
}

// printReport prints what an import did, in one form for every kind of store: the counts
// on stdout, what was left out on stderr, or all of it as JSON.
func (a *app) printReport(r importing.Report, dryRun bool) error {
	if a.JSON {
		return errors.Join(a.PrintJSON(withSkips(r)), a.taken(r.Here(), r.Skipped))
	}
	a.nameSkips("", r)
	a.tell(r.Notes)
	return errors.Join(a.Print("%s", reportWords(r, dryRun)), a.taken(r.Here(), r.Skipped))
}

// withSkips makes sure that the JSON has a list of what was left out, if an empty one.
func withSkips(r importing.Report) importing.Report {
	if r.Skips == nil {
		r.Skips = []importing.Skip{}
	}
	return r
}

// reportWords are the counts of a report.
func reportWords(r importing.Report, dryRun bool) string {
	would := would(dryRun)
	words := term.Count(r.Added) + " " + would + "added, "
	if r.Updated > 0 {
		words += term.Count(r.Updated) + " " + would + "updated, "
	}
	words += term.Count(r.Duplicates) + " here already, " + term.Count(r.Skipped) + " skipped"
	if r.Visits > 0 {
		words += "; " + plural(r.Visits, "new visit")
	}
	return words
}

// nameSkips names what an import left out on stderr. kind, if not "", begins each line.
func (a *app) nameSkips(kind string, r importing.Report) {
	for _, s := range r.Skips {
		item := s.Item
		switch {
		case kind != "" && item != "":
			item = kind + ": " + item
		case kind != "":
			item = kind
		}
		a.nameSkipped(s.Line, item, s.Reason)
	}
	a.countUnnamed(r.Skipped - len(r.Skips))
}
