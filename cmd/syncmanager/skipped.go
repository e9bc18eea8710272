package main

import (
	"errors"
	"fmt"

	"github.com/syncmanager/syncmanager"
)

// nameSkipped says on stderr what an import left out, and why. line is 0 where the
// source has no lines.
func (a *app) nameSkipped(line int, item, reason string) {
	text := reason
	if item != "" {
		text = item + ": " + text
	}
	if line > 0 {
		text = fmt.Sprintf("line %d: %s", line, text)
	}
	fmt.Fprintln(a.stderr, printable(text))
}

// countUnnamed counts what was left out beyond what was named.
func (a *app) countUnnamed(n int) {
	if n > 0 {
		fmt.Fprintf(a.stderr, "and %s more\n", count(n))
	}
}

// tell says on stderr what else there is to know of an import.
func (a *app) tell(notes []string) {
	for _, note := range notes {
		fmt.Fprintln(a.stderr, printable(note))
	}
}

// taken ends an import that took nothing: with an error where there was something to
// take, so that a script notices, and else with a word. here counts what the import added
// or what was here already, left what it left out.
func (a *app) taken(here, left int) error {
	switch {
	case here > 0:
		return nil
	case left == 0:
		a.note("There was nothing to import.")
		return nil
	}
	if !a.json {
		a.complain(errors.New("nothing was imported: all that was there was left out"))
	}
	return &reportedError{syncmanager.Failed}
}

// would makes "added" into what a dry run says.
func would(dry bool) string {
	if dry {
		return "would be "
	}
	return ""
}
