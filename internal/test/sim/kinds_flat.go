package sim

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/syncmanager/syncmanager/collection"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/engines/prefs"
)

func (p place) options() engine.StoreConfig {
	return engine.StoreConfig{Path: p.path, Key: localKey, Now: p.now, Rand: p.rand}
}

func openPasswords(ctx context.Context, p place) (store, error) {
	e, err := passwords.Open(ctx, passwords.Config{Path: p.path, Key: localKey, Now: p.now, Rand: p.rand})
	if err != nil {
		return nil, err
	}
	type R = passwords.Login
	return &flat[R]{
		e: e, closer: e.Close, create: e.Add, update: e.Update, delete: e.Delete, get: e.Get,
		list: func(ctx context.Context) func(func(R, error) bool) { return e.List(ctx) },
		read: func(l R) shown {
			return shown{
				item: number(l.Username, "u", ""), id: string(l.ID),
				fields: []int{written(l.Password), written(l.UsernameField)},
			}
		},
		make: func(item, n int) R {
			site := fmt.Sprintf("https://s%d.test", item)
			return R{Hostname: site, FormSubmitURL: site, Username: fmt.Sprintf("u%d", item), Password: value(n), UsernameField: value(n)}
		},
		set: func(l *R, field, n int) {
			if field == 0 {
				l.Password = value(n)
			} else {
				l.UsernameField = value(n)
			}
		},
	}, nil
}

// note is a record of the app's own collections.
type note struct {
	ID   collection.ID     `json:"id"`
	Item int               `json:"item"`
	A    string            `json:"a"`
	B    string            `json:"b"`
	More map[string]string `json:"more,omitempty" sync:"fields"`
}

func openNotes(name string, o collection.Options[note]) func(context.Context, place) (store, error) {
	return func(ctx context.Context, p place) (store, error) {
		o := o
		o.Path, o.Key, o.Now, o.Rand = p.path, localKey, p.now, p.rand
		e, err := collection.Open(ctx, name, o)
		if err != nil {
			return nil, err
		}
		return &flat[note]{
			e: e, closer: e.Close, create: e.Add, update: e.Update, delete: e.Delete, get: e.Get,
			list: func(ctx context.Context) func(func(note, error) bool) { return e.List(ctx) },
			read: func(n note) shown {
				return shown{
					item: n.Item, id: string(n.ID),
					fields: []int{written(n.A), written(n.B), written(n.More["c"]), written(n.More["d"])},
				}
			},
			make: func(item, n int) note {
				return note{Item: item, A: value(n), B: value(n), More: map[string]string{"c": value(n), "d": value(n)}}
			},
			set: func(r *note, field, n int) {
				switch field {
				case 0:
					r.A = value(n)
				case 1:
					r.B = value(n)
				case 2:
					r.More["c"] = value(n)
				case 3:
					r.More["d"] = value(n)
				}
			},
		}, nil
	}
}

// latest merges two notes by the later step, whichever device asks.
func latest(_ *note, local, remote, _ note) note {
	later := func(a, b string) string {
		if written(a) > written(b) {
			return a
		}
		return b
	}
	local.A, local.B = later(local.A, remote.A), later(local.B, remote.B)
	more := map[string]string{}
	for _, m := range []map[string]string{local.More, remote.More} {
		for k, v := range m {
			more[k] = later(v, more[k])
		}
	}
	local.More = more
	return local
}

func sameItem(n note) string { return fmt.Sprint(n.Item) }

func openForms(ctx context.Context, p place) (store, error) {
	e, err := forms.Open(ctx, p.options())
	if err != nil {
		return nil, err
	}
	type R = forms.Entry
	return &flat[R]{
		e: e, closer: e.Close, create: e.Add, update: e.Update, delete: e.Delete, get: e.Get,
		list: func(ctx context.Context) func(func(R, error) bool) { return e.List(ctx) },
		read: func(r R) shown {
			return shown{item: number(r.Name, "f", ""), id: string(r.ID), fields: []int{written(r.Value)}}
		},
		make: func(item, n int) R { return R{Name: fmt.Sprintf("f%d", item), Value: value(n)} },
		set:  func(r *R, _, n int) { r.Value = value(n) },
	}, nil
}

func openAddons(ctx context.Context, p place) (store, error) {
	e, err := addons.Open(ctx, p.options())
	if err != nil {
		return nil, err
	}
	type R = addons.Addon
	return &flat[R]{
		e: e, closer: e.Close, create: e.Add, update: e.Update, delete: e.Delete, get: e.Get,
		list: func(ctx context.Context) func(func(R, error) bool) { return e.List(ctx) },
		read: func(r R) shown {
			return shown{item: number(r.AddonID, "a", "@sim.test"), id: string(r.ID), fields: []int{written(r.Source)}}
		},
		make: func(item, n int) R {
			return R{AddonID: fmt.Sprintf("a%d@sim.test", item), ApplicationID: prefs.Firefox, Enabled: true, Source: value(n)}
		},
		set: func(r *R, _, n int) { r.Source = value(n) },
	}, nil
}

