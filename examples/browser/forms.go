package main

import (
	"context"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/creditcards"
)

var formCommands = []command{
	{"addresses", "", "list the addresses that fill forms", (*browser).listAddresses},
	{"address add", "NAME STREET CITY COUNTRY", "add an address; the country in any language, or its code", (*browser).addAddress},
	{"address use", "ID", "note that a form was filled with an address", (*browser).useAddress},
	{"address delete", "ID", "delete an address", (*browser).deleteAddress},
	{"cards", "", "list the cards that fill forms", (*browser).listCards},
	{"card add", "NAME EXPIRES", "add a card; it asks for the number", (*browser).addCard},
	{"card use", "ID", "note that a form was filled with a card", (*browser).useCard},
	{"card delete", "ID", "delete a card", (*browser).deleteCard},
}

func (b *browser) listAddresses(ctx context.Context, _ []string) error {
	for a, err := range b.addresses.List(ctx) {
		if err != nil {
			return err
		}
		b.printf("%s %s, %s, %s, %s (used %d times)", a.ID, a.Name, a.StreetAddress, a.AddressLevel2, addresses.CountryName(a.Country), a.TimesUsed)
	}
	return nil
}

func (b *browser) addAddress(ctx context.Context, args []string) error {
	entry := addresses.Entry{Name: args[0], StreetAddress: args[1], AddressLevel2: args[2], Country: args[3]}
	if code, ok := addresses.CountryCode(args[3]); ok {
		entry.Country = code
	}
	added, err := b.addresses.Add(ctx, addresses.Address{Entry: entry})
	if err == nil {
		b.printf("%s", added.ID)
	}
	return err
}

func (b *browser) useAddress(ctx context.Context, args []string) error {
	return b.addresses.Touch(ctx, engine.ID(args[0]))
}

func (b *browser) deleteAddress(ctx context.Context, args []string) error {
	return b.addresses.Delete(ctx, engine.ID(args[0]))
}

func (b *browser) listCards(ctx context.Context, _ []string) error {
	for c, err := range b.cards.List(ctx) {
		if err != nil {
			return err
		}
		b.printf("%s %s %s %s, expires %s (used %d times)", c.ID, c.Name, c.Network, c.Masked(), c.Expires(), c.TimesUsed)
	}
	return nil
}

func (b *browser) addCard(ctx context.Context, args []string) error {
	month, year, err := creditcards.ParseExpires(args[1])
	if err != nil {
		return err
	}
	number, err := b.askSecret("number")
	if err != nil {
		return err
	}
	added, err := b.cards.Add(ctx, creditcards.Card{Entry: creditcards.Entry{Name: args[0], Number: number, ExpMonth: month, ExpYear: year}})
	if err == nil {
		b.printf("%s", added.ID)
	}
	return err
}

func (b *browser) useCard(ctx context.Context, args []string) error {
	return b.cards.Touch(ctx, engine.ID(args[0]))
}

func (b *browser) deleteCard(ctx context.Context, args []string) error {
	return b.cards.Delete(ctx, engine.ID(args[0]))
}
