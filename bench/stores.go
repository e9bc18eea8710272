//go:build unix

package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/addons"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/engines/bookmarks"
	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/engines/extstorage"
	"github.com/syncmanager/syncmanager/engines/forms"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/engines/placesfile"
	"github.com/syncmanager/syncmanager/engines/prefs"
	"github.com/syncmanager/syncmanager/engines/tabs"
)

// store is an engine and how the items from one number to another, exclusive, come into it.
type store struct {
	engine.Engine
	io.Closer
	fill func(ctx context.Context, from, to int) error
}

// engines are the collections of all ten engines.
var engines = []string{
	"passwords", "tabs", "bookmarks", "history", "forms", "addresses", "creditcards", "addons", "extension-storage", "prefs",
}

// openStores opens the engines of a device that are named.
func openStores(ctx context.Context, dir string, names []string) (all []store, err error) {
	d := &device{dir: dir}
	open := map[string]func(context.Context) (store, error){
		"passwords": d.logins, "tabs": d.tabs, "bookmarks": d.bookmarks, "history": d.history, "prefs": d.prefs,
		"forms": flat(dir, "forms", forms.Open, func(i int) forms.Entry { return forms.Entry{Name: "email", Value: fmt.Sprint("somebody-", i)} }),
		"addresses": flat(dir, "addresses", addresses.Open, func(i int) addresses.Address {
			return addresses.Address{Entry: addresses.Entry{Name: fmt.Sprint("Ann Example ", i), StreetAddress: "1 Main St", Country: "US"}}
		}),
		"creditcards": flat(dir, "creditcards", creditcards.Open, func(i int) creditcards.Card {
			return creditcards.Card{Entry: creditcards.Entry{Name: fmt.Sprint("Ann Example ", i), Number: cardNumber(i)}}
		}),
		"addons": flat(dir, "addons", addons.Open, func(i int) addons.Addon {
			return addons.Addon{AddonID: fmt.Sprintf("addon-%d@example.org", i), ApplicationID: prefs.Firefox, Source: "amo"}
		}),
		"extension-storage": flat(dir, "extstorage", extstorage.Open, func(i int) extstorage.Record {
			return extstorage.Record{ExtID: fmt.Sprintf("addon-%d@example.org", i), Data: extstorage.Data{"key": json.RawMessage(`"value"`)}}
		}),
	}
	for _, name := range names {
		f, ok := open[name]
		if !ok {
			return nil, errors.Join(fmt.Errorf("%q is not an engine", name), closeAll(all))
		}
		s, err := f(ctx)
		if err != nil {
			return nil, errors.Join(err, closeAll(all))
		}
		all = append(all, s)
	}
	return all, nil
}

// device opens the stores of a folder.
type device struct {
	dir    string
	places *shared // opened once for bookmarks and history
}

func (d *device) logins(ctx context.Context) (store, error) {
	p, err := openPasswords(ctx, d.dir)
	return store{p, p, func(ctx context.Context, from, to int) error { return importLogins(ctx, p, from, to) }}, err
}

func (d *device) tabs(ctx context.Context) (store, error) {
	t, err := tabs.Open(ctx, tabs.Config{Path: filepath.Join(d.dir, "tabs.sqlite"), Now: time.Now})
	return store{t, t, func(ctx context.Context, _, to int) error {
		open := make([]tabs.Tab, to)
		for i := range open {
			open[i] = tabs.Tab{Title: fmt.Sprint("Page ", i), URLHistory: []string{page(i)}}
		}
		return t.SetTabs(ctx, open)
	}}, err
}

// shared is a file that is closed once, by whichever of its engines is closed first.
type shared struct {
	placesfile.File
	once sync.Once
	err  error
}

// Close closes the file.
func (s *shared) Close() error {
	s.once.Do(func() { s.err = s.File.Close() })
	return s.err
}

func (d *device) file(ctx context.Context) (*shared, error) {
	if d.places != nil {
		return d.places, nil
	}
	f, err := placesfile.Open(ctx, placesfile.Config{Path: filepath.Join(d.dir, "places.sqlite"), Now: time.Now, Rand: rand.Reader})
	if err == nil {
		d.places = &shared{File: f}
	}
	return d.places, err
}

// inFolder is how many bookmarks a folder has: one with 140,000 makes a record that is larger than
// servers take.
const inFolder = 100

