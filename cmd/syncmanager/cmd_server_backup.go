package main

import (
	"context"
	"crypto/rand"
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
		Short: "Copy all data of the server, which may be running, into a file",
		Long: `Copy all data of the server into one file: accounts, records, secrets and
certificates. The server may be running. An existing FILE is replaced when the new one
is complete and verified, but only if it is a regular file. With - the backup goes to
stdout, to be encrypted or sent elsewhere:

  syncmanager server backup - | age -r age1… | ssh other 'cat > backup.age'

If a user's file is damaged, the backup has the copy of the FILE that it replaces, or
leaves it out; then the exit code is 3. --data may also name a read-only snapshot of
the disk.

The records in the backup are encrypted, as on the server. Protect it nevertheless
like a key: anyone who has it can act as the server, and guess passwords.`,
		Args: cobra.ExactArgs(1),
		RunE: o.files(func(ctx context.Context, file string) error {
			src := backup.Source{Dir: o.dir, Version: buildInfo().Version, Now: time.Now}
			var report backup.Report
			var err error
			if file == "-" {
				if o.JSON {
					return usage.Errorf("--json and - both write to stdout: choose one")
				}
				if o.ToTerminal() {
					return usage.Errorf("a backup cannot go to a terminal: send it to a file or a program")
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

// reportBackup prints what a backup contains, and returns an error with the exit code 3
// if something is missing.
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
			what = "that of the earlier backup"
		}
		o.Warn("%s is %s: %s", left.Name, what, left.Reason)
	}
	o.Note("See 'syncmanager server check' and 'syncmanager server repair'.")
	return &reportedError{syncmanager.StatusPartial}
}

func (o *operator) restoreCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "restore FILE|-",
		Short: "Make a data folder from a backup",
		Long: `Make a data folder from a backup, which with - comes from stdin. The folder must be
empty or must not exist; it appears when the whole backup is verified. Devices stay
signed in. At its next sync, each compares all its data with the restored server: it
sends what the backup lacks, of two values the newer one wins, and what was deleted
since stays deleted. To restore what was deleted, run 'syncmanager sync --prefer
remote' on a device.

Firefox does the same, with these exceptions: a login of which it changed the username
but not the password has the old username again, a login or bookmark that it deleted is
restored, and a setting or a value of an add-on is that of the backup. If this
program's devices know of these changes, they send them, if they sync before that
Firefox does.`,
		Args: cobra.ExactArgs(1),
		RunE: o.files(func(ctx context.Context, file string) error {
			var err error
			if file == "-" {
				err = backup.RestoreFrom(ctx, o.In, o.dir, rand.Reader, time.Now())
			} else {
				err = backup.Restore(ctx, file, o.dir, rand.Reader, time.Now())
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
			if node, _ := o.node(); node != nil {
				o.Note("Restored to %s; start 'syncmanager serve --node-secret' as before.", o.dir)
			} else {
				o.Note("Restored to %s; start 'syncmanager serve' as before.", o.dir)
			}
			o.Note("Devices send what the backup lacks. Sync those with the latest changes first, and this program's before Firefox: see --help.")
			return nil
		}),
	}
}

func (o *operator) verifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify FILE|-",
		Short: "Verify a backup: read all of it, and open each database in it",
		Long: `Verify a backup, which with - comes from stdin: read all of it, compare the checksums,
and open and examine each database in it. Nothing is restored. The exit code is 3 if
the backup is good, but lacks users whose files were damaged.`,
		Args: cobra.ExactArgs(1),
		RunE: o.do(func(c *cobra.Command, args []string) error {
			o.dir = ""
			archive := o.In
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

// files returns a RunE that runs work with the file that is named, after finding the
// data folder.
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
		Short: "Examine all files of the server, which may be running",
		Long: `Examine all files of the server: each database completely, with its indexes and its
schema, and whether the folder has files that are not the server's. Nothing is
changed, and the server may be running. The exit code is 3 if something is damaged;
'syncmanager server repair' repairs the file of one user.`,
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

// findingName returns the name of a file, and its user.
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
		Short: "Replace a user's damaged file, which the devices then fill",
		Long: `Replace the damaged file of a user with an empty one. USER is the account's e-mail
address or uid, or the number in the name of the file. The damaged file is moved to
the folder set-aside of the data, on a storage node of the node's. The server may be running. At their next sync, the
user's devices notice the new storage and upload all that they have; nobody has to
sign in again.`,
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
				o.Note("%s has a new storage, number %s, which the devices fill at their next sync.", args[0], strconv.FormatInt(done.Storage, 10))
			}
			switch {
			case done.Path != "" && done.Node != "":
				o.Note("The old file is %s in the data folder of %s.", done.Path, done.Node)
			case done.Path != "":
				o.Note("The old file is %s in %s.", done.Path, o.dir)
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&force, "force", false, "also if the file is not damaged")
	return c
}
