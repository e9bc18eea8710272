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
	"os"
	"path/filepath"
	"strings"
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

// measureEngines syncs all ten engines, with n items each, from one device up and
// to another down, one engine after the other and several at once.
func measureEngines(ctx context.Context, n int) error {
	rows := [][]string{{"at once", "direction", "sync", "client CPU", "CPU/sync", "client peak", "records", "requests"}}
	for _, parallel := range []int{1, 4} {
		dir, err := os.MkdirTemp("", "syncmanager-bench")
		if err != nil {
			return err
		}
		more, err := measureEnginesAt(ctx, dir, n, parallel)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err != nil {
			return err
		}
		rows = append(rows, more...)
	}
	table(rows)
	return nil
}

func measureEnginesAt(ctx context.Context, dir string, n, parallel int) (rows [][]string, err error) {
	for _, name := range []string{"server", "a", "b"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return nil, err
		}
	}
	if _, err := run(ctx, "fill all", task{Dir: filepath.Join(dir, "a"), Records: n}, new(bool)); err != nil {
		return nil, err
	}
	for _, direction := range []string{"up", "down"} {
		device := task{Dir: filepath.Join(dir, "a"), Create: direction == "up", All: true, Parallel: parallel}
		if direction == "down" {
			device.Dir = filepath.Join(dir, "b")
		}
		got, client, _, err := syncWith(ctx, filepath.Join(dir, "server"), device)
		if err != nil {
			return nil, err
		}
		rows = append(rows, []string{
			fmt.Sprint(parallel), direction, got.Took.Round(time.Millisecond).String(),
			got.CPU.Round(10 * time.Millisecond).String(), fmt.Sprintf("%.2f", got.CPU.Seconds()/got.Took.Seconds()),
			megabytes(client.Peak), fmt.Sprint(got.Uploaded + got.Applied), fmt.Sprint(got.Requests),
		})
	}
	return rows, nil
}

// store is an engine and how n items come into it.
type store struct {
	engine.Engine
	io.Closer
	fill func(ctx context.Context, n int) error
}

