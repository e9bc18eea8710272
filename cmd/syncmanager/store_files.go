package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/internal/textfile"
)

func (s *storeCommand[R]) export(a *app) *cobra.Command {
	formats := s.formats
	if formats == nil {
		formats = []format[R]{{"json", func(ctx context.Context, store itemStore[R], w io.Writer) error {
			return term.PrintArray(w, store.List(ctx), func(r R) any { return r })
		}}}
	}
	var names []string
	for _, f := range formats {
		names = append(names, f.name)
	}
	long := "Write all " + s.name + " into a file that only you can open; \"-\" writes to stdout."
	note := "Wrote %s."
	if s.secret != nil {
		long += " All " + s.secret.what + " in the file are readable."
		note = "Wrote %s. All " + s.secret.what + " in it are readable: delete it when you no longer need it."
	}
	x := term.Export{Format: names[0], Note: note}
	c := &cobra.Command{
		Use:   "export FILE|-",
		Short: "Write all " + s.name + " into a file",
		Long:  long,
		Args:  cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) error {
			if !slices.Contains(names, x.Format) {
				return fmt.Errorf("--format must be %s, not %q", strings.Join(names, " or "), x.Format)
			}
			return nil
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := s.open(ctx, p)
			if err != nil {
				return err
			}
			x.Path = args[0]
			return a.Export(x, func(w io.Writer) error {
				return formats[slices.Index(names, x.Format)].write(ctx, store, w)
			})
		}),
	}
	c.Flags().BoolVar(&x.Force, "force", false, "replace an existing file")
	if len(names) > 1 {
		c.Flags().StringVar(&x.Format, "format", names[0], strings.Join(names, " or "))
		_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	}
	return c
}

func (s *storeCommand[R]) importCommand(a *app) *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Import the " + s.name + " of a file that export wrote",
		Long: `Import the ` + s.name + ` of a JSON file that export wrote; "-" reads it from
stdin. An item that is here already gets the fields that it lacks. One that differs,
or is not valid, is skipped and named. If nothing can be imported, the exit code
is 1.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			return a.readFile(args[0], func(file io.Reader) error { return s.importJSON(ctx, a, p, file, dryRun) })
		}),
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, and do nothing")
	return c
}

// importJSON imports the JSON array that file holds.
func (s *storeCommand[R]) importJSON(ctx context.Context, a *app, p *profile.Profile, file io.Reader, dryRun bool) error {
	store, err := s.open(ctx, p)
	if err != nil {
		return err
	}
	return importItems(ctx, a, store, jsonArray[R](file), func(r *R) string { return s.title(*r) }, importing.Options{DryRun: dryRun})
}

// readFile calls read with the file at path, or with stdin if path is "-".
func (a *app) readFile(path string, read func(io.Reader) error) error {
	if path == "-" {
		return read(a.In)
	}
	f, err := a.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return read(f)
}

// importItems imports a source, shows progress, and reports.
func importItems[R any](ctx context.Context, a *app, store itemStore[R], source iter.Seq2[R, error], item func(*R) string, o importing.Options) error {
	progress := a.NewProgress()
	o.Progress = func(records int) { progress.Say("import", term.Count(records)+" read") }
	r, err := store.Import(ctx, source, item, o)
	progress.Done()
	if err != nil {
		if r.Added > 0 && !o.DryRun {
			err = fmt.Errorf("%w; %s new ones are kept", err, term.Count(r.Added))
		}
		return err
	}
	return a.printReport(r, o.DryRun)
}

var errNoArray = errors.New("the file is not a JSON array of records, as export writes it")

// maxElement bounds an element of an imported array, in bytes. It is several times what
// a server accepts.
const maxElement = 16 << 20

// jsonArray yields the elements of the JSON array that the file holds. An element that
// is not an R is a *importing.Skip.
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
				yield(none, fmt.Errorf("%w: it ends early or is damaged at element %d", errNoArray, i))
				return
			}
			var r R
			err := json.Unmarshal(raw, &r)
			if err != nil {
				// The error of encoding/json may contain the text, which may be a secret.
				err = &importing.Skip{Item: fmt.Sprintf("element %d", i), Reason: "its fields do not have the right types"}
			}
			if !yield(r, err) {
				return
			}
		}
		if t, err := d.Token(); err != nil || t != json.Delim(']') {
			yield(none, fmt.Errorf("%w: it ends early", errNoArray))
		}
	}
}

// nameSkipped prints what an import left out, and why, on stderr. line is 0 if the
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

// countUnnamed prints how many more were left out than nameSkipped named.
func (a *app) countUnnamed(n int) {
	if n > 0 {
		fmt.Fprintf(a.Err, "and %s more\n", term.Count(n))
	}
}

// tell prints the notes of an import on stderr.
func (a *app) tell(notes []string) {
	for _, note := range notes {
		fmt.Fprintln(a.Err, term.Printable(note))
	}
}

// taken returns an error, which a script notices, if an import could import nothing of
// what there was. here counts what was added or was here already, left what was left
// out.
func (a *app) taken(here, left int) error {
	switch {
	case here > 0:
		return nil
	case left == 0:
		a.Note("There was nothing to import.")
		return nil
	}
	if !a.JSON {
		a.complain(errors.New("nothing was imported: all items were skipped"))
	}
	return &reportedError{syncmanager.StatusFailed}
}

// would returns what a dry run puts before "added".
func would(dry bool) string {
	if dry {
		return "would be "
	}
	return ""
}
