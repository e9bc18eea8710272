package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/forms"
)

func (a *app) formsCommand() *cobra.Command {
	name := textField("name", "Field", "name of the field in the page; the search bar's is "+forms.SearchBar, func(e *forms.Entry) *string { return &e.Name })
	value := textField("value", "Value", "what was typed", func(e *forms.Entry) *string { return &e.Value })
	n := noun[forms.Entry]{
		name: "forms", one: "entry",
		short: "List and edit what was typed into forms and the search bar",
		long: `List and edit what was typed into the fields of pages and into the search bar,
for browsers to offer again. Changes reach the other devices with the next sync;
but a Firefox forgets, when told to, only what was typed into it itself.

Passwords are not among it, nor are addresses and cards that a browser keeps as
such. 'engines enable|disable history' chooses for forms, too.`,
		open:    func(p *profile.Profile, ctx context.Context) (items[forms.Entry], error) { return p.Forms(ctx) },
		id:      func(e forms.Entry) engine.ID { return e.ID },
		title:   formTitle,
		columns: []column[forms.Entry]{{"FIELD", name.text}, {"VALUE", value.text}},
		fields:  []field[forms.Entry]{name, value},
	}
	return n.command(a)
}

func formTitle(e forms.Entry) string { return e.Name + " " + e.Value }
