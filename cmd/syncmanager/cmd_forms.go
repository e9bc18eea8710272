package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/internal/profile"
)

func (a *app) formsCommand() *cobra.Command {
	name := textField("name", "Field", "name of the field in the page, or "+forms.SearchBar+" for the search bar", func(e *forms.Entry) *string { return &e.Name })
	value := textField("value", "Value", "what was typed", func(e *forms.Entry) *string { return &e.Value })
	s := storeCommand[forms.Entry]{
		name: "forms", one: "entry",
		short: "List and edit what was typed into forms and the search bar",
		long: `List and edit what was typed into the fields of pages and into the search bar, which
browsers offer again. Changes reach the other devices with the next sync, but
Firefox deletes only entries that were typed into it.

Passwords, addresses and cards are separate. 'engines enable|disable history'
applies to forms, too.`,
		open:    func(ctx context.Context, p *profile.Profile) (itemStore[forms.Entry], error) { return p.Forms(ctx) },
		id:      func(e forms.Entry) engine.ID { return e.ID },
		title:   formTitle,
		columns: []column[forms.Entry]{{"FIELD", name.text}, {"VALUE", value.text}},
		fields:  []field[forms.Entry]{name, value},
	}
	return s.command(a)
}

func formTitle(e forms.Entry) string { return e.Name + " " + e.Value }
