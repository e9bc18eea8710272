package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) passwordsExportCommand() *cobra.Command {
	var (
		format string
		force  bool
	)
	c := &cobra.Command{
		Use:   "export FILE|-",
		Short: "Write all passwords, readable, into a file",
		Long: `Write all passwords, readable, into a file that only you can open; "-" writes
them to stdout. Every browser reads the CSV.`,
		Args: cobra.ExactArgs(1),
		PreRunE: func(*cobra.Command, []string) error {
			if format != "csv" && format != "json" {
				return fmt.Errorf("--format is csv or json, not %q", format)
			}
			return nil
		},
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, err := p.Passwords(ctx)
			if err != nil {
				return err
			}
			write := store.ExportCSV
			if format == "json" {
				write = store.ExportJSON
			}
			if args[0] == "-" {
				return write(ctx, a.stdout)
			}
			if err := private(args[0], force, func(w io.Writer) error { return write(ctx, w) }); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"file": args[0], "format": format})
			}
			a.note("Wrote %s. It holds every password, readable: delete it when it has served.", args[0])
			return nil
		}),
	}
	c.Flags().StringVar(&format, "format", "csv", "csv or json")
	c.Flags().BoolVar(&force, "force", false, "replace a file that is there")
	_ = c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"csv", "json"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// private writes a file that is 0600 from its first byte and there as a whole or
// not at all.
func private(path string, force bool, write func(io.Writer) error) (err error) {
	if _, err := os.Lstat(path); err == nil && !force {
		return fmt.Errorf("%s is there already; --force replaces it", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".syncmanager-export-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