func (d *device) bookmarks(ctx context.Context) (store, error) {
	file, err := d.file(ctx)
	if err != nil {
		return store{}, err
	}
	b, err := bookmarks.New(ctx, file.File)
	return store{b, file, func(ctx context.Context, from, to int) error {
		_, err := b.ImportFrom(ctx, written(from, to, "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n", "</DL><p>\n", func(i int) string {
			link := fmt.Sprintf("<DT><A HREF=%q>Page %d</A>\n", page(i), i)
			if i == from || i%inFolder == 0 {
				link = fmt.Sprintf("<DT><H3>Folder %d</H3>\n<DL><p>\n", i/inFolder) + link
			}
			if i == to-1 || i%inFolder == inFolder-1 {
				link += "</DL><p>\n"
			}
			return link
		}), importing.Options{})
		return err
	}}, err
}

func (d *device) history(ctx context.Context) (store, error) {
	file, err := d.file(ctx)
	if err != nil {
		return store{}, err
	}
	h, err := history.New(ctx, file.File)
	now := time.Now().Add(-time.Hour).UnixMicro()
	return store{h, file, func(ctx context.Context, from, to int) error {
		_, err := h.ImportFrom(ctx, written(from, to, "[", "]", func(i int) string {
			comma := ","
			if i == from {
				comma = ""
			}
			return comma + fmt.Sprintf(`{"histUri":%q,"title":"Page %d","visits":[{"date":%d,"type":1}]}`, page(i), i, now+int64(i))
		}), importing.Options{})
		return err
	}}, err
}

// prefs opens the preferences; one record holds all of them.
func (d *device) prefs(ctx context.Context) (store, error) {
	f, err := prefs.Open(ctx, options(d.dir, "prefs"))
	return store{f, f, func(ctx context.Context, from, to int) error {
		_, err := f.Of(prefs.Firefox).Import(ctx, each(from, to, func(i int) prefs.Pref {
			return prefs.Pref{Name: fmt.Sprint("example.pref.", i), Value: json.RawMessage(fmt.Sprint(i))}
		}), func(*prefs.Pref) string { return "" }, importing.Options{})
		return err
	}}, err
}

func options(dir, name string) engine.StoreConfig {
	return engine.StoreConfig{Path: filepath.Join(dir, name+".sqlite"), Key: key, Now: time.Now, Rand: rand.Reader}
}

// flat opens an engine whose items are records.
func flat[E interface {
	engine.Engine
	io.Closer
	Import(context.Context, iter.Seq2[R, error], func(*R) string, importing.Options) (importing.Report, error)
}, R any](dir, name string, open func(context.Context, engine.StoreConfig) (E, error), item func(i int) R) func(context.Context) (store, error) {
	return func(ctx context.Context) (store, error) {
		e, err := open(ctx, options(dir, name))
		return store{e, e, func(ctx context.Context, from, to int) error {
			r, err := e.Import(ctx, each(from, to, item), func(*R) string { return "" }, importing.Options{})
			if err == nil && r.Added != to-from {
				err = fmt.Errorf("%s: %d added, want %d", name, r.Added, to-from)
			}
			return err
		}}, err
	}
}

func closeAll(all []store) error {
	var errs []error
	for _, s := range all {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// fillEngines puts items into the stores of a device.
func fillEngines(ctx context.Context, line []byte) (any, error) {
	var t task
	if err := json.Unmarshal(line, &t); err != nil {
		return nil, err
	}
	all, err := openStores(ctx, t.Dir, t.Engines)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if err := s.fill(ctx, t.From, t.To); err != nil {
			return nil, errors.Join(fmt.Errorf("fill %s: %w", s.Collection(), err), closeAll(all))
		}
	}
	return true, closeAll(all)
}

// cardNumber is a valid number of a card: its last digit is the check of the others.
func cardNumber(i int) string {
	digits := fmt.Sprintf("4%014d", i)
	sum := 0
	for at, d := range digits {
		n := int(d - '0')
		if at%2 == 0 {
			if n *= 2; n > 9 {
				n -= 9
			}
		}
		sum += n
	}
	return digits + fmt.Sprint((10-sum%10)%10)
}

func page(i int) string { return fmt.Sprintf("https://site-%d.example.org/a/page", i) }

func each[R any](from, to int, item func(i int) R) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for i := from; i < to; i++ {
			if !yield(item(i), nil) {
				return
			}
		}
	}
}

// written is a text of the parts from one number to another.
func written(from, to int, head, tail string, part func(i int) string) io.Reader {
	var b strings.Builder
	b.WriteString(head)
	for i := from; i < to; i++ {
		b.WriteString(part(i))
	}
	b.WriteString(tail)
	return strings.NewReader(b.String())
}
