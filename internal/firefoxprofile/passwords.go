package firefoxprofile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/internal/skips"
)

const (
	loginsFile = "logins.json"
	// loginsBackup is the file that Firefox reads if loginsFile is damaged.
	loginsBackup = "logins-backup.json"
	// oldLogins is the file of versions before 32.
	oldLogins = "signons.sqlite"
	// accountsOrigin is the site of the login in which Firefox keeps its account's keys.
	accountsOrigin = "chrome://FirefoxAccounts"
)

// A Login is a saved password.
type Login struct {
	// GUID is the login's ID, usually in braces.
	GUID string
	// Hostname is the origin of the page: "https://example.com".
	Hostname string
	// FormSubmitURL is the origin that the form submits to; "" matches any form.
	// It has no meaning if HTTPRealm is set.
	FormSubmitURL string
	// HTTPRealm is the realm of an HTTP authentication; "" for a form's login.
	HTTPRealm          string
	Username, Password string
	// UsernameField and PasswordField are the names of the form's inputs, or "".
	UsernameField, PasswordField string
	// The times are in UTC, in milliseconds; zero if unknown.
	TimeCreated, TimeLastUsed, TimePasswordChanged time.Time
	// TimesUsed counts uses; 0 if unknown.
	TimesUsed int64
}

// storedLogin is a login as logins.json has it.
type storedLogin struct {
	GUID                string  `json:"guid"`
	Hostname            string  `json:"hostname"`
	FormSubmitURL       *string `json:"formSubmitURL"`
	HTTPRealm           *string `json:"httpRealm"`
	UsernameField       string  `json:"usernameField"`
	PasswordField       string  `json:"passwordField"`
	EncryptedUsername   string  `json:"encryptedUsername"`
	EncryptedPassword   string  `json:"encryptedPassword"`
	TimeCreated         int64   `json:"timeCreated"`
	TimeLastUsed        int64   `json:"timeLastUsed"`
	TimePasswordChanged int64   `json:"timePasswordChanged"`
	TimesUsed           int64   `json:"timesUsed"`
	// Deleted is set where nothing but the login's end is kept, for its sync.
	Deleted bool `json:"deleted"`
}

// Passwords yields the saved passwords, without the keys of Firefox's own account. The
// error is [ErrNoKeys] without the key, and [ErrNeedsPassword] or [ErrPrimaryPassword] without the
// primary password.
func (p *Profile) Passwords(ctx context.Context, left *skips.List) iter.Seq2[Login, error] {
	return func(yield func(Login, error) bool) {
		stored, err := p.storedLogins(left)
		if err == nil && len(stored) == 0 {
			return // and no password is asked for
		}
		var k *keys
		if err == nil {
			k, err = p.unlock(ctx)
		}
		if err != nil {
			yield(Login{}, err)
			return
		}
		err = eachItem(ctx, stored, "login", left, func(s storedLogin, _ string) bool {
			if s.Deleted || s.Hostname == accountsOrigin {
				return true
			}
			l, err := k.decryptLogin(s)
			if err != nil {
				left.Add(skips.Skip{Item: skips.Shorten(s.Hostname), Reason: err.Error()})
				return true
			}
			return yield(l, nil)
		})
		if err != nil {
			yield(Login{}, err)
		}
	}
}

var errOldLogins = errors.New("it is how Firefox kept passwords before version 32, and is not read here; open the profile in a newer Firefox first")

// storedLogins reads logins.json, or its backup as Firefox does.
func (p *Profile) storedLogins(left *skips.List) ([]json.RawMessage, error) {
	var file struct{ Logins []json.RawMessage }
	err := p.object(loginsFile, &file)
	if err == nil {
		return file.Logins, nil
	}
	if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrMissing) {
		return nil, err
	}
	var backup struct{ Logins []json.RawMessage }
	if e := p.object(loginsBackup, &backup); errors.Is(e, ErrMissing) {
		if _, old := p.dir.Lstat(oldLogins); old == nil && errors.Is(err, ErrMissing) {
			return nil, about(oldLogins, errOldLogins)
		}
		return nil, err
	} else if e != nil {
		return nil, fmt.Errorf("%w; its backup cannot be read either: %w", err, e)
	}
	left.Add(skips.Skip{Item: loginsFile, Reason: "it is damaged or missing; its backup was read, which may lack the newest passwords"})
	return backup.Logins, nil
}

func (k *keys) decryptLogin(s storedLogin) (Login, error) {
	l := Login{
		GUID: s.GUID, Hostname: s.Hostname, UsernameField: s.UsernameField, PasswordField: s.PasswordField,
		TimeCreated: fromMilli(s.TimeCreated), TimeLastUsed: fromMilli(s.TimeLastUsed),
		TimePasswordChanged: fromMilli(s.TimePasswordChanged), TimesUsed: max(0, s.TimesUsed),
	}
	if s.Hostname == "" {
		return Login{}, errors.New("it has no site")
	}
	if s.FormSubmitURL != nil {
		l.FormSubmitURL = *s.FormSubmitURL
	}
	if s.HTTPRealm != nil {
		l.HTTPRealm = *s.HTTPRealm
	}
	var err error
	if l.Username, err = k.login(s.EncryptedUsername); err != nil {
		return Login{}, fmt.Errorf("its user name: %w", err)
	}
	if l.Password, err = k.login(s.EncryptedPassword); err != nil {
		return Login{}, fmt.Errorf("its password: %w", err)
	}
	if !utf8.ValidString(l.Username) || !utf8.ValidString(l.Password) {
		return Login{}, errUndecipherable
	}
	return l, nil
}
