package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/internal/profile"
)

type login = passwords.Login

// loginStore is the passwords as a store of items.
type loginStore struct{ *passwords.Engine }

func openLogins(ctx context.Context, p *profile.Profile) (itemStore[login], error) {
	e, err := p.Passwords(ctx)
	return loginStore{e}, err
}

func (s loginStore) Import(ctx context.Context, source iter.Seq2[login, error], _ func(*login) string, o importing.Options) (importing.Report, error) {
	return s.Engine.Import(ctx, source, nil, o)
}

func (a *app) passwordsCommand() *cobra.Command {
	s := storeCommand[login]{
		name: "passwords", one: "login",
		short: "List and edit the passwords of this profile",
		long: `List and edit the passwords of this profile. Changes reach the other devices
with the next sync.

LOGIN is an ID, the beginning of one, or the address of a site that has one login
only.`,
		open:  openLogins,
		id:    func(l login) engine.ID { return l.ID },
		title: func(l login) string { return strings.TrimSpace(l.Hostname + "  " + l.Username) },
		named: isAtSite,
		columns: []column[login]{
			{"SITE", loginSite},
			{"USERNAME", func(l login) string { return l.Username }},
			{"CHANGED", func(l login) string { return day(l.TimePasswordChanged) }},
		},
		fields: []field[login]{
			{
				label: "Site", flag: "url", usage: "the site's `URL`", required: true,
				text: func(l login) string { return l.Hostname },
				set:  func(l *login, s string) error { l.Hostname = s; return nil },
			},
			{
				label: "Realm", flag: "realm", usage: "the `REALM` of an HTTP sign-in, instead of a form",
				text: func(l login) string { return l.HTTPRealm },
				set:  func(l *login, s string) error { l.HTTPRealm, l.FormSubmitURL = s, ""; return nil },
			},
			{
				label: "Form", flag: "form-url", usage: "the `URL` that the form submits to",
				text: func(l login) string { return l.FormSubmitURL },
				set:  func(l *login, s string) error { l.FormSubmitURL, l.HTTPRealm = s, ""; return nil },
			},
			textField("username", "Username", "the user's `NAME` there", func(l *login) *string { return &l.Username }),
			{
				label: "Password", flag: "password", usage: "password", secret: true, repeat: true,
				generate: profile.GeneratePassword,
				text:     func(l login) string { return l.Password },
				set:      func(l *login, s string) error { l.Password = s; return nil },
			},
			textField("username-field", "Username field", "the `NAME` of the form's username input", func(l *login) *string { return &l.UsernameField }),
			textField("password-field", "Password field", "the `NAME` of the form's password input", func(l *login) *string { return &l.PasswordField }),
			shownField("Created", func(l login) string { return day(l.TimeCreated) }),
			shownField("Changed", func(l login) string { return day(l.TimePasswordChanged) }),
			shownField("Last used", func(l login) string { return day(l.TimeLastUsed) }),
			{
				label: "Breached", flag: "breached", usage: "the `DATE` of the site's last breach: 2026-08-31",
				text: func(l login) string { return day(l.TimeOfLastBreach) },
				set:  setBreached,
			},
			shownField("Breach dismissed", func(l login) string { return day(l.TimeLastBreachAlertDismissed) }),
		},
		secret: &secret[login]{
			what: "passwords", flag: "show-passwords", inShow: true,
			hide:   func(l login) login { l.Password = ""; return l },
			json:   loginJSON,
			column: column[login]{"PASSWORD", func(l login) string { return l.Password }},
		},
		search: func(ctx context.Context, store itemStore[login], word string) iter.Seq2[login, error] {
			return store.(loginStore).Find(ctx, word)
		},
		filters: []filter[login]{
			{"origin", "only the logins of this `URL`'s origin", func(ctx context.Context, store itemStore[login], url string) iter.Seq2[login, error] {
				return store.(loginStore).ByOrigin(ctx, url)
			}},
			{"site", "only the logins of this `SITE`: a URL or a host, with all its subdomains", func(ctx context.Context, store itemStore[login], site string) iter.Seq2[login, error] {
				return store.(loginStore).BySite(ctx, site)
			}},
		},
		formats: []format[login]{
			{"csv", func(ctx context.Context, store itemStore[login], w io.Writer) error {
				return store.(loginStore).ExportCSV(ctx, w)
			}},
			{"json", func(ctx context.Context, store itemStore[login], w io.Writer) error {
				return store.(loginStore).Export(ctx, w)
			}},
		},
	}
	s.subcommands = []*cobra.Command{a.passwordsImportCommand(&s), a.passwordsBreachesCommand(s), a.passwordsDismissCommand(&s),
		a.passwordsVulnerableCommand(s),
		scrubCommand(a, s.name, (*profile.Profile).Passwords)}
	c := s.command(a)
	for _, sub := range c.Commands() {
		if sub.Flag("realm") != nil {
			sub.MarkFlagsMutuallyExclusive("realm", "form-url")
		}
	}
	return c
}

// isAtSite reports whether a login is for the site of a URL.
func isAtSite(l login, url string) bool {
	origin, err := passwords.Origin(url)
	if err != nil {
		return false
	}
	site, err := passwords.Origin(l.Hostname)
	return err == nil && site == origin || err != nil && l.Hostname == origin
}

func loginSite(l login) string {
	if l.HTTPRealm != "" {
		return l.Hostname + " (" + l.HTTPRealm + ")"
	}
	return l.Hostname
}

