package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

var passwordCommands = []command{
	{"passwords", "", "list all logins", (*browser).listPasswords},
	{"password for", "URL", "the logins of a page: those of its origin, and then of its site", (*browser).passwordsFor},
	{"password show", "ID", "show a password; that is a use of it", (*browser).showPassword},
	{"password submit", "URL USERNAME", "save what was submitted: a new login, or a new password", (*browser).submitPassword},
	{"password delete", "ID…", "delete logins", (*browser).deletePasswords},
	{"password breach", "ID [DATE]", "note that the site was breached, on a date or now", (*browser).recordBreach},
	{"password breaches", "", "the logins that others may know", (*browser).breaches},
	{"password leaked", "", "note passwords that others may know, one a line of the input", (*browser).recordLeaked},
	{"password vulnerable", "", "the logins with a password that leaked elsewhere", (*browser).vulnerable},
	{"password dismiss", "ID", "show no more that the site was breached", (*browser).dismissBreach},
}

// printLogin prints all but the password.
func (b *browser) printLogin(l passwords.Login) {
	b.printf("%s %s %s", l.ID, passwords.UnicodeOrigin(l.Hostname), l.Username)
}

func (b *browser) listPasswords(ctx context.Context, _ []string) error {
	for l, err := range b.passwords.List(ctx) {
		if err != nil {
			return err
		}
		b.printLogin(l)
	}
	return nil
}

// passwordsFor shows the logins that may be filled in at once, and those that the user has to
// choose: they are of another scheme, port or subdomain of the same site.
func (b *browser) passwordsFor(ctx context.Context, args []string) error {
	origin, err := passwords.Origin(args[0])
	if err != nil {
		return err
	}
	for l, err := range b.passwords.ByOrigin(ctx, origin) {
		if err != nil {
			return err
		}
		b.printLogin(l)
	}
	for l, err := range b.passwords.BySite(ctx, origin) {
		if err != nil {
			return err
		}
		if l.Hostname != origin {
			b.printf("%s %s %s (same site)", l.ID, passwords.UnicodeOrigin(l.Hostname), l.Username)
		}
	}
	return nil
}

func (b *browser) showPassword(ctx context.Context, args []string) error {
	l, err := b.passwords.Get(ctx, engine.ID(args[0]))
	if err != nil {
		return err
	}
	b.printf("%s", l.Password)
	return b.passwords.Touch(ctx, l.ID)
}

// submitPassword is what a browser does after a form was sent.
func (b *browser) submitPassword(ctx context.Context, args []string) error {
	login := passwords.Login{Hostname: args[0], FormSubmitURL: args[0], Username: args[1]}
	found, err := b.passwords.FindLoginToUpdate(ctx, login)
	switch {
	case err == nil:
		b.printf("a new password for %s", found.Username)
	case !errors.Is(err, engine.ErrNotFound):
		return err
	}
	if login.Password, err = b.askSecret("password"); err != nil {
		return err
	}
	saved, err := b.passwords.AddOrUpdate(ctx, login)
	if err == nil {
		b.printLogin(saved)
	}
	return err
}

func (b *browser) deletePasswords(ctx context.Context, args []string) error {
	deleted, err := b.passwords.DeleteMany(ctx, ids(args))
	b.printf("%d deleted", len(deleted))
	return err
}

func (b *browser) recordBreach(ctx context.Context, args []string) error {
	at := time.Now()
	if len(args) > 1 {
		var err error
		if at, err = time.Parse(time.DateOnly, args[1]); err != nil {
			return fmt.Errorf("%q is not a date: write it as %s", args[1], time.DateOnly)
		}
	}
	return b.passwords.RecordBreach(ctx, engine.ID(args[0]), at)
}

func (b *browser) breaches(ctx context.Context, _ []string) error {
	for l, err := range b.passwords.Breaches(ctx) {
		if err != nil {
			return err
		}
		if !l.BreachDismissed() {
			b.printLogin(l)
		}
	}
	return nil
}

// recordLeaked takes a list of passwords that became known. The file keeps keyed hashes of them.
func (b *browser) recordLeaked(ctx context.Context, _ []string) error {
	var leaked []string
	for lines := bufio.NewScanner(b.in); lines.Scan(); {
		if lines.Text() != "" {
			leaked = append(leaked, lines.Text())
		}
	}
	return b.passwords.RecordBreachedPasswords(ctx, leaked)
}

func (b *browser) vulnerable(ctx context.Context, _ []string) error {
	for l, err := range b.passwords.Vulnerable(ctx) {
		if err != nil {
			return err
		}
		b.printLogin(l)
	}
	return nil
}

func (b *browser) dismissBreach(ctx context.Context, args []string) error {
	return b.passwords.DismissBreach(ctx, engine.ID(args[0]))
}
