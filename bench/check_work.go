//go:build unix

package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/internal/rawjson"
	"github.com/syncmanager/syncmanager/seal"
	"github.com/syncmanager/syncmanager/server"
)

// workload is work whose cost grows with n, the number of its units.
type workload struct {
	name string
	// few and many are the numbers of units whose difference is measured. If each is not 0, a unit
	// is so many records, and the cost is that of one.
	few, many, each int
	// prepare, unless nil, makes what do needs in a folder, outside of what is counted.
	prepare func(ctx context.Context, dir string, n int) error
	do      func(ctx context.Context, dir string, n int) error
}

// workloads are the ways of a record: sealed, up and down through each engine, through the server; and
// a sync that has nothing to do.
func workloads() []workload {
	all := []workload{
		{name: "seal", few: 1000, many: 5000, do: sealing},
		{name: "open", few: 1000, many: 5000, do: opening},
	}
	for i, name := range []string{"passwords", "tabs", "bookmarks", "history", "forms", "addresses", "creditcards", "addons", "extension-storage", "prefs"} {
		if name == "tabs" || name == "prefs" { // one record each
			continue
		}
		// Fewer bookmarks than some thousand do not take the way of a first download.
		few, many := 1000, 3000
		if name == "bookmarks" {
			few, many = 4000, 8000
		}
		all = append(all,
			workload{name: "up " + name, few: few, many: many, prepare: func(ctx context.Context, dir string, n int) error {
				return withStore(ctx, dir, i, func(s store) error { return s.fill(ctx, 0, n) })
			}, do: func(ctx context.Context, dir string, n int) error {
				return withStore(ctx, dir, i, func(s store) error {
					sent, err := upload(ctx, s)
					return errors.Join(err, atLeast(len(sent), n))
				})
			}},
			workload{name: "down " + name, few: few, many: many, prepare: func(ctx context.Context, dir string, n int) error {
				return recordsOf(ctx, dir, i, n)
			}, do: func(ctx context.Context, dir string, n int) error {
				return withStore(ctx, dir, i, func(s store) error { return download(ctx, s, filepath.Join(dir, recordsFile), n) })
			}})
	}
	return append(all,
		workload{name: "a sync without changes", few: 5, many: 105, do: idleSyncs},
		workload{name: "server: info/collections", few: 100, many: 2100, do: requested(func(ctx context.Context, u *user, _ int) error {
			return u.send(ctx, http.MethodGet, "/info/collections", nil, nil)
		})},
		workload{name: "server: POST of 100", few: 2, many: 12, each: 100, do: requested(func(ctx context.Context, u *user, i int) error {
			return u.send(ctx, http.MethodPost, "/storage/posted", records(i%10*100, 100), nil)
		})},
		workload{name: "server: GET of 100", few: 2, many: 22, each: 100, do: requested(func(ctx context.Context, u *user, i int) error {
			if i == 0 {
				if err := u.send(ctx, http.MethodPost, "/storage/read", records(0, 100), nil); err != nil {
					return err
				}
			}
			return u.send(ctx, http.MethodGet, "/storage/read?full=1", nil, nil)
		})})
}

func atLeast(got, want int) error {
	if got < want {
		return fmt.Errorf("%d records, want %d", got, want)
	}
	return nil
}

var sample = []byte(`{"id":"{8a6f0000-0000-4000-8000-000000000000}","hostname":"https://site.example.org","formSubmitURL":"https://site.example.org",` +
	`"httpRealm":null,"username":"somebody@example.org","password":"correct horse battery","usernameField":"email","passwordField":"password","timeCreated":1795372558946,"timePasswordChanged":1795372558946}`)

// sealing takes records from their cleartext to the line of a request.
func sealing(_ context.Context, _ string, n int) error {
	bundle, err := seal.RandomBundle(rand.Reader)
	if err != nil {
		return err
	}
	var payload, line []byte
	for range n {
		if payload, err = bundle.Seal(payload[:0], sample, rand.Reader); err != nil {
			return err
		}
		line = append(rawjson.AppendQuoted(append(line[:0], `{"payload":`...), payload), '}')
	}
	return nil
}