// loginJSON returns what encoding/json writes for a login: the record on the wire,
// without a password that is hidden.
func loginJSON(l login) any {
	if l.Password != "" {
		return l
	}
	var record map[string]any
	raw, err := json.Marshal(l)
	if err == nil {
		err = json.Unmarshal(raw, &record)
	}
	if err != nil {
		panic("a login is a JSON object: " + err.Error())
	}
	delete(record, "password")
	return record
}

func setBreached(l *login, date string) error {
	if date == "" {
		l.TimeOfLastBreach = time.Time{}
		return nil
	}
	at, err := time.ParseInLocation(time.DateOnly, date, time.Local)
	if err != nil {
		return fmt.Errorf("%q is not a date like 2026-08-31", date)
	}
	l.TimeOfLastBreach = at
	return nil
}

// passwordsBreachesCommand takes the description of the store's commands for other columns.
func (a *app) passwordsBreachesCommand(s storeCommand[login]) *cobra.Command {
	s.columns = []column[login]{
		{"SITE", loginSite},
		{"USERNAME", func(l login) string { return l.Username }},
		{"CHANGED", func(l login) string { return day(l.TimePasswordChanged) }},
		{"BREACHED", func(l login) string { return day(l.TimeOfLastBreach) }},
	}
	s.name = "breached passwords"
	all := false
	c := &cobra.Command{
		Use:   "breaches",
		Short: "List the logins of breached sites",
		Long: `List the logins whose site was breached after their password was changed last,
but for those that were dismissed. Breaches come from other devices, or with
'passwords edit LOGIN --breached DATE'.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			store, err := p.Passwords(ctx)
			if err != nil {
				return err
			}
			found, err := s.sorted(store.Breaches(ctx), func(l login) bool { return all || !l.BreachDismissed() })
			if err != nil {
				return err
			}
			return s.printList(a, found, false)
		}),
	}
	c.Flags().BoolVar(&all, "all", false, "also those that were dismissed")
	return c
}

func (a *app) passwordsVulnerableCommand(s storeCommand[login]) *cobra.Command {
	s.name = "passwords that are known from a breach elsewhere"
	return &cobra.Command{
		Use:   "vulnerable",
		Short: "List the logins whose password was breached at another site",
		Long: `List the logins that have the password of a login that 'passwords breaches --all' lists.
Such a password is known to others, although this site was not breached.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			store, err := p.Passwords(ctx)
			if err != nil {
				return err
			}
			found, err := s.sorted(store.Vulnerable(ctx), func(login) bool { return true })
			if err != nil {
				return err
			}
			return s.printList(a, found, false)
		}),
	}
}

func (a *app) passwordsDismissCommand(s *storeCommand[login]) *cobra.Command {
	return &cobra.Command{
		Use:               "dismiss LOGIN…",
		Short:             "Take logins off the list of breaches, on all devices",
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: s.complete(a, true),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			store, found, err := s.findAll(ctx, p, args)
			if err != nil {
				return err
			}
			for _, l := range found {
				if !l.Breached() {
					return fmt.Errorf("%s was not breached since its password was changed", s.title(l))
				}
			}
			return s.forEach(a, found, "Dismissed", func(l *login) error {
				return store.(loginStore).DismissBreach(ctx, l.ID)
			})
		}),
	}
}

// day returns the date of a time; "" for the zero time, which is unknown.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.DateOnly)
}

func (a *app) passwordsImportCommand(s *storeCommand[login]) *cobra.Command {
	var dryRun bool
	c := &cobra.Command{
		Use:   "import FILE|-",
		Short: "Import the CSV file of a browser or password manager, or an export",
		Long: `Import the CSV file that a browser or a password manager exported, or the JSON
that export writes; "-" reads the file from stdin.

The first line of a CSV file names the columns. Those of Firefox, Chrome, Edge,
Safari (iCloud), Bitwarden, 1Password, KeePass, KeePassXC, LastPass, Dashlane,
NordPass, Proton Pass and RoboForm are known; other files need url, username and
password. Semicolons or tabs may separate the columns, as a spreadsheet saves
them, and the text may be UTF-8 or UTF-16.

A row with several sites becomes a login for each. Notes, secrets of one-time
codes and custom fields are left out, since a login cannot hold them, and their
lines are named. A row that is not a login is skipped, and its line is named. A
login that is here already gets the fields that it lacks, and the row's password
if that is newer. If nothing can be imported, the exit code is 1.`,
		Args: cobra.ExactArgs(1),
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			return a.readFile(args[0], func(file io.Reader) error {
				in := bufio.NewReader(file)
				if beginsArray(in) {
					return s.importJSON(ctx, a, p, in, dryRun)
				}
				return a.importCSV(ctx, p, in, importing.Options{DryRun: dryRun})
			})
		}),
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "say what would be done, and do nothing")
	return c
}

// beginsArray reports whether a file begins with a JSON array. It consumes nothing.
func beginsArray(in *bufio.Reader) bool {
	start, _ := in.Peek(64) // what it holds, if that is less
	start = bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\ufeff")), " \t\r\n")
	return bytes.HasPrefix(start, []byte("["))
}

func (a *app) importCSV(ctx context.Context, p *profile.Profile, file io.Reader, o importing.Options) error {
	store, err := p.Passwords(ctx)
	if err != nil {
		return err
	}
	progress := a.NewProgress()
	o.Progress = func(rows int) { progress.Say("import", term.Count(rows)+" rows read") }
	r, err := store.ImportFrom(ctx, file, o)
	progress.Done()
	if err != nil {
		if r.Added+r.Updated > 0 && !o.DryRun {
			err = fmt.Errorf("%w; %s new and %s changed logins were kept", err, term.Count(r.Added), term.Count(r.Updated))
		}
		return err
	}
	return a.printReport(r, o.DryRun)
}
