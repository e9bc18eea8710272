package main

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"path/filepath"
	"slices"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/internal/firefoxprofile"
	"github.com/syncmanager/syncmanager/internal/profile"
	"github.com/syncmanager/syncmanager/internal/skips"
)

// firefoxImport is an import of a Firefox profile, from source in dir.
type firefoxImport struct {
	*app
	source   *firefoxprofile.Profile
	dir      string
	into     *profile.Profile
	dry      bool
	progress *term.Progress
}

type importKind struct {
	// name is that of the command for the same.
	name  string
	bring func(*firefoxImport, context.Context) (importing.Report, error)
}

// importKinds are in the order in which they are imported. The kinds that a primary
// password protects are first, so that it is asked for at once.
var importKinds = []importKind{
	{"passwords", (*firefoxImport).passwords},
	{"cards", (*firefoxImport).cards},
	{"addresses", (*firefoxImport).addresses},
	{"forms", (*firefoxImport).forms},
	{"prefs", (*firefoxImport).prefs},
	{"addons", (*firefoxImport).addons},
	{"storage", (*firefoxImport).storage},
	{"bookmarks", (*firefoxImport).bookmarks},
	{"history", (*firefoxImport).history},
}

// source is one kind in the profile.
type source[F any] func(context.Context, *skips.List) iter.Seq2[F, error]

// bring imports the items of a kind into a store. records converts an item of the
// profile to records of the store.
func bring[F, R any](
	ctx context.Context, im *firefoxImport, kind string, from source[F], records func(F) []R,
	into func(context.Context, iter.Seq2[R, error], importing.Options) (importing.Report, error),
) (importing.Report, error) {
	all := func(yield func(R, error) bool) {
		var none R
		var left leftOut
		for f, err := range from(ctx, &left.List) {
			if !left.tell(func(s *skips.Skip) bool { return yield(none, s) }) {
				return
			}
			if err != nil {
				yield(none, err)
				return
			}
			for _, r := range records(f) {
				if !yield(r, nil) {
					return
				}
			}
		}
		left.tell(func(s *skips.Skip) bool { return yield(none, s) })
	}
	return into(ctx, all, importing.Options{
		DryRun:   im.dry,
		Progress: func(n int) { im.progress.Say(kind, kind+": "+term.Count(n)+" read") },
	})
}

// leftOut is what the reader of a profile has left out; told counts what was told of it.
type leftOut struct {
	skips.List
	told int
}

// tell calls yield for what was left out since the last call, until that returns false.
func (l *leftOut) tell(yield func(*skips.Skip) bool) bool {
	for ; l.told < l.Count; l.told++ {
		var s skips.Skip // only the first have a name
		if l.told < len(l.First) {
			s = l.First[l.told]
		}
		if !yield(&s) {
			return false
		}
	}
	return true
}

// titled returns the Import of a store, with the title of a record in the report.
func titled[R any](store itemStore[R], title func(R) string) func(context.Context, iter.Seq2[R, error], importing.Options) (importing.Report, error) {
	return func(ctx context.Context, all iter.Seq2[R, error], o importing.Options) (importing.Report, error) {
		return store.Import(ctx, all, func(r *R) string { return skips.Shorten(title(*r)) }, o)
	}
}

func (im *firefoxImport) passwords(ctx context.Context) (importing.Report, error) {
	store, err := im.into.Passwords(ctx)
	if err != nil {
		return importing.Report{}, err
	}
	return bring(ctx, im, "passwords", im.source.Passwords, func(l firefoxprofile.Login) []passwords.Login {
		r := passwords.Login{
			ID: sameID(l.GUID), Hostname: l.Hostname, FormSubmitURL: l.FormSubmitURL, HTTPRealm: l.HTTPRealm,
			Username: l.Username, Password: l.Password, UsernameField: l.UsernameField, PasswordField: l.PasswordField,
			TimesUsed: l.TimesUsed,
		}
		r.TimeCreated = l.TimeCreated
		r.TimeLastUsed = l.TimeLastUsed
		r.TimePasswordChanged = l.TimePasswordChanged
		return []passwords.Login{r}
	}, func(ctx context.Context, all iter.Seq2[passwords.Login, error], o importing.Options) (importing.Report, error) {
		return store.Import(ctx, all, nil, o)
	})
}

func (im *firefoxImport) addresses(ctx context.Context) (importing.Report, error) {
	store, err := im.into.Addresses(ctx)
	if err != nil {
		return importing.Report{}, err
	}
	return bring(ctx, im, "addresses", im.source.Addresses, func(f firefoxprofile.Address) []address {
		r := address{ID: sameID(f.GUID)}
		r.Name, r.Organization, r.StreetAddress = f.Name, f.Organization, f.StreetAddress
		r.AddressLevel3, r.AddressLevel2, r.AddressLevel1 = f.AddressLevel3, f.AddressLevel2, f.AddressLevel1
		r.PostalCode, r.Country, r.Tel, r.Email = f.PostalCode, f.Country, f.Tel, f.Email
		r.TimeCreated = f.TimeCreated
		r.TimeLastUsed = f.TimeLastUsed
		r.TimeLastModified = f.TimeLastModified
		tally(&r.TimesUsed, f.TimesUsed)
		return []address{r}
	}, titled(store, addressTitle))
}

