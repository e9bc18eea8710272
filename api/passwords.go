package api

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/passwords"
)

// Login is a saved password without the password, which passwords.reveal has.
type Login struct {
	ID   engine.ID `json:"id"`
	ETag string    `json:"etag"`
	// Hostname is the origin of the page, as scheme://host[:port].
	Hostname string `json:"hostname"`
	// FormSubmitURL is the origin that the form submits to; absent: any form.
	FormSubmitURL string `json:"formSubmitURL,omitempty"`
	// HTTPRealm is the realm of an HTTP authentication; absent: a form's login.
	HTTPRealm     string `json:"httpRealm,omitempty"`
	Username      string `json:"username"`
	UsernameField string `json:"usernameField,omitempty"`
	PasswordField string `json:"passwordField,omitempty"`
	// The times are kept to the millisecond; absent: not known.
	TimeCreated         time.Time `json:"timeCreated,omitzero"`
	TimePasswordChanged time.Time `json:"timePasswordChanged,omitzero"`
	TimeLastUsed        time.Time `json:"timeLastUsed,omitzero"`
	TimesUsed           int64     `json:"timesUsed,omitempty"`
}

// LoginFields are the fields of a login that can be set; see [Login].
type LoginFields struct {
	Hostname      *string `json:"hostname,omitempty" bound:"1..2000"`
	FormSubmitURL *string `json:"formSubmitURL,omitempty" bound:"0..2000"`
	HTTPRealm     *string `json:"httpRealm,omitempty" bound:"0..1000"`
	Username      *string `json:"username,omitempty" bound:"0..2000"`
	Password      *string `json:"password,omitempty" bound:"1..10000"`
	UsernameField *string `json:"usernameField,omitempty" bound:"0..1000"`
	PasswordField *string `json:"passwordField,omitempty" bound:"0..1000"`
}

// Secret is the password of a login.
type Secret struct {
	Username string `json:"username"`
	Password string `json:"password"`
}

// Site names a site.
type Site struct {
	// Address is a URL, an origin or a host.
	Address string `json:"address" bound:"1..65536"`
	// Exact asks for the logins of the origin alone, and not for those of the whole site.
	Exact bool `json:"exact,omitempty"`
}

// logins is the description of the engine.
func logins() flat[passwords.Login, LoginFields, Login] {
	return flat[passwords.Login, LoginFields, Login]{
		collection: "passwords", one: "a login", many: "logins",
		open: func(ctx context.Context, h Home) (store[passwords.Login], error) { return h.Passwords(ctx) },
		edit: editor(Home.Passwords, (*passwords.Engine).Edit),
		id:   func(r *passwords.Login) engine.ID { return r.ID },
	}
}

func passwordVerbs() []*Verb {
	f := logins()
	reading := Needs{Engines: []string{"passwords"}}
	writing := Needs{Engines: []string{"passwords"}, Write: true}
	secrets := Needs{Engines: []string{"passwords"}, Secrets: true}
	show := func(c *call) func(passwords.Login) (Login, error) {
		return func(l passwords.Login) (Login, error) { return f.answer(c, &l) }
	}
	return append(f.verbs(),
		stream("passwords.matching", "Lists the logins of a site.", reading,
			func(ctx context.Context, c *call, q Site) (iter.Seq2[Login, error], error) {
				e, err := c.home.Passwords(ctx)
				if err != nil {
					return nil, err
				}
				if q.Exact {
					return mapped(e.ByOrigin(ctx, q.Address), show(c)), nil
				}
				return mapped(e.BySite(ctx, q.Address), show(c)), nil
			}),
		stream("passwords.search", "Lists the logins whose origin or username contains a text.", reading,
			func(ctx context.Context, c *call, q SearchWords) (iter.Seq2[Login, error], error) {
				e, err := c.home.Passwords(ctx)
				if err != nil {
					return nil, err
				}
				return first(mapped(e.Find(ctx, q.Words), show(c)), q.or(usualLimit)), nil
			}),
		value("passwords.reveal", "Returns the username and the password of a login.", secrets,
			func(ctx context.Context, c *call, q ID) (Secret, error) {
				e, err := c.home.Passwords(ctx)
				if err != nil {
					return Secret{}, err
				}
				l, err := e.Get(ctx, q.ID)
				return Secret{l.Username, l.Password}, err
			}),
		action("passwords.touch", "Notes that a login was used.", writing, func(ctx context.Context, c *call, q ID) error {
			e, err := c.home.Passwords(ctx)
			if err != nil {
				return err
			}
			return e.Touch(ctx, q.ID)
		}),
		importVerb("passwords.importCSV", "Adds the logins of a CSV file that a browser or a password manager exported.",
			"passwords", func(ctx context.Context, h Home) (importer, error) { return h.Passwords(ctx) }),
		stream("passwords.exportCSV", "Exports all logins with their passwords as a CSV file, piece by piece.", secrets,
			func(ctx context.Context, c *call, _ Empty) (iter.Seq2[Piece, error], error) {
				e, err := c.home.Passwords(ctx)
				if err != nil {
					return nil, err
				}
				return pieces(func(w io.Writer) error { return e.ExportCSV(ctx, w) }), nil
			}),
	)
}

// first is the beginning of a list.
func first[A any](list iter.Seq2[A, error], n int) iter.Seq2[A, error] {
	return func(yield func(A, error) bool) {
		left := n
		for a, err := range list {
			if left--; !yield(a, err) || left == 0 {
				return
			}
		}
	}
}
