package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/server/backup"
)

func (o *operator) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy all data of the server into one file; it may run meanwhile",
		Long: `Copy all data of the server into one file: accounts, records, secrets and
certificates. The server may run meanwhile. A FILE that is there is replaced
once the new one is complete and was read back.

Records in it are sealed as they are on the server. All the same, keep it as you
keep a key: who has it can act as the server, and try passwords.`,
		Args: cobra.ExactArgs(1),
		RunE: o.files(func(ctx context.Context, file string) error {
			if err := backup.Write(ctx, backup.Source{Dir: o.dir, Version: buildInfo().Version, Now: time.Now}, file); err != nil {
				return err
			}
			if !o.json {
				o.note("The data of %s is in %s.", o.dir, file)
			}
			return nil
		}),
	}
}

func (o *operator) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data folder of a backup",
		Long: `Make a data folder of a backup. The folder must be empty or not be there; it
appears when the whole backup was checked. Devices need not sign in again. What
they changed since the backup stays with them: this program sends it again at
its next sync, Firefox item by item, when one changes.`,
		Args: cobra.ExactArgs(1),
		RunE: o.files(func(ctx context.Context, file string) error {
			if err := backup.Restore(ctx, file, o.dir); err != nil {
				return err
			}
			if !o.json {
				o.note("Restored to %s; 'syncmanager serve' goes on from there, as it was started before.", o.dir)
			}
			return nil
		}),
	}
}

// files runs work on a file and the data folder.
func (o *operator) files(work func(context.Context, string) error) func(*cobra.Command, []string) error {
	return o.do(func(c *cobra.Command, args []string) (err error) {
		if o.dir, err = o.dataFolder(o.dir); err != nil {
			return err
		}
		if err := work(c.Context(), args[0]); err != nil || !o.json {
			return err
		}
		return o.printJSON(struct {
			Data string `json:"data"`
			File string `json:"file"`
		}{o.dir, args[0]})
	})
}