func openAddresses(ctx context.Context, p place) (store, error) {
	e, err := addresses.Open(ctx, p.options())
	if err != nil {
		return nil, err
	}
	type R = addresses.Address
	return &flat[R]{
		e: e, closer: e.Close, create: e.Add, update: e.Update, delete: e.Delete, get: e.Get,
		list: func(ctx context.Context) func(func(R, error) bool) { return e.List(ctx) },
		read: func(r R) shown {
			return shown{item: number(r.PostalCode, "p", ""), id: string(r.ID), fields: []int{written(r.Organization), written(r.StreetAddress)}}
		},
		make: func(item, n int) R {
			return R{Entry: addresses.Entry{PostalCode: fmt.Sprintf("p%d", item), Organization: value(n), StreetAddress: value(n)}}
		},
		set: func(r *R, field, n int) {
			if field == 0 {
				r.Organization = value(n)
			} else {
				r.StreetAddress = value(n)
			}
		},
	}, nil
}

// cardNumber returns the item-th valid card number.
func cardNumber(item int) string {
	for digit := range 10 {
		if text := fmt.Sprintf("4%014d%d", item, digit); creditcards.ValidNumber(text) {
			return text
		}
	}
	return ""
}

func openCards(ctx context.Context, p place) (store, error) {
	e, err := creditcards.Open(ctx, p.options())
	if err != nil {
		return nil, err
	}
	type R = creditcards.Card
	return &flat[R]{
		e: e, closer: e.Close, create: e.Add, update: e.Update, delete: e.Delete, get: e.Get,
		list: func(ctx context.Context) func(func(R, error) bool) { return e.List(ctx) },
		read: func(r R) shown {
			return shown{item: number(r.Number[1:15], "", ""), id: string(r.ID), fields: []int{written(r.Name), written(r.BillingAddress)}}
		},
		make: func(item, n int) R {
			return R{Entry: creditcards.Entry{Number: cardNumber(item), Name: value(n), BillingAddress: value(n)}}
		},
		set: func(r *R, field, n int) {
			if field == 0 {
				r.Name = value(n)
			} else {
				r.BillingAddress = value(n)
			}
		},
	}, nil
}

// prefsStore is the preferences of one application.
type prefsStore struct{ e *prefs.Engine }

func openPrefs(ctx context.Context, p place) (store, error) {
	e, err := prefs.Open(ctx, p.options())
	return &prefsStore{e}, err
}

func (s *prefsStore) engine() engine.Engine { return s.e }
func (s *prefsStore) close() error          { return s.e.Close() }

func (s *prefsStore) show(ctx context.Context) (all []shown, err error) {
	for p, err := range s.e.Of(prefs.Firefox).List(ctx) {
		if err != nil {
			return nil, err
		}
		if string(p.Value) == "null" {
			continue
		}
		all = append(all, shown{
			item: number(p.Name, "sim.p", ""), id: p.Name, fields: []int{written(p.Text())}, text: p.Name + "=" + p.Text(),
		})
	}
	return all, nil
}

func (s *prefsStore) add(ctx context.Context, item, n int, _ Step) error {
	_, err := s.e.Of(prefs.Firefox).Add(ctx, prefs.Pref{Name: fmt.Sprintf("sim.p%d", item), Value: quoted(n)})
	return err
}

func (s *prefsStore) edit(ctx context.Context, it shown, _, n int) error {
	_, err := s.e.Of(prefs.Firefox).Update(ctx, prefs.Pref{Name: it.id, Value: quoted(n)})
	return err
}

func (s *prefsStore) remove(ctx context.Context, it shown) error {
	return s.e.Of(prefs.Firefox).Delete(ctx, engine.ID(it.id))
}

func quoted(n int) json.RawMessage { return json.RawMessage(`"` + value(n) + `"`) }

// extStore is the storage of two add-ons.
type extStore struct{ e *extstorage.Engine }

func openExtStorage(ctx context.Context, p place) (store, error) {
	e, err := extstorage.Open(ctx, p.options())
	return &extStore{e}, err
}

func (s *extStore) engine() engine.Engine { return s.e }
func (s *extStore) close() error          { return s.e.Close() }

func (s *extStore) show(ctx context.Context) (all []shown, err error) {
	for it, err := range s.e.Items().List(ctx) {
		if err != nil {
			return nil, err
		}
		var text string
		if err := json.Unmarshal(it.Value, &text); err != nil {
			return nil, err
		}
		all = append(all, shown{
			item: number(it.Key, "k", ""), id: string(it.ID()), under: it.ExtID, fields: []int{written(text)},
			text: it.ExtID + " " + it.Key + "=" + text,
		})
	}
	return all, nil
}

func (s *extStore) add(ctx context.Context, item, n int, _ Step) error {
	ext := fmt.Sprintf("e%d@sim.test", item%2)
	_, err := s.e.Of(ext).Set(ctx, map[string]json.RawMessage{fmt.Sprintf("k%d", item): quoted(n)})
	return err
}

func (s *extStore) edit(ctx context.Context, it shown, _, n int) error {
	_, err := s.e.Of(it.under).Set(ctx, map[string]json.RawMessage{fmt.Sprintf("k%d", it.item): quoted(n)})
	return err
}

func (s *extStore) remove(ctx context.Context, it shown) error {
	_, err := s.e.Of(it.under).Remove(ctx, fmt.Sprintf("k%d", it.item))
	return err
}
