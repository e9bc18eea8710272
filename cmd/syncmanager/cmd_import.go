package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/internal/firefoxprofile"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) importCommand() *cobra.Command {
	im := &firefoxImport{app: a}
	var dir string
	var only []string
	var fromStdin bool
	c := &cobra.Command{
		Use:   "import --firefox-profile DIR",
		Short: "Import the data of a Firefox profile",
		Long: `Import the data of a Firefox profile, even while Firefox has it open: passwords, cards,
addresses, forms, prefs, addons, storage, bookmarks and history. The profile is not
changed. What is here already stays as it is, except that a newer password replaces an
older one; importing again adds nothing. What cannot be imported is skipped and named.
The next sync sends all of it to your other devices.

DIR is a folder with a prefs.js; Firefox shows it in about:profiles. It is usually in

  Linux     ~/.mozilla/firefox or ~/.config/mozilla/firefox
  snap      ~/snap/firefox/common/.mozilla/firefox
  macOS     ~/Library/Application Support/Firefox/Profiles
  Windows   %APPDATA%\Mozilla\Firefox\Profiles

If the profile has a primary password, this program asks for it. Without it,
passwords and cards are not imported; the rest is. Card numbers whose key is in the
system's keyring cannot be read by other programs than Firefox.

Only preferences that Firefox syncs are imported, and only add-ons from
addons.mozilla.org. Nothing is installed here. After the next sync, the account's
other Firefoxes install the add-ons that they do not have, as with Firefox's own sync;
an add-on that is disabled in the profile is disabled there. --only selects kinds.`,
		Args: cobra.NoArgs,
		RunE: a.onProfile(func(c *cobra.Command, _ []string) (err error) {
			kinds, err := chosenKinds(only)
			if err != nil {
				return err
			}
			im.source, err = firefoxprofile.Open(a.Path(dir), firefoxprofile.Options{PrimaryPassword: a.primaryPassword(c.Context(), fromStdin)})
			if err != nil {
				return a.notOpened(dir, a.Named(err, dir))
			}
			defer func() { err = errors.Join(err, im.source.Close()) }()
			im.dir = a.Path(dir)
			return a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
				im.into = p
				return im.run(ctx, kinds)
			})(c, nil)
		}),
	}
	flags := c.Flags()
	flags.StringVar(&dir, "firefox-profile", "", "import the profile in the folder `DIR`")
	flags.BoolVar(&im.dry, "dry-run", false, "say what would be done, and do nothing")
	flags.StringSliceVar(&only, "only", nil, "import only this kind, such as passwords; separate several `NAMES` with commas")
	flags.BoolVar(&fromStdin, "primary-password-stdin", false, "read the primary password from the first line of stdin")
	_ = c.MarkFlagRequired("firefox-profile")
	_ = c.RegisterFlagCompletionFunc("firefox-profile", a.completeFirefoxProfiles)
	_ = c.RegisterFlagCompletionFunc("only", cobra.FixedCompletions(kindNames(), cobra.ShellCompDirectiveNoFileComp))
	return c
}

// primaryPassword returns a function that asks for the primary password, again if it
// was wrong.
func (a *app) primaryPassword(ctx context.Context, fromStdin bool) func(again bool) (string, error) {
	return func(again bool) (string, error) {
		switch {
		case again && fromStdin:
			return "", errors.New("stdin has no other")
		case !fromStdin && !a.Interactive():
			return "", errors.New("stdin is not a terminal: use --primary-password-stdin")
		case again:
			a.Note("The primary password is wrong.")
		}
		return a.Secret(ctx, "primary password", fromStdin, false)
	}
}

// notOpened explains which folder may be meant.
func (a *app) notOpened(dir string, err error) error {
	if list, _ := firefoxprofile.List(a.Path(dir)); len(list) > 0 {
		return fmt.Errorf("%s holds several profiles of Firefox: name one of them: %s", dir, listed(list))
	}
	if errors.Is(err, firefoxprofile.ErrNoProfile) {
		if here := a.firefoxProfiles(); len(here) > 0 {
			err = fmt.Errorf("%w; your profiles are: %s", err, listed(here))
		} else {
			err = fmt.Errorf("%w; profiles are usually in %s", err, firefoxprofile.Folders(runtime.GOOS, a.getenv)[0])
		}
	}
	return fmt.Errorf("cannot import %s: %w", dir, err)
}

