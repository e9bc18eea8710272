package firefoxprofile

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/skips"
)

const autofillFile = "autofill-profiles.json"

// Use says how often and when an address or card was used.
type Use struct {
	// The times are in UTC, in milliseconds; zero if unknown, or never.
	TimeCreated, TimeLastUsed, TimeLastModified time.Time
	TimesUsed                                   int64
}

// An Address is an address to fill forms with.
type Address struct {
	GUID string
	Name string
	// Organization is a company.
	Organization string
	// StreetAddress may have several lines.
	StreetAddress string
	// AddressLevel1 is a state or province, 2 a town, 3 a part of it.
	AddressLevel3, AddressLevel2, AddressLevel1 string
	PostalCode                                  string
	// Country is its ISO 3166 code.
	Country string
	// Tel is in the form of E.164: "+4930123456".
	Tel   string
	Email string
	Use
}

// A Card is a credit card to fill forms with.
type Card struct {
	GUID string
	Name string
	// Number is the whole number, only digits; "" if it could not be decrypted. Masked is what
	// Firefox shows: "••••••••••••1234".
	Number, Masked string
	// ExpMonth and ExpYear are when it expires; 0 if unknown.
	ExpMonth, ExpYear int64
	// Type is the network, such as "visa"; "" if unknown.
	Type string
	Use
}

type storedUse struct {
	TimeCreated      int64 `json:"timeCreated"`
	TimeLastUsed     int64 `json:"timeLastUsed"`
	TimeLastModified int64 `json:"timeLastModified"`
	TimesUsed        int64 `json:"timesUsed"`
	// Deleted is set where nothing but the item's end is kept, for its sync.
	Deleted bool `json:"deleted"`
}

func (s storedUse) use() Use {
	return Use{
		TimeCreated: fromMilli(s.TimeCreated), TimeLastUsed: fromMilli(s.TimeLastUsed),
		TimeLastModified: fromMilli(s.TimeLastModified), TimesUsed: max(0, s.TimesUsed),
	}
}

type storedAddress struct {
	GUID           string `json:"guid"`
	Name           string `json:"name"`
	GivenName      string `json:"given-name"`
	AdditionalName string `json:"additional-name"`
	FamilyName     string `json:"family-name"`
	Organization   string `json:"organization"`
	StreetAddress  string `json:"street-address"`
	AddressLevel3  string `json:"address-level3"`
	AddressLevel2  string `json:"address-level2"`
	AddressLevel1  string `json:"address-level1"`
	PostalCode     string `json:"postal-code"`
	Country        string `json:"country"`
	Tel            string `json:"tel"`
	Email          string `json:"email"`
	storedUse
}

// Addresses yields the addresses.
func (p *Profile) Addresses(ctx context.Context, left *skips.List) iter.Seq2[Address, error] {
	return func(yield func(Address, error) bool) {
		var file struct{ Addresses []json.RawMessage }
		if err := p.object(autofillFile, &file); err != nil {
			yield(Address{}, err)
			return
		}
		err := eachItem(ctx, file.Addresses, "address", left, func(s storedAddress, _ string) bool {
			if s.Deleted {
				return true
			}
			if s.Name == "" { // older ones have its parts alone
				s.Name = strings.Join(strings.Fields(s.GivenName+" "+s.AdditionalName+" "+s.FamilyName), " ")
			}
			return yield(Address{
				GUID: s.GUID, Name: s.Name, Organization: s.Organization, StreetAddress: s.StreetAddress,
				AddressLevel3: s.AddressLevel3, AddressLevel2: s.AddressLevel2, AddressLevel1: s.AddressLevel1,
				PostalCode: s.PostalCode, Country: s.Country, Tel: s.Tel, Email: s.Email, Use: s.use(),
			}, nil)
		})
		if err != nil {
			yield(Address{}, err)
		}
	}
}

type storedCard struct {
	GUID      string `json:"guid"`
	Name      string `json:"cc-name"`
	Number    string `json:"cc-number"`
	Encrypted string `json:"cc-number-encrypted"`
	ExpMonth  int64  `json:"cc-exp-month"`
	ExpYear   int64  `json:"cc-exp-year"`
	Type      string `json:"cc-type"`
	storedUse
}

// Cards yields the credit cards. A card whose number cannot be decrypted is yielded
// without it, and added to left. The error is [ErrNeedsPassword] or [ErrPrimaryPassword]
// without the primary password that protects the numbers.
func (p *Profile) Cards(ctx context.Context, left *skips.List) iter.Seq2[Card, error] {
	return func(yield func(Card, error) bool) {
		var file struct{ CreditCards []json.RawMessage }
		if err := p.object(autofillFile, &file); err != nil {
			yield(Card{}, err)
			return
		}
		err := eachItem(ctx, file.CreditCards, "card", left, func(s storedCard, name string) bool {
			if s.Deleted {
				return true
			}
			number, err := p.cardNumber(ctx, s.Encrypted)
			if errors.Is(err, ErrNeedsPassword) || errors.Is(err, ErrPrimaryPassword) || ctx.Err() != nil {
				yield(Card{}, err)
				return false
			}
			if err != nil {
				left.Add(skips.Skip{Item: name, Reason: "its number cannot be read: " + err.Error()})
			}
			return yield(Card{
				GUID: s.GUID, Name: s.Name, Number: number, Masked: s.Number,
				ExpMonth: s.ExpMonth, ExpYear: s.ExpYear, Type: s.Type, Use: s.use(),
			}, nil)
		})
		if err != nil {
			yield(Card{}, err)
		}
	}
}

var (
	errNoNumber = errors.New("the card has none")
	// errKeyring means that the system's keyring has the key of the numbers.
	errKeyring = errors.New("its key is in the system's keyring, which only Firefox can use")
)

func (p *Profile) cardNumber(ctx context.Context, sealed string) (string, error) {
	if sealed == "" {
		return "", errNoNumber
	}
	k, err := p.unlock(ctx)
	if err != nil {
		return "", err
	}
	number, err := k.card(sealed)
	switch {
	case errors.Is(err, errNoKey):
		return "", errKeyring
	case err != nil:
		return "", err
	case number == "" || strings.Trim(number, "0123456789") != "":
		return "", errors.New(notAsWritten)
	}
	return number, nil
}
