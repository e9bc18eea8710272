package passwords

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/mirror"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// Login is one saved password, with the wire's field names.
type Login struct {
	// ID is the record's GUID; Firefox's have braces: "{6e6e0800-…}".
	ID engine.ID
	// Hostname is the origin of the page, as scheme://host[:port].
	Hostname string
	// FormSubmitURL is the origin that the form submits to; "" matches any form.
	// It means nothing where HTTPRealm is set.
	FormSubmitURL string
	// HTTPRealm is the realm of an HTTP authentication; "" for a form's login.
	HTTPRealm string
	Username  string
	Password  string
	// UsernameField and PasswordField are the names of the form's inputs, or "".
	UsernameField string
	PasswordField string
	// The times are kept to the millisecond, in UTC; zero: not known.
	TimeCreated         time.Time
	TimePasswordChanged time.Time
	TimeLastUsed        time.Time
	// TimesUsed counts uses; 0: not known. Firefox 153 neither writes nor keeps it.
	TimesUsed int64
	// TimeOfLastBreach is when the site was breached last, and TimeLastBreachAlertDismissed
	// when the user dismissed the alert of a breach, zero: never. Firefox for
	// phones writes them.
	TimeOfLastBreach             time.Time
	TimeLastBreachAlertDismissed time.Time
}

// wire is the record as Firefox writes it: of formSubmitURL and httpRealm just
// one is set, and the other is null.
type wire struct {
	ID                  engine.ID `json:"id"`
	Hostname            string    `json:"hostname"`
	FormSubmitURL       *string   `json:"formSubmitURL"`
	HTTPRealm           *string   `json:"httpRealm"`
	Username            string    `json:"username"`
	Password            string    `json:"password"`
	UsernameField       string    `json:"usernameField"`
	PasswordField       string    `json:"passwordField"`
	TimeCreated         int64     `json:"timeCreated,omitempty"`
	TimePasswordChanged int64     `json:"timePasswordChanged,omitempty"`
	TimeLastUsed        int64     `json:"timeLastUsed,omitempty"`
	TimesUsed           int64     `json:"timesUsed,omitempty"`
	TimeOfLastBreach    int64     `json:"timeOfLastBreach,omitempty"`
	BreachDismissed     int64     `json:"timeLastBreachAlertDismissed,omitempty"`
}