// openAll opens the ten engines of a device.
func openAll(ctx context.Context, dir string) (all []store, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(all))
		}
	}()
	p, err := openPasswords(ctx, dir)
	if err != nil {
		return nil, err
	}
	all = append(all, store{p, p, func(ctx context.Context, n int) error { return importLogins(ctx, p, n) }})

	t, err := tabs.Open(ctx, tabs.Config{Path: filepath.Join(dir, "tabs.sqlite"), Now: time.Now})
	if err != nil {
		return all, err
	}
	all = append(all, store{t, t, func(ctx context.Context, n int) error {
		open := make([]tabs.Tab, n)
		for i := range open {
			open[i] = tabs.Tab{Title: fmt.Sprint("Page ", i), URLHistory: []string{page(i)}}
		}
		return t.SetTabs(ctx, open)
	}})

	places, err := placesfile.Open(ctx, placesfile.Config{Path: filepath.Join(dir, "places.sqlite"), Now: time.Now, Rand: rand.Reader})
	if err != nil {
		return all, err
	}
	b, err := bookmarks.New(ctx, places)
	if err != nil {
		return all, err
	}
	all = append(all, store{b, b, func(ctx context.Context, n int) error {
		_, err := b.ImportFrom(ctx, written(n, "<!DOCTYPE NETSCAPE-Bookmark-file-1>\n<DL><p>\n", "</DL><p>\n", func(i int) string {
			return fmt.Sprintf("<DT><A HREF=%q>Page %d</A>\n", page(i), i)
		}), importing.Options{})
		return err
	}})
	h, err := history.New(ctx, places)
	if err != nil {
		return all, err
	}
	now := time.Now().Add(-time.Hour).UnixMicro()
	all = append(all, store{h, places, func(ctx context.Context, n int) error {
		_, err := h.ImportFrom(ctx, written(n, "[", "]", func(i int) string {
			comma := ","
			if i == 0 {
				comma = ""
			}
			return comma + fmt.Sprintf(`{"histUri":%q,"title":"Page %d","visits":[{"date":%d,"type":1}]}`, page(i), i, now+int64(i))
		}), importing.Options{})
		return err
	}})

	for _, open := range []func() (store, error){
		flat(ctx, dir, "forms", forms.Open, func(i int) forms.Entry { return forms.Entry{Name: "email", Value: fmt.Sprint("somebody-", i)} }),
		flat(ctx, dir, "addresses", addresses.Open, func(i int) addresses.Address {
			return addresses.Address{Entry: addresses.Entry{Name: fmt.Sprint("Ann Example ", i), StreetAddress: "1 Main St", Country: "US"}}
		}),
		flat(ctx, dir, "creditcards", creditcards.Open, func(i int) creditcards.Card {
			return creditcards.Card{Entry: creditcards.Entry{Name: fmt.Sprint("Ann Example ", i), Number: cardNumber(i)}}
		}),
		flat(ctx, dir, "addons", addons.Open, func(i int) addons.Addon {
			return addons.Addon{AddonID: fmt.Sprintf("addon-%d@example.org", i), ApplicationID: prefs.Firefox, Source: "amo"}
		}),
		flat(ctx, dir, "extstorage", extstorage.Open, func(i int) extstorage.Record {
			return extstorage.Record{ExtID: fmt.Sprintf("addon-%d@example.org", i), Data: extstorage.Data{"key": json.RawMessage(`"value"`)}}
		}),
	} {
		s, err := open()
		if err != nil {
			return all, err
		}
		all = append(all, s)
	}

	// One record holds all preferences.
	f, err := prefs.Open(ctx, options(dir, "prefs"))
	if err != nil {
		return all, err
	}
	return append(all, store{f, f, func(ctx context.Context, n int) error {
		_, err := f.Of(prefs.Firefox).Import(ctx, each(n, func(i int) prefs.Pref {
			return prefs.Pref{Name: fmt.Sprint("example.pref.", i), Value: json.RawMessage(fmt.Sprint(i))}
		}), func(*prefs.Pref) string { return "" }, importing.Options{})
		return err
	}}), nil
}

func options(dir, name string) engine.StoreConfig {
	return engine.StoreConfig{Path: filepath.Join(dir, name+".sqlite"), Key: key, Now: time.Now, Rand: rand.Reader}
}

// flat opens an engine whose items are records.
func flat[E interface {
	engine.Engine
	io.Closer
	Import(context.Context, iter.Seq2[R, error], func(*R) string, importing.Options) (importing.Report, error)
}, R any](ctx context.Context, dir, name string, open func(context.Context, engine.StoreConfig) (E, error), item func(i int) R) func() (store, error) {
	return func() (store, error) {
		e, err := open(ctx, options(dir, name))
		return store{e, e, func(ctx context.Context, n int) error {
			r, err := e.Import(ctx, each(n, item), func(*R) string { return "" }, importing.Options{})
			if err == nil && r.Added != n {
				err = fmt.Errorf("%s: %d added, want %d", name, r.Added, n)
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

// fillAll puts items into the ten stores of a device.
func fillAll(ctx context.Context, line []byte) (any, error) {
	var t task
	if err := json.Unmarshal(line, &t); err != nil {
		return nil, err
	}
	all, err := openAll(ctx, t.Dir)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if err := s.fill(ctx, t.Records); err != nil {
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

func each[R any](n int, item func(i int) R) iter.Seq2[R, error] {
	return func(yield func(R, error) bool) {
		for i := range n {
			if !yield(item(i), nil) {
				return
			}
		}
	}
}

// written is a text of n parts.
func written(n int, head, tail string, part func(i int) string) io.Reader {
	var b strings.Builder
	b.WriteString(head)
	for i := range n {
		b.WriteString(part(i))
	}
	b.WriteString(tail)
	return strings.NewReader(b.String())
}
