package main

import "fmt"

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

// would makes "added" into what a dry run says.
func would(dry bool) string {
	if dry {
		return "would be "
	}
	return ""
}
