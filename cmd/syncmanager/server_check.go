package main

import (
	"context"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/server/admin"
	"github.com/syncmanager/syncmanager/server/backup"
)

func (o *operator) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Examine all files of the server; it may run meanwhile",
		Long: `Examine all files of the server: each database from end to end with its indexes
and its schema, and whether anything is there that is not the server's. Nothing is
changed, and the server may run meanwhile. Exit code 3 says that something is
damaged; 'syncmanager server repair' mends what concerns one user.`,
		Args: cobra.NoArgs,
		RunE: o.do(func(c *cobra.Command, _ []string) (err error) {
			if o.dir, err = o.dataFolder(o.dir); err != nil {
				return err
			}
			all := []backup.Finding{}
			var damaged bool
			files, err := backup.Check(c.Context(), o.dir, os.TempDir(), func(f backup.Finding) {
				all = append(all, f)
				damaged = damaged || f.Damaged
				if !o.json {
					o.warn("%s: %s", findingName(f), f.Problem)
				}
			})
			if err != nil {
				return err
			}
			if o.json {
				err = o.printJSON(struct {
					Files    int              `json:"files"`
					Findings []backup.Finding `json:"findings"`
				}{files, all})
			} else if len(all) == 0 {
				err = o.print("%d files, no problems.", files)
			}
			if err == nil && damaged {
				err = &reportedError{syncmanager.Partial}
			}
			return err
		}),
	}
}

// findingName says which file it is, and whose.
func findingName(f backup.Finding) string {
	switch {
	case f.Email != "":
		return f.Name + " (" + f.Email + ")"
	case f.UID != "":
		return f.Name + " (" + f.UID + ")"
	}
	return f.Name
}

func (o *operator) repairCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "repair USER",
		Short: "Give a user whose file is damaged an empty one, which the devices fill",
		Long: `Give a user whose file is damaged an empty one. The user is named by the
account's e-mail address or uid, or by the number in the file's name. The damaged
file is set aside in the folder set-aside of the data, and the server may run
meanwhile. At their next sync the user's devices notice that their storage is
another one, and upload all that they hold; nobody signs in again.`,
		Args: cobra.ExactArgs(1),
		RunE: o.on(func(ctx context.Context, s admin.Admin, args []string) error {
			done, err := s.Repair(ctx, args[0], force)
			if err != nil {
				return err
			}
			if o.json {
				return o.printJSON(done)
			}
			if done.Storage != 0 {
				o.note("%s begins again with an empty storage, number %s, which the devices fill at their next sync.", args[0], strconv.FormatInt(done.Storage, 10))
			}
			if done.Path != "" {
				o.note("The old file is %s in %s.", done.Path, o.dir)
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&force, "force", false, "also if the file is sound")
	return c
}
