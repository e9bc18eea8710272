package api

import (
	"context"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/engines/forms"
)

// Address is an address that fills forms.
type Address struct {
	ID            engine.ID `json:"id"`
	ETag          string    `json:"etag"`
	Name          string    `json:"name,omitempty"`
	Organization  string    `json:"organization,omitempty"`
	StreetAddress string    `json:"streetAddress,omitempty"`
	// AddressLevel3 is the suburb, AddressLevel2 the city, AddressLevel1 the state or province.
	AddressLevel3 string `json:"addressLevel3,omitempty"`
	AddressLevel2 string `json:"addressLevel2,omitempty"`
	AddressLevel1 string `json:"addressLevel1,omitempty"`
	PostalCode    string `json:"postalCode,omitempty"`
	// Country is its code of two letters, by ISO 3166.
	Country string `json:"country,omitempty"`
	// Tel is as E.164 writes it where it could be understood.
	Tel              string    `json:"tel,omitempty"`
	Email            string    `json:"email,omitempty"`
	TimeCreated      time.Time `json:"timeCreated,omitzero"`
	TimeLastModified time.Time `json:"timeLastModified,omitzero"`
	TimeLastUsed     time.Time `json:"timeLastUsed,omitzero"`
	TimesUsed        int64     `json:"timesUsed,omitempty"`
}

// AddressFields are the fields of an address that can be set; see [Address].
type AddressFields struct {
	Name          *string `json:"name,omitempty" bound:"0..1000"`
	Organization  *string `json:"organization,omitempty" bound:"0..1000"`
	StreetAddress *string `json:"streetAddress,omitempty" bound:"0..4000"`
	AddressLevel3 *string `json:"addressLevel3,omitempty" bound:"0..1000"`
	AddressLevel2 *string `json:"addressLevel2,omitempty" bound:"0..1000"`
	AddressLevel1 *string `json:"addressLevel1,omitempty" bound:"0..1000"`
	PostalCode    *string `json:"postalCode,omitempty" bound:"0..100"`
	Country       *string `json:"country,omitempty" bound:"0..100"`
	Tel           *string `json:"tel,omitempty" bound:"0..100"`
	Email         *string `json:"email,omitempty" bound:"0..1000"`
}

func addressVerbs() []*Verb {
	return flat[addresses.Address, AddressFields, Address]{
		collection: "addresses", one: "an address", many: "addresses",
		open: func(ctx context.Context, h Home) (store[addresses.Address], error) { return h.Addresses(ctx) },
		edit: editor(Home.Addresses, (*addresses.Engine).Edit),
		id:   func(r *addresses.Address) engine.ID { return r.ID },
	}.verbs()
}

// editor is the flat.edit of an engine.
func editor[E any, R any, T editable[R]](open func(Home, context.Context) (E, error), edit func(E, context.Context, func(T) error) error) func(context.Context, Home, func(editable[R]) error) error {
	return func(ctx context.Context, h Home, f func(editable[R]) error) error {
		e, err := open(h, ctx)
		if err != nil {
			return err
		}
		return edit(e, ctx, func(tx T) error { return f(tx) })
	}
}

// Card is a payment card without its number, which creditcards.reveal has.
type Card struct {
	ID   engine.ID `json:"id"`
	ETag string    `json:"etag"`
	// Name is that of the card's holder.
	Name string `json:"name,omitempty"`
	// LastDigits are the last four digits of the number.
	LastDigits string `json:"lastDigits"`
	ExpMonth   int    `json:"expMonth,omitempty"`
	// ExpYear has four digits.
	ExpYear int `json:"expYear,omitempty"`
	// Network follows from the number: "visa".
	Network string `json:"network,omitempty"`
	// BillingAddress is the ID of an address, which may be on another device.
	BillingAddress   string    `json:"billingAddress,omitempty"`
	TimeCreated      time.Time `json:"timeCreated,omitzero"`
	TimeLastModified time.Time `json:"timeLastModified,omitzero"`
	TimeLastUsed     time.Time `json:"timeLastUsed,omitzero"`
	TimesUsed        int64     `json:"timesUsed,omitempty"`
}

