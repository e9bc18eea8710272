// Package creditcards is the engine of the collection "creditcards": the payment
// cards that Firefox fills into forms, encrypted at rest.
//
// Numbers, names and dates of cards are encrypted in the file; record IDs and the times of
// edits and syncs are not.
package creditcards

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/internal/autofill"
	"github.com/syncmanager/syncmanager/internal/mirror"
)

// Config says where the cards are and what the engine runs on. Path and Key must be set.
type Config = engine.StoreConfig

// Engine is the user's cards on this device. It is safe for concurrent use.
type Engine struct {
	store *mirror.Store[Card]
	now   func() time.Time
}

//go:generate go run github.com/syncmanager/syncmanager/internal/mirror/storemethods -type Card -one "a card" -many "cards" -without Add

// Card is a card with its record ID.
type Card struct {
	ID engine.ID
	Entry
}

// Entry is a card, with the wire's field names. A field that is "" or 0 is absent.
type Entry struct {
	// Name is that of the card's holder.
	Name string `json:"cc-name,omitempty"`
	// Number is the whole number, without spaces. One that another device wrote may
	// fail the check that one made here has to pass.
	Number   string `json:"cc-number,omitempty"`
	ExpMonth int    `json:"cc-exp-month,omitempty"`
	// ExpYear has four digits.
	ExpYear int `json:"cc-exp-year,omitempty"`
	// Network follows from Number: "visa".
	Network string `json:"cc-type,omitempty"`
	// BillingAddress is the ID of an address, which may be on another device.
	BillingAddress string `json:"billingAddressGUID,omitempty"`

	// Version is that of the entry's form, which the engine sets.
	Version int `json:"version"`
	// The times are kept to the millisecond, in UTC; zero: not known. In a record they are
	// Unix milliseconds.
	TimeCreated      time.Time `json:"timeCreated"`
	TimeLastModified time.Time `json:"timeLastModified"`
	TimeLastUsed     time.Time `json:"timeLastUsed"`
	// TimesUsed counts how often a form was filled with the entry.
	TimesUsed int64 `json:"timesUsed"`
}

// Firefox 110 and 111 wrote version 4, which is 3 without cc-type. Firefox for phones
// reads 3 alone: so what is edited here becomes a 3.
var form = autofill.Form[Entry]{
	Collection: "creditcards",
	Version:    3,
	Newest:     4,
	Meta: func(e *Entry) autofill.Meta {
		return autofill.Meta{Version: &e.Version, TimeCreated: &e.TimeCreated, TimeLastModified: &e.TimeLastModified,
			TimeLastUsed: &e.TimeLastUsed, TimesUsed: &e.TimesUsed}
	},
	// Not the number alone: two cards that differ in anything else are two in Firefox,
	// and one that two devices changed differently becomes two.
	Content: func(e *Entry) []string {
		return []string{e.Number, e.Name, strconv.Itoa(e.ExpMonth), strconv.Itoa(e.ExpYear), e.BillingAddress}
	},
	// By its number a card is found again; two of one number are two all the same.
	Loose: func(e *Entry) []byte {
		if e.Number == "" {
			return nil
		}
		return []byte(bare(e.Number))
	},
	Derived: []string{"cc-type"},
	Numbers: []string{"cc-exp-month", "cc-exp-year"},
}

// Open opens the cards in c.Path.
func Open(ctx context.Context, c Config) (*Engine, error) {
	if c.Key == [32]byte{} {
		return nil, errors.New("creditcards: the configuration needs Key")
	}
	c = c.WithDefaults()
	schema := autofill.Schema(&form, c.Now, func(c *Card) (*engine.ID, *Entry) { return &c.ID, &c.Entry }, complete)
	schema.Required = append(schema.Required, "billingAddressGUID") // Firefox for phones does not know it
	store, err := mirror.Open(ctx, schema, c)
	if err != nil {
		return nil, err
	}
	return &Engine{store, c.Now}, nil
}

// Add adds a card. An [engine.DuplicateError] names one that has its number already:
// what else changed belongs there.
func (e *Engine) Add(ctx context.Context, c Card) (Card, error) {
	err := e.Edit(ctx, func(tx *Tx) error { return tx.Add(&c) })
	return c, err
}

// Add adds a card as [Engine.Add] does, and sets its ID if it has none.
func (tx *Tx) Add(c *Card) error {
	if number := bare(c.Number); number != "" {
		same, err := tx.records.Loose([]byte(number))
		if err != nil {
			return err
		}
		if len(same) > 0 {
			return &engine.DuplicateError{ID: same[0].ID}
		}
	}
	return tx.records.Add(c)
}

// MarshalJSON writes the record as it goes over the wire.
func (c Card) MarshalJSON() ([]byte, error) { return autofill.Marshal(c.ID, &c.Entry) }

// UnmarshalJSON reads a record from the wire.
func (c *Card) UnmarshalJSON(raw []byte) (err error) {
	c.ID, c.Entry, err = form.Unmarshal(raw)
	return err
}

// Masked returns the number's last four digits, as Firefox shows them: "•••• 1111"; "" for a
// card without a number.
func (e *Entry) Masked() string {
	digits := []rune(e.Number)
	switch {
	case len(digits) == 0:
		return ""
	case len(digits) < 8:
		return "••••"
	}
	return "•••• " + string(digits[len(digits)-4:])
}

// Expires returns the last month in which the card is valid, as "04/2031", or "".
func (e *Entry) Expires() string {
	if e.ExpMonth == 0 || e.ExpYear == 0 {
		return ""
	}
	return fmt.Sprintf("%02d/%d", e.ExpMonth, e.ExpYear)
}

// complete brings a user's card into the form in which Firefox stores it. Its errors
// do not name the number.
func complete(e, old *Entry) error {
	if old == nil {
		old = &Entry{}
	}
	e.Name = strings.TrimSpace(e.Name)
	if strings.ContainsAny(e.Name, "\x00\r\n") {
		return errors.New("its name has a line break")
	}
	if e.Number != old.Number || e.Number == "" {
		e.Number = bare(e.Number)
		switch {
		case e.Number == "":
			return errors.New("it has no number")
		case !ValidNumber(e.Number):
			return errors.New("its number is not a card's; is a digit wrong?")
		}
	}
	if network := Network(e.Number); network != "" || e.Number != old.Number {
		e.Network = network
	}
	switch {
	case e.ExpMonth < 0 || e.ExpMonth > 12:
		return errors.New("a year has the months 1 to 12")
	case e.ExpYear != 0 && (e.ExpYear < 2000 || e.ExpYear > 9999):
		return errors.New("the year has four digits and is not before 2000")
	}
	return nil
}
