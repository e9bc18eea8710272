package main

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/serve"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/server/admin"
	"github.com/syncmanager/syncmanager/server/backup"
)

func (o *operator) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE|-",
		Short: "Copy all data of the server into one file; it may run meanwhile",
		Long: `Copy all data of the server into one file: accounts, records, secrets and
certificates. The server may run meanwhile. A FILE that is there is replaced
once the new one is complete and was read back; what is not a regular file is
not. With - the backup goes to stdout, to be encrypted or sent elsewhere:

  syncmanager server backup - | age -r age1… | ssh other 'cat > backup.age'

A user's file that is damaged is left out, or kept as the FILE that is replaced
has it; then the exit code is 3. The data may also be a read-only snapshot of the
disk, named with --data.

Records in it are sealed as they are on the server. All the same, keep it as you
keep a key: who has it can act as the server, and try passwords.`,
		Args: cobra.ExactArgs(1),
		RunE: o.files(func(ctx context.Context, file string) error {
			src := backup.Source{Dir: o.dir, Version: buildInfo().Version, Now: time.Now}
			var report backup.Report
			var err error
			if file == "-" {
				if o.JSON {
					return usage.Errorf("--json and - both write to stdout; choose one")
				}
				if o.ToTerminal() {
					return usage.Errorf("a backup is not for a terminal; send it to a file or a program")
				}
				report, err = backup.Stream(ctx, src, o.Out, os.TempDir())
			} else {
				report, err = backup.Write(ctx, src, file)
			}
			if err != nil {
				return err
			}
			return o.reportBackup(report, file, "The data of "+o.dir+" is in "+file+".")
		}),
	}
}

// reportBackup says what a backup holds, and exits with 3 if something is missing.
func (o *operator) reportBackup(report backup.Report, file, done string) error {
	if o.JSON {
		err := o.PrintJSON(struct {
			Data string `json:"data,omitempty"`
			File string `json:"file"`
			backup.Report
		}{o.dir, file, report})
		if err != nil {
			return err
		}
	} else if file != "-" {
		o.Note("%s", done)
	}
	if len(report.LeftOut) == 0 {
		return nil
	}
	for _, left := range report.LeftOut {
		what := "left out"
		if left.Kept {
			what = "kept as the earlier backup has it"
		}
		o.Warn("%s is %s: %s", left.Name, what, left.Reason)
	}
	o.Note("See 'syncmanager server check' and 'syncmanager server repair'.")
	return &reportedError{syncmanager.StatusPartial}
}

func (o *operator) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE|-",
		Short: "Make a data folder of a backup",
		Long: `Make a data folder of a backup, which with - comes from stdin. The folder must be
empty or not be there; it appears when the whole backup was checked. Devices need
not sign in again. Each compares all that it has with the restored server at its
next sync: it sends what the backup lacks, of two values the newer one stands, and
what was deleted since stays deleted. To get back what was deleted,
'syncmanager sync --prefer remote' on a device.

A Firefox does the same, but for this: a login of which it changed the user name and
not the password has the old one again, a login or bookmark that it deleted is back,
and a setting or an add-on's value is that of the backup. What this program's devices
know of these changes they send, if they sync before that Firefox does.`,
		Args: cobra.ExactArgs(1),
		RunE: o.files(func(ctx context.Context, file string) error {
			var err error
			if file == "-" {
				err = backup.RestoreFrom(ctx, o.In, o.dir, rand.Reader)
			} else {
				err = backup.Restore(ctx, file, o.dir, rand.Reader)
			}
			if err != nil {
				return err
			}
			if o.JSON {
				return o.PrintJSON(struct {
					Data string `json:"data"`
					File string `json:"file"`
				}{o.dir, file})
			}
			o.Note("Restored to %s; 'syncmanager serve' goes on from there, as it was started before.", o.dir)
			o.Note("Devices send what the backup lacks. Sync those with the latest changes first, and this program's before Firefox: see --help.")
			return nil
		}),
	}
}

func (o *operator) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE|-",
		Short: "Try a backup: read it to its end, and open each database in it",
		Long: `Try a backup, which with - comes from stdin: read it to its end, compare all
checksums, and open and examine each database in it. Nothing is restored. Exit
code 3 says that the backup is good, but lacks users whose files were damaged.`,
		Args: cobra.ExactArgs(1),
		RunE: o.do(func(c *cobra.Command, args []string) error {
			o.dir = ""
			var archive io.Reader = o.In
			if args[0] != "-" {
				f, err := os.Open(args[0])
				if err != nil {
					return err
				}
				defer f.Close()
				archive = f
			}
			report, err := backup.Verify(c.Context(), archive, os.TempDir())
			if err != nil {
				return err
			}
			if args[0] == "-" {
				args[0] = "stdin"
			}
			return o.reportBackup(report, args[0], "The backup of "+report.Created.Local().Format(time.DateTime)+" is good.")
		}),
	}
}

// files runs work on a file and the data folder.
func (o *operator) files(work func(context.Context, string) error) func(*cobra.Command, []string) error {
	return o.do(func(c *cobra.Command, args []string) (err error) {
		if o.dir, err = serve.DataDir(o.dir, o.getenv); err != nil {
			return err
		}
		return work(c.Context(), args[0])
	})
}

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
			if o.dir, err = serve.DataDir(o.dir, o.getenv); err != nil {
				return err
			}
			all := []backup.Finding{}
			var damaged bool
			files, err := backup.Check(c.Context(), o.dir, os.TempDir(), func(f backup.Finding) {
				all = append(all, f)
				damaged = damaged || f.Damaged
				if !o.JSON {
					o.Warn("%s: %s", findingName(f), f.Problem)
				}
			})
			if err != nil {
				return err
			}
			if o.JSON {
				err = o.PrintJSON(struct {
					Files    int              `json:"files"`
					Findings []backup.Finding `json:"findings"`
				}{files, all})
			} else if len(all) == 0 {
				err = o.Print("%d files, no problems.", files)
			}
			if err == nil && damaged {
				err = &reportedError{syncmanager.StatusPartial}
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
			if o.JSON {
				return o.PrintJSON(done)
			}
			if done.Storage != 0 {
				o.Note("%s begins again with an empty storage, number %s, which the devices fill at their next sync.", args[0], strconv.FormatInt(done.Storage, 10))
			}
			if done.Path != "" {
				o.Note("The old file is %s in %s.", done.Path, o.dir)
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&force, "force", false, "also if the file is sound")
	return c
}