// CardFields are the fields of a card that can be set; see [Card].
type CardFields struct {
	Name *string `json:"name,omitempty" bound:"0..1000"`
	// Number is the whole number, without spaces.
	Number         *string `json:"number,omitempty" bound:"0..40"`
	ExpMonth       *int    `json:"expMonth,omitempty" bound:"0..12"`
	ExpYear        *int    `json:"expYear,omitempty" bound:"0..9999"`
	BillingAddress *string `json:"billingAddress,omitempty" bound:"0..64"`
}

// CardNumber is the number of a card.
type CardNumber struct {
	Number string `json:"number"`
}

func cardVerbs() []*Verb {
	return append(flat[creditcards.Card, CardFields, Card]{
		collection: "creditcards", one: "a payment card", many: "payment cards",
		open: func(ctx context.Context, h Home) (store[creditcards.Card], error) { return h.Cards(ctx) },
		edit: editor(Home.Cards, (*creditcards.Engine).Edit),
		id:   func(r *creditcards.Card) engine.ID { return r.ID },
		show: func(r *creditcards.Card, a *Card) { a.LastDigits = r.Number[max(0, len(r.Number)-4):] },
	}.verbs(),
		value("creditcards.reveal", "Returns the number of a payment card.", Needs{Secrets: true, Engines: []string{"creditcards"}},
			func(ctx context.Context, c *call, q ID) (CardNumber, error) {
				e, err := c.home.Cards(ctx)
				if err != nil {
					return CardNumber{}, err
				}
				r, err := e.Get(ctx, q.ID)
				return CardNumber{r.Number}, err
			}))
}

// FormEntry is one value that was typed into a field of a page.
type FormEntry struct {
	ID    engine.ID `json:"id"`
	ETag  string    `json:"etag"`
	Name  string    `json:"name"`
	Value string    `json:"value"`
}

// FormFields are the fields of an entry; see [FormEntry].
type FormFields struct {
	// Name is the field's in the page: "email".
	Name  *string `json:"name,omitempty" bound:"1..200"`
	Value *string `json:"value,omitempty" bound:"1..200"`
}

func formVerbs() []*Verb {
	return flat[forms.Entry, FormFields, FormEntry]{
		collection: "forms", one: "an entry", many: "entries",
		open: func(ctx context.Context, h Home) (store[forms.Entry], error) { return h.Forms(ctx) },
		edit: editor(Home.Forms, (*forms.Engine).Edit),
		id:   func(r *forms.Entry) engine.ID { return r.ID },
	}.verbs()
}

// Addon is an add-on of an application.
type Addon struct {
	ID   engine.ID `json:"id"`
	ETag string    `json:"etag"`
	// AddonID is the add-on's own ID.
	AddonID string `json:"addonID"`
	// ApplicationID is the ID of the application.
	ApplicationID string `json:"applicationID"`
	Enabled       bool   `json:"enabled"`
	// Source is where it came from: "amo".
	Source string `json:"source"`
}

// AddonFields are the fields of an add-on; see [Addon].
type AddonFields struct {
	AddonID       *string `json:"addonID,omitempty" bound:"1..1000"`
	ApplicationID *string `json:"applicationID,omitempty" bound:"1..1000"`
	Enabled       *bool   `json:"enabled,omitempty"`
	Source        *string `json:"source,omitempty" bound:"0..100"`
}

func addonVerbs() []*Verb {
	return flat[addons.Addon, AddonFields, Addon]{
		collection: "addons", one: "an add-on", many: "add-ons",
		open: func(ctx context.Context, h Home) (store[addons.Addon], error) { return h.Addons(ctx) },
		edit: editor(Home.Addons, (*addons.Engine).Edit),
		id:   func(r *addons.Addon) engine.ID { return r.ID },
	}.verbs()
}