func (im *firefoxImport) cards(ctx context.Context) (importing.Report, error) {
	store, err := im.into.Cards(ctx)
	if err != nil {
		return importing.Report{}, err
	}
	return bring(ctx, im, "cards", im.source.Cards, func(f firefoxprofile.Card) []card {
		if f.Number == "" {
			return nil // the reader has named it
		}
		r := card{ID: sameID(f.GUID)}
		r.Name, r.Number = f.Name, f.Number
		r.ExpMonth, r.ExpYear = int(f.ExpMonth), int(f.ExpYear)
		r.TimeCreated = f.TimeCreated
		r.TimeLastUsed = f.TimeLastUsed
		r.TimeLastModified = f.TimeLastModified
		tally(&r.TimesUsed, f.TimesUsed)
		return []card{r}
	}, titled(store, cardTitle))
}

func (im *firefoxImport) forms(ctx context.Context) (importing.Report, error) {
	store, err := im.into.Forms(ctx)
	if err != nil {
		return importing.Report{}, err
	}
	return bring(ctx, im, "forms", im.source.FormHistory, func(f firefoxprofile.FormEntry) []forms.Entry {
		return []forms.Entry{{ID: sameID(f.GUID), Name: f.Field, Value: f.Value}}
	}, titled(store, formTitle))
}

func (im *firefoxImport) prefs(ctx context.Context) (importing.Report, error) {
	store, err := im.into.Prefs(ctx)
	if err != nil {
		return importing.Report{}, err
	}
	return bring(ctx, im, "prefs", im.source.Prefs, func(f firefoxprofile.Pref) []prefs.Pref {
		value, err := term.Marshal(f.Value)
		if err != nil {
			panic("a string, a number or a bool is JSON: " + err.Error())
		}
		return []prefs.Pref{{Name: f.Name, Value: value}}
	}, titled(store.Of(prefs.Firefox), func(p prefs.Pref) string { return p.Name }))
}

// addons imports the list of add-ons. The account's browsers install those that they do
// not have, and disable those that are disabled in the profile.
func (im *firefoxImport) addons(ctx context.Context) (importing.Report, error) {
	store, err := im.into.Addons(ctx)
	if err != nil {
		return importing.Report{}, err
	}
	return bring(ctx, im, "addons", im.source.Addons, func(f firefoxprofile.Addon) []addons.Addon {
		return []addons.Addon{{
			ID: sameID(f.SyncGUID), AddonID: f.ID, ApplicationID: prefs.Firefox, Enabled: f.Enabled, Source: addons.FromMozilla,
		}}
	}, titled(store, addonTitle))
}

func (im *firefoxImport) storage(ctx context.Context) (importing.Report, error) {
	store, err := im.into.ExtensionStorage(ctx)
	if err != nil {
		return importing.Report{}, err
	}
	return bring(ctx, im, "storage", im.source.ExtensionStorage, func(f firefoxprofile.ExtensionData) []extstorage.Item {
		var values map[string]json.RawMessage
		if json.Unmarshal(f.Data, &values) != nil {
			return nil // the reader yields objects alone
		}
		var all []extstorage.Item
		for _, key := range slices.Sorted(maps.Keys(values)) {
			all = append(all, extstorage.Item{ExtID: f.ExtensionID, Key: key, Value: values[key]})
		}
		return all
	}, titled(store.Items(), storageTitle))
}

// places returns the path of the profile's bookmarks and history.
func (im *firefoxImport) places() string { return filepath.Join(im.dir, "places.sqlite") }

func (im *firefoxImport) bookmarks(ctx context.Context) (importing.Report, error) {
	store, err := im.into.Bookmarks(ctx)
	if err != nil {
		return importing.Report{}, err
	}
	var r importing.Report
	im.progress.While("importing bookmarks", func() {
		r, err = store.ImportFile(ctx, im.places(), importing.Options{DryRun: im.dry})
	})
	return r, err
}

func (im *firefoxImport) history(ctx context.Context) (importing.Report, error) {
	store, err := im.into.History(ctx)
	if err != nil {
		return importing.Report{}, err
	}
	var r importing.Report
	im.progress.While("importing the history", func() {
		r, err = store.ImportFile(ctx, im.places(), importing.Options{DryRun: im.dry})
	})
	return r, err
}

// sameID keeps the ID that Firefox has for an item, so that a Firefox of the same
// account recognises it. "" means that the item gets a new ID.
func sameID(guid string) engine.ID {
	if id := engine.ID(guid); id.Valid() {
		return id
	}
	return ""
}

func tally[N ~int64](to *N, n int64) { *to = N(n) }
