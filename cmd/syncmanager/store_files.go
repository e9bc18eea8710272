package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/internal/mirror"
	"github.com/syncmanager/syncmanager/internal/textfile"
)

func (n *noun[R]) export(a *app) *cobra.Command {
	var force bool
	long := `Write all ` + n.name + ` as JSON into a file that only you can open; "-" writes them to
stdout.`
	note := "Wrote %s."
	if n.mask != nil {
		long += " Nothing in it is masked."
		note = "Wrote %s. Nothing in it is masked: delete it when it has served."
	}
	c := &cobra.Command{
		Use:   "export FILE|-",
		Short: "Write all " + n.name + " as JSON into a file",
		Long:  long,
		Args:  cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := n.open(p, ctx)
			if err != nil {
				return err
			}
			return a.Export(term.Export{Path: args[0], Format: "json", Force: force, Note: note}, func(w io.Writer) error {
				return term.PrintArray(w, store.List(ctx), func(r R) any { return r })
			})
		}),
	}
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	return c
}

func (n *noun[R]) imports(a *app) *cobra.Command {
	var o mirror.ImportOptions
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Add the " + n.name + " of a file that export wrote",
		Long: `Add the ` + n.name + ` of a JSON file that export wrote; "-" reads it from stdin. What is
here already takes over what it lacks, and what differs or is no ` + n.one + ` is
skipped and named. If nothing could be taken, the exit code is 1.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			file := a.In
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				file = f
			}
			store, err := n.open(p, ctx)
			if err != nil {
				return err
			}
			return importItems(ctx, a, store, jsonArray[R](file), func(r *R) string { return n.title(*r) }, o)
		}),
	}
	c.Flags().BoolVar(&o.DryRun, "dry-run", false, "say what would be done, and do nothing")
	return c
}

// importItems imports a source with progress, and reports.
func importItems[R any](ctx context.Context, a *app, store items[R], source iter.Seq2[R, error], item func(*R) string, o mirror.ImportOptions) error {
	progress := a.NewProgress()
	o.Progress = func(records int) { progress.Say("import", term.Count(records)+" read") }
	r, err := store.Import(ctx, source, item, o)
	progress.Done()
	if err != nil {
		if r.Added > 0 && !o.DryRun {
			err = fmt.Errorf("%w; %s new ones were kept", err, term.Count(r.Added))
		}
		return err
	}
	here := r.Added + r.Updated + r.Duplicates
	if a.JSON {
		return errors.Join(a.PrintJSON(r), a.taken(here, r.SkippedRecords))
	}
	for _, s := range r.Skipped {
		a.nameSkipped(0, s.Item, s.Reason)
	}
	a.countUnnamed(r.SkippedRecords - len(r.Skipped))
	updated := ""
	if r.Updated > 0 {
		updated = term.Count(r.Updated) + " " + would(o.DryRun) + "updated, "
	}
	return errors.Join(a.Print("%s %sadded, %s%s here already, %s skipped",
		term.Count(r.Added), would(o.DryRun), updated, term.Count(r.Duplicates), term.Count(r.SkippedRecords)), a.taken(here, r.SkippedRecords))
}

var errNoArray = errors.New("this is no JSON array of records, as export writes it")

// maxElement bounds an element of an imported array, in bytes: as much as a server
// takes, several times over.
const maxElement = 16 << 20

// jsonArray yields the elements of the JSON array that the file holds, one at a
// time. One that is no R is a *mirror.Skip.
func jsonArray[R any](file io.Reader) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		var none R
		limited := &io.LimitedReader{R: textfile.UTF8(file), N: maxElement}
		d := json.NewDecoder(limited)
		if t, err := d.Token(); err != nil || t != json.Delim('[') {
			yield(none, errNoArray)
			return
		}
		for i := 1; d.More(); i++ {
			limited.N = maxElement
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				yield(none, fmt.Errorf("%w: it breaks off or is damaged at element %d", errNoArray, i))
				return
			}
			var r R
			err := json.Unmarshal(raw, &r)
			if err != nil {
				// The error of encoding/json may hold the text, and that may be a secret.
				err = &mirror.Skip{Item: fmt.Sprintf("element %d", i), Reason: "it is not what it should be"}
			}
			if !yield(r, err) {
				return
			}
		}
		if t, err := d.Token(); err != nil || t != json.Delim(']') {
			yield(none, fmt.Errorf("%w: it breaks off", errNoArray))
		}
	}
}

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
	fmt.Fprintln(a.Err, term.Printable(text))
}

// countUnnamed counts what was left out beyond what was named.
func (a *app) countUnnamed(n int) {
	if n > 0 {
		fmt.Fprintf(a.Err, "and %s more\n", term.Count(n))
	}
}

// tell says on stderr what else there is to know of an import.
func (a *app) tell(notes []string) {
	for _, note := range notes {
		fmt.Fprintln(a.Err, term.Printable(note))
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
		a.Note("There was nothing to import.")
		return nil
	}
	if !a.JSON {
		a.complain(errors.New("nothing was imported: all that was there was left out"))
	}
	return &reportedError{syncmanager.StatusFailed}
}

// would makes "added" into what a dry run says.
func would(dry bool) string {
	if dry {
		return "would be "
	}
	return ""
}
