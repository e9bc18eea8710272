// Package addresses is the engine of the collection "addresses": the postal
// addresses, with telephone and e-mail, that Firefox fills into forms.
package addresses

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/autofill"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Config says where the addresses are and what the engine runs on. They are not
// encrypted if it has no key.
type Config = engine.StoreConfig

// Engine is the user's addresses on this device. It is safe for concurrent use.
type Engine struct {
	store *mirror.Store[Address]
	now   func() time.Time
}

//go:generate go run github.com/syncmanager/syncmanager/internal/mirror/storemethods -type Address -one "an address" -many "addresses"

// Address is an address with its record ID.
type Address struct {
	ID engine.ID
	Entry
}

// Entry is an address, with the wire's field names. A field that is "" is absent.
type Entry struct {
	Name         string `json:"name,omitempty"`
	Organization string `json:"organization,omitempty"`
	// StreetAddress has a line for each of the letter's.
	StreetAddress string `json:"street-address,omitempty"`
	// AddressLevel3 is the suburb, AddressLevel2 the city, AddressLevel1 the state or
	// province.
	AddressLevel3 string `json:"address-level3,omitempty"`
	AddressLevel2 string `json:"address-level2,omitempty"`
	AddressLevel1 string `json:"address-level1,omitempty"`
	PostalCode    string `json:"postal-code,omitempty"`
	// Country is its code of two letters, by ISO 3166.
	Country string `json:"country,omitempty"`
	// Tel is as E.164 writes it where it could be understood: "+15551234567".
	Tel   string `json:"tel,omitempty"`
	Email string `json:"email,omitempty"`

	// Version is that of the entry's form, which the engine sets.
	Version int `json:"version"`
	// The times are kept to the millisecond, in UTC; zero: not known. In a record they are
	// Unix milliseconds.
	TimeCreated      time.Time `json:"timeCreated"`
	TimeLastModified time.Time `json:"timeLastModified"`
	TimeLastUsed     time.Time `json:"timeLastUsed"`
	// TimesUsed counts how often a form was filled with the entry.
	TimesUsed int64 `json:"timesUsed"`

	// The parts follow from Name, and are for clients that do not know it.
	GivenName      string `json:"given-name,omitempty"`
	AdditionalName string `json:"additional-name,omitempty"`
	FamilyName     string `json:"family-name,omitempty"`
}

var form = autofill.Form[Entry]{
	Collection: "addresses",
	Version:    1,
	Newest:     1,
	Meta: func(e *Entry) autofill.Meta {
		return autofill.Meta{Version: &e.Version, TimeCreated: &e.TimeCreated, TimeLastModified: &e.TimeLastModified,
			TimeLastUsed: &e.TimeLastUsed, TimesUsed: &e.TimesUsed}
	},
	Content: func(e *Entry) []string {
		return []string{
			e.fullName(), e.Organization, e.StreetAddress, e.AddressLevel3, e.AddressLevel2, e.AddressLevel1,
			e.PostalCode, e.Country, e.Tel, e.Email,
		}
	},
	Derived: []string{"given-name", "additional-name", "family-name"},
}

// Open opens the addresses in c.Path.
func Open(ctx context.Context, c Config) (*Engine, error) {
	c = c.WithDefaults()
	schema := autofill.Schema(&form, c.Now, func(a *Address) (*engine.ID, *Entry) { return &a.ID, &a.Entry }, complete)
	store, err := mirror.Open(ctx, schema, c)
	if err != nil {
		return nil, err
	}
	return &Engine{store, c.Now}, nil
}

// MarshalJSON writes the record as it goes over the wire.
func (a Address) MarshalJSON() ([]byte, error) { return autofill.Marshal(a.ID, &a.Entry) }

// UnmarshalJSON reads a record from the wire.
func (a *Address) UnmarshalJSON(raw []byte) (err error) {
	a.ID, a.Entry, err = form.Unmarshal(raw)
	a.Name = a.fullName()
	return err
}

// fullName is the name, or what its parts make where a client wrote those alone.
func (e *Entry) fullName() string {
	if e.Name != "" {
		return e.Name
	}
	return JoinName(e.GivenName, e.AdditionalName, e.FamilyName)
}

// complete brings a user's address into the form in which Firefox stores it.
func complete(e, old *Entry) error {
	for _, s := range []*string{
		&e.Name, &e.Organization, &e.StreetAddress, &e.AddressLevel3, &e.AddressLevel2, &e.AddressLevel1,
		&e.PostalCode, &e.Country, &e.Tel, &e.Email,
	} {
		*s = strings.TrimSpace(strings.ReplaceAll(*s, "\r\n", "\n"))
		if strings.ContainsAny(*s, "\x00\r") || s != &e.StreetAddress && strings.Contains(*s, "\n") {
			return errors.New("a line break may be in the street alone")
		}
	}
	if old == nil {
		old = &Entry{}
	}
	if e.Country != old.Country && e.Country != "" {
		code, ok := CountryCode(e.Country)
		if !ok {
			return errors.New("there is no such country; give its name or its code of two letters")
		}
		e.Country = code
	}
	if e.Tel != old.Tel {
		e.Tel = International(e.Tel, e.Country)
	}
	if e.Name != old.Name || e.GivenName == "" {
		e.GivenName, e.AdditionalName, e.FamilyName = SplitName(e.Name)
	}
	country := e.Country
	if e.Country = ""; strings.Join(form.Content(e), "") == "" {
		return errors.New("it is empty; give a name, a street or the like")
	}
	e.Country = country
	return nil
}