// MarshalJSON writes the record as it goes over the wire.
func (l Login) MarshalJSON() ([]byte, error) {
	w := wire{
		ID: l.ID, Hostname: l.Hostname, Username: l.Username, Password: l.Password,
		UsernameField: l.UsernameField, PasswordField: l.PasswordField,
		TimeCreated: mirror.Milliseconds(l.TimeCreated), TimePasswordChanged: mirror.Milliseconds(l.TimePasswordChanged),
		TimeLastUsed: mirror.Milliseconds(l.TimeLastUsed), TimesUsed: l.TimesUsed,
		TimeOfLastBreach: mirror.Milliseconds(l.TimeOfLastBreach), BreachDismissed: mirror.Milliseconds(l.TimeLastBreachAlertDismissed),
	}
	if l.HTTPRealm != "" {
		w.HTTPRealm = &l.HTTPRealm
	} else {
		w.FormSubmitURL = &l.FormSubmitURL
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads a record from the wire. What is absent or null is zero.
func (l *Login) UnmarshalJSON(raw []byte) error {
	*l = Login{}
	return rawjson.Object(raw, func(name, value []byte) error {
		if err := l.set(string(name), value); err != nil {
			// The value may be a secret: the error names the field alone.
			return &engine.FieldError{Field: string(name), Reason: fmt.Errorf("its %s is not what it should be", name)}
		}
		return nil
	})
}

var errType = errors.New("wrong type")

func (l *Login) set(name string, value []byte) error {
	switch name {
	case "id":
		return text((*string)(&l.ID), value)
	case "hostname":
		return text(&l.Hostname, value)
	case "formSubmitURL":
		return text(&l.FormSubmitURL, value)
	case "httpRealm":
		return text(&l.HTTPRealm, value)
	case "username":
		return text(&l.Username, value)
	case "password":
		return text(&l.Password, value)
	case "usernameField":
		return text(&l.UsernameField, value)
	case "passwordField":
		return text(&l.PasswordField, value)
	case "timeCreated":
		l.TimeCreated = mirror.Time(mirror.Number(value))
	case "timePasswordChanged":
		l.TimePasswordChanged = mirror.Time(mirror.Number(value))
	case "timeLastUsed":
		l.TimeLastUsed = mirror.Time(mirror.Number(value))
	case "timesUsed":
		l.TimesUsed = mirror.Number(value)
	case "timeOfLastBreach":
		l.TimeOfLastBreach = mirror.Time(mirror.Number(value))
	case "timeLastBreachAlertDismissed":
		l.TimeLastBreachAlertDismissed = mirror.Time(mirror.Number(value))
	}
	return nil
}

func text(into *string, value []byte) error {
	if string(value) == "null" {
		return nil
	}
	s, ok := rawjson.Unquoted(value)
	if !ok {
		return errType
	}
	*into = string(s)
	return nil
}

// round brings all times into the form in which they are kept.
func (l *Login) round() {
	mirror.Round(&l.TimeCreated, &l.TimePasswordChanged, &l.TimeLastUsed, &l.TimeOfLastBreach, &l.TimeLastBreachAlertDismissed)
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// check tells why a login cannot be one, by Firefox's rules for what it stores.
func (l *Login) check() error {
	switch {
	case l.Hostname == "":
		return &engine.FieldError{Field: "hostname", Reason: errors.New("it has no hostname")}
	case l.Password == "":
		return &engine.FieldError{Field: "password", Reason: errors.New("it has no password")}
	case strings.EqualFold(l.Hostname, accountsOrigin):
		return errors.New("it is the browser's own sign-in to its account, which never syncs")
	case l.FormSubmitURL != "" && l.HTTPRealm != "":
		return errors.New("it has both a formSubmitURL and an httpRealm")
	case l.FormSubmitURL == "." || l.UsernameField == ".":
		return errors.New("a lone period is not a value")
	case strings.Contains(l.Hostname, " ("):
		return errors.New("its hostname has a parenthesis")
	}
	for _, s := range []string{l.Hostname, l.FormSubmitURL, l.HTTPRealm, l.UsernameField, l.PasswordField} {
		if strings.ContainsAny(s, "\x00\r\n") {
			return errors.New("it has a line break or a NUL where none may be")
		}
	}
	if strings.ContainsRune(l.Username, 0) || strings.ContainsRune(l.Password, 0) {
		return errors.New("it has a NUL where none may be")
	}
	return nil
}

// accountsOrigin is where Firefox keeps its own account's session.
const accountsOrigin = "chrome://FirefoxAccounts"

// dedupeKey is what makes two logins the same one: the origin, the form's action
// or the realm, and the username.
func (l *Login) dedupeKey() []byte {
	kind, target := "form", asciiOrigin(l.FormSubmitURL)
	if l.HTTPRealm != "" {
		kind, target = "realm", l.HTTPRealm
	}
	return []byte(strings.Join([]string{asciiOrigin(l.Hostname), kind, target, l.Username}, "\x00"))
}

// looseKey is what two logins share that may be the same one: see matches.
func (l *Login) looseKey() []byte {
	return []byte(asciiOrigin(l.Hostname) + "\x00" + l.Username)
}

// matches tells whether two logins with one looseKey are the same one by Firefox's rules:
// both for the same realm, or both for forms, with the same action, or with any where
// one of them has none.
func (l *Login) matches(other *Login) bool {
	if l.HTTPRealm != other.HTTPRealm {
		return false
	}
	return l.HTTPRealm != "" || l.FormSubmitURL == "" || other.FormSubmitURL == "" ||
		asciiOrigin(l.FormSubmitURL) == asciiOrigin(other.FormSubmitURL)
}