// opening takes records from the line of an answer to their fields.
func opening(_ context.Context, _ string, n int) error {
	bundle, err := seal.RandomBundle(rand.Reader)
	if err != nil {
		return err
	}
	payload, err := bundle.Seal(nil, sample, rand.Reader)
	if err != nil {
		return err
	}
	line := append(rawjson.AppendQuoted([]byte(`{"id":"{8a6f0000-0000-4000-8000-000000000000}","modified":1795372560.22,"payload":`), payload), '}')
	var text, clear []byte
	for range n {
		err := rawjson.Object(line, func(key, value []byte) (err error) {
			if string(key) == "payload" {
				text, err = rawjson.AppendUnquoted(text[:0], value)
			}
			return err
		})
		if err != nil {
			return err
		}
		if clear, err = bundle.Open(clear[:0], text); err != nil {
			return err
		}
		if err := rawjson.Object(clear, func(_, _ []byte) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

// withStore opens the stores of a device and calls f with one of them.
func withStore(ctx context.Context, dir string, i int, f func(store) error) error {
	all, err := openStores(ctx, dir, engines)
	if err != nil {
		return err
	}
	return errors.Join(f(all[i]), closeAll(all))
}

// upload is a first upload, as far as the engine goes; it returns what was sent.
func upload(ctx context.Context, e engine.Engine) (sent []engine.Outgoing, err error) {
	s, err := e.Begin(ctx, engine.Start{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.End(ctx, err)) }()
	if _, err := s.Merge(ctx, 1); err != nil {
		return nil, err
	}
	for {
		out, err := s.Outgoing(ctx, 250)
		if err != nil || len(out) == 0 {
			return sent, err
		}
		r := engine.Receipt{At: 2}
		for _, o := range out {
			r.Stored = append(r.Stored, o.ID)
		}
		sent = append(sent, out...)
		if err := s.Uploaded(ctx, r); err != nil {
			return nil, err
		}
	}
}

// recordsFile has the records of a download, one JSON text a line.
const recordsFile = "records"

// recordsOf writes the records that a device with n items sends.
func recordsOf(ctx context.Context, dir string, i, n int) error {
	from := filepath.Join(dir, "from")
	if err := os.Mkdir(from, 0o700); err != nil {
		return err
	}
	var sent []engine.Outgoing
	err := withStore(ctx, from, i, func(s store) (err error) {
		if err := s.fill(ctx, 0, n); err != nil {
			return err
		}
		sent, err = upload(ctx, s)
		return errors.Join(err, atLeast(len(sent), n))
	})
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, recordsFile))
	if err != nil {
		return err
	}
	w := json.NewEncoder(f)
	for _, o := range sent {
		if err := w.Encode(engine.Incoming{ID: o.ID, Modified: 2, Payload: o.Payload}); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

// download is a first download of at least n records, as far as the engine goes.
func download(ctx context.Context, e engine.Engine, file string, n int) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := e.Begin(ctx, engine.Start{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.End(ctx, err)) }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	var page []engine.Incoming
	for lines.Scan() {
		var in engine.Incoming
		if err := json.Unmarshal(lines.Bytes(), &in); err != nil {
			return err
		}
		if page = append(page, in); len(page) == 500 {
			if err := s.Stage(ctx, page); err != nil {
				return err
			}
			page = page[:0]
		}
	}
	if err := errors.Join(lines.Err(), s.Stage(ctx, page)); err != nil {
		return err
	}
	m, err := s.Merge(ctx, 3)
	return errors.Join(err, atLeast(m.Applied, n))
}

// withServer starts a server in this process, whose accounts are vouched for.
func withServer(ctx context.Context, dir string, f func(*http.Client, *vouching) error) (err error) {
	accounts := newVouching()
	defer accounts.Close()
	s, err := server.New(ctx, server.Config{
		Dir: filepath.Join(dir, "server"), PublicURL: benchOrigin, Now: time.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler),
		External: &server.External{URL: accounts.URL, AllowAll: true, Transport: http.DefaultTransport},
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	return f(&http.Client{Transport: inproc.New(s.Handler())}, accounts)
}

// requested is n requests of one user.
func requested(send func(ctx context.Context, u *user, i int) error) func(context.Context, string, int) error {
	return func(ctx context.Context, dir string, n int) error {
		return withServer(ctx, dir, func(client *http.Client, accounts *vouching) error {
			u, err := accounts.credentials(ctx, client, 0)
			for i := 0; err == nil && i < n; i++ {
				err = send(ctx, u, i)
			}
			return err
		})
	}
}

// idleSyncs is n syncs of ten engines that have nothing to do, with the requests that the server answers.
func idleSyncs(ctx context.Context, dir string, n int) error {
	return withServer(ctx, dir, func(client *http.Client, _ *vouching) (err error) {
		all, err := openStores(ctx, dir, engines)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, closeAll(all)) }()
		m, err := syncmanager.New(ctx, syncmanager.Config{
			Account: vouched{}, State: syncmanager.FileState(filepath.Join(dir, "state")), Key: key, Device: syncmanager.Device{Name: "bench"}, Transport: client.Transport,
		})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, m.Close()) }()
		for _, s := range all {
			if err := m.Register(s); err != nil {
				return err
			}
		}
		for i := range n {
			r, err := m.Sync(ctx, syncmanager.Options{})
			if err != nil {
				return err
			}
			if i > 1 && r.Requests != 1 {
				return fmt.Errorf("%d requests, want 1", r.Requests)
			}
		}
		return nil
	})
}

// vouched is an account whose accounts server is a vouching one.
type vouched struct{}

func (vouched) AccessToken(context.Context, bool) (string, error) { return accessToken(0), nil }
func (vouched) SyncKey(context.Context) (string, []byte, error)   { return keyID, make([]byte, 64), nil }
func (vouched) TokenServer() string                               { return benchOrigin + "/token" }
func (vouched) DeviceID() string                                  { return "" }
func (vouched) DeviceIDs(context.Context) ([]string, error)       { return nil, nil }
func (vouched) RenameDevice(context.Context, string) error        { return nil }
func (vouched) Requests() int                                     { return 0 }