func listed(list []firefoxprofile.Listed) string {
	var names []string
	for _, p := range list {
		names = append(names, fmt.Sprintf("%s (%s)", p.Dir, p.Name))
	}
	return strings.Join(names, ", ")
}

// firefoxProfiles returns the profiles of this user's Firefox.
func (a *app) firefoxProfiles() (all []firefoxprofile.Listed) {
	for _, folder := range firefoxprofile.Folders(runtime.GOOS, a.getenv) {
		list, _ := firefoxprofile.List(folder)
		all = append(all, list...)
	}
	return all
}

// completeFirefoxProfiles completes the profiles of this user's Firefox, or folders if
// there is none.
func (a *app) completeFirefoxProfiles(_ *cobra.Command, _ []string, word string) (words []string, _ cobra.ShellCompDirective) {
	for _, p := range a.firefoxProfiles() {
		if strings.HasPrefix(p.Dir, word) && p.Dir == term.Printable(p.Dir) {
			words = append(words, cobra.CompletionWithDesc(p.Dir, term.Printable(p.Name)))
		}
	}
	if words == nil {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// kindNames returns the names of all kinds, in the order in which they are imported.
func kindNames() (names []string) {
	for _, k := range importKinds {
		names = append(names, k.name)
	}
	return names
}

func chosenKinds(only []string) ([]importKind, error) {
	for _, name := range only {
		if !slices.Contains(kindNames(), name) {
			return nil, usage.Errorf("%q is not a kind of data in a profile: --only takes %s", name, strings.Join(kindNames(), ", "))
		}
	}
	return slices.DeleteFunc(slices.Clone(importKinds), func(k importKind) bool {
		return len(only) > 0 && !slices.Contains(only, k.name)
	}), nil
}

// importedKind is the result for one kind.
type importedKind struct {
	importing.Report
	Error string `json:"error,omitempty"`
}

// run imports the kinds one after the other, also if one fails, and reports.
func (im *firefoxImport) run(ctx context.Context, kinds []importKind) error {
	done := make(map[string]importedKind)
	var t term.Table
	var failed bool
	here, left := 0, 0
	for _, k := range kinds {
		im.progress = im.NewProgress()
		r, err := k.bring(im, ctx)
		im.progress.Done()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, firefoxprofile.ErrMissing) || errors.Is(err, fs.ErrNotExist) {
			err = nil // the profile has none
		}
		of := importedKind{Report: withSkips(r)}
		if err != nil {
			failed, of.Error = true, sentence(err)
		}
		done[k.name] = of
		here += r.Here()
		left += r.Skipped
		t.Add(k.name, im.outcome(of))
		im.name(k.name, of)
	}
	if err := im.printKinds(done, &t); err != nil {
		return err
	}
	if done["addons"].Added > 0 && !im.dry {
		im.Note("After the next sync, the account's other Firefoxes install the add-ons that they do not have.")
	}
	if failed {
		return &reportedError{syncmanager.StatusPartial}
	}
	return im.taken(here, left)
}

func (im *firefoxImport) printKinds(done map[string]importedKind, t *term.Table) error {
	if im.JSON {
		return im.PrintJSON(done)
	}
	return t.Print(im.Out)
}

// name prints what was skipped of a kind.
func (im *firefoxImport) name(kind string, r importedKind) {
	if im.JSON {
		return
	}
	im.nameSkips(kind, r.Report)
}

// outcome describes the result for a kind.
func (im *firefoxImport) outcome(r importedKind) string {
	words := reportWords(r.Report, im.dry)
	switch {
	case r.Error != "" && r.Read > 0:
		return "failed after " + words + ": " + r.Error
	case r.Error != "":
		return "failed: " + r.Error
	case r.Read == 0:
		return "none in the profile"
	}
	return words
}
