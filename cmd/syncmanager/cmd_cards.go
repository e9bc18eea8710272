package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/internal/profile"
)

type card = creditcards.Card

func (a *app) cardsCommand() *cobra.Command {
	s := storeCommand[card]{
		name: "cards", one: "card",
		short: "List and edit the payment cards that fill forms",
		long: `List and edit the payment cards that Firefox fills into forms, the collection
"creditcards". Changes reach the other devices with the next sync.

A number is shown by its last four digits, and in full only if a flag or an export
asks for it. CARD is an ID, the beginning of one, or the last four digits of a
number.`,
		open:  func(ctx context.Context, p *profile.Profile) (itemStore[card], error) { return p.Cards(ctx) },
		id:    func(r card) engine.ID { return r.ID },
		title: cardTitle,
		named: func(r card, word string) bool { return strings.TrimPrefix(r.Masked(), "•••• ") == word },
		columns: []column[card]{
			{"NUMBER", func(r card) string { return r.Number }},
			{"NETWORK", func(r card) string { return r.Network }},
			{"EXPIRES", func(r card) string { return r.Expires() }},
			{"NAME", func(r card) string { return r.Name }},
		},
		fields: []field[card]{
			{
				label: "Number", flag: "number", usage: "number", secret: true,
				text: func(r card) string { return r.Number },
				set:  func(r *card, s string) error { r.Number = s; return nil },
			},
			shownField("Network", func(r card) string { return r.Network }),
			{
				label: "Expires", flag: "expires", usage: "last month in which it is valid, as MM/YYYY",
				text: func(r card) string { return r.Expires() },
				set: func(r *card, s string) error {
					month, year, err := creditcards.ParseExpires(s)
					r.ExpMonth, r.ExpYear = month, year
					return err
				},
			},
			textField("name", "Name", "name on the card", func(r *card) *string { return &r.Name }),
			shownField("Created", func(r card) string { return day(r.TimeCreated) }),
			shownField("Changed", func(r card) string { return day(r.TimeLastModified) }),
			shownField("Last used", func(r card) string { return day(r.TimeLastUsed) }),
		},
		secret: &secret[card]{
			what: "card numbers", flag: "show-numbers",
			hide: func(r card) card { r.Number = r.Masked(); return r },
		},
	}
	s.subcommands = []*cobra.Command{scrubCommand(a, s.name, (*profile.Profile).Cards)}
	c := s.command(a)
	c.Aliases = []string{"creditcards"} // as sync and engines call them
	return c
}

func cardTitle(r card) string { return strings.TrimSpace(r.Masked() + "  " + r.Name) }
