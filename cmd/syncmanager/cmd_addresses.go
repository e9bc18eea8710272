package main

import (
	"cmp"
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/internal/profile"
)

type address = addresses.Address

func (a *app) addressesCommand() *cobra.Command {
	s := storeCommand[address]{
		name: "addresses", one: "address",
		short: "List and edit the addresses that fill forms",
		long: `List and edit the addresses that Firefox fills into forms. Changes reach the
other devices with the next sync.

ADDRESS is an ID, the beginning of one, or a name that has one address only.`,
		open:  func(ctx context.Context, p *profile.Profile) (itemStore[address], error) { return p.Addresses(ctx) },
		id:    func(r address) engine.ID { return r.ID },
		title: addressTitle,
		columns: []column[address]{
			{"NAME", func(r address) string { return cmp.Or(r.Name, r.Organization) }},
			{"ADDRESS", place},
			{"TEL", func(r address) string { return r.Tel }},
			{"EMAIL", func(r address) string { return r.Email }},
		},
		fields: []field[address]{
			textField("name", "Name", "full name", func(r *address) *string { return &r.Name }),
			textField("organization", "Organization", "company or organization", func(r *address) *string { return &r.Organization }),
			{
				label: "Street", flag: "street", usage: "street and house number; may have several lines",
				text: func(r address) string { return oneLine(r.StreetAddress) },
				set:  func(r *address, s string) error { r.StreetAddress = s; return nil },
			},
			textField("suburb", "Suburb", "part of the city", func(r *address) *string { return &r.AddressLevel3 }),
			textField("city", "City", "city or town", func(r *address) *string { return &r.AddressLevel2 }),
			textField("state", "State", "state or province, if possible in its short form", func(r *address) *string { return &r.AddressLevel1 }),
			textField("postal-code", "Postal code", "postal code", func(r *address) *string { return &r.PostalCode }),
			{
				label: "Country", flag: "country", usage: "country: its name or its two-letter code",
				text: func(r address) string {
					if name := addresses.CountryName(r.Country); name != "" {
						return name + " (" + r.Country + ")"
					}
					return r.Country
				},
				set: func(r *address, s string) error { r.Country = s; return nil },
			},
			textField("tel", "Telephone", "telephone number", func(r *address) *string { return &r.Tel }),
			textField("email", "E-mail", "e-mail address", func(r *address) *string { return &r.Email }),
			shownField("Created", func(r address) string { return day(r.TimeCreated) }),
			shownField("Changed", func(r address) string { return day(r.TimeLastModified) }),
			shownField("Last used", func(r address) string { return day(r.TimeLastUsed) }),
		},
	}
	return s.command(a)
}

// addressTitle returns the first part of an address that people know it by.
func addressTitle(r address) string {
	return cmp.Or(r.Name, r.Organization, place(r), r.Tel, r.Email)
}

// place returns the postal address in one line.
func place(r address) string {
	town := strings.TrimSpace(r.PostalCode + " " + r.AddressLevel2)
	var parts []string
	for _, part := range []string{oneLine(r.StreetAddress), r.AddressLevel3, town, r.AddressLevel1, r.Country} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, ", ")
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", ", ") }
