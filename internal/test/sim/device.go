package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	syncmanager "github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/account"
)

// device is an app on a device: a manager with the engines of the story.
type device struct {
	run         *run
	n           int
	dir         string
	session     account.Session
	skew        time.Duration // of its clock; run.mu guards it
	state       memory
	account     *account.Account
	manager     *syncmanager.Manager
	stores      map[string]store
	places      places
	line        *line
	copies      map[string]*saved // by file; "" is the whole device
	killed      files
	killErr     error
	killedState []byte
	model       replica
}

// files maps names to the contents of files.
type files map[string][]byte

// saved is a copy of a device's files, with its state in the model.
type saved struct {
	files files
	state []byte
	model replica
}

// memory keeps a manager's state.
type memory struct {
	mu sync.Mutex
	b  []byte
}

func (m *memory) Load(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.b, nil
}

func (m *memory) Save(_ context.Context, b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.b = bytes.Clone(b)
	return nil
}

// localKey is the same for every device, so that files can move between devices.
var localKey = [32]byte{1, 2, 3}

// sameSession is an account whose session goes on after a sign-out: copies of the device use it.
type sameSession struct{ syncmanager.Account }

func (d *device) open(ctx context.Context) error {
	r := d.run
	if d.line == nil {
		d.line = &line{d: d}
	}
	if d.copies == nil {
		d.copies = map[string]*saved{}
	}
	c, err := r.client(d.line, r.clock(d))
	if err != nil {
		return err
	}
	d.account = c.Resume(d.session)
	d.manager, err = syncmanager.New(ctx, syncmanager.Config{
		Account: sameSession{d.account}, State: &d.state, Key: localKey,
		Device: syncmanager.Device{Name: fmt.Sprintf("device %d", d.n), Type: "desktop", Application: "sim", Version: "1"},
		Now:    r.clock(d), Rand: r.rand.fork(), Transport: d.line, Parallel: 1,
	})
	if err != nil {
		return err
	}
	d.stores = map[string]store{}
	for _, name := range r.story.Kinds {
		k := kinds[name]
		s, err := k.open(ctx, place{path: filepath.Join(d.dir, k.file), now: r.clock(d), rand: r.rand.fork(), places: &d.places})
		if err != nil {
			return fmt.Errorf("open %s: %w", name, err)
		}
		d.stores[name] = s
		if err := d.manager.Register(s.engine()); err != nil {
			return err
		}
	}
	return nil
}

func (d *device) close() error {
	var errs []error
	if d.manager != nil {
		d.session = d.account.Session()
		errs = append(errs, d.manager.Close())
		d.manager = nil
	}
	for _, name := range d.run.story.Kinds {
		if s := d.stores[name]; s != nil {
			errs = append(errs, s.close())
		}
	}
	d.stores = nil
	return errors.Join(append(errs, d.places.close())...)
}

// snapshot reads the device's current files from the disk.
func (d *device) snapshot(only ...string) (files, error) {
	list, err := os.ReadDir(d.dir)
	if err != nil {
		return nil, err
	}
	got := files{}
	for _, e := range list {
		name := e.Name()
		base := strings.TrimSuffix(name, "-wal")
		if strings.HasSuffix(name, "-shm") || len(only) > 0 && !slices.Contains(only, base) {
			continue
		}
		if got[name], err = os.ReadFile(filepath.Join(d.dir, name)); err != nil {
			return nil, err
		}
	}
	return got, nil
}

// replace replaces the device's files while the app is closed.
func (d *device) replace(with files) error {
	for name, text := range with {
		if strings.HasSuffix(name, "-wal") {
			continue
		}
		path := filepath.Join(d.dir, name)
		for _, side := range []string{"-wal", "-shm"} {
			if err := os.Remove(path + side); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
		if wal := with[name+"-wal"]; len(wal) > 0 {
			if err := os.WriteFile(path+"-wal", wal, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// restart closes the app, runs between, and starts it again.
func (d *device) restart(ctx context.Context, between func() error) error {
	if err := d.close(); err != nil {
		return err
	}
	if between != nil {
		if err := between(); err != nil {
			return err
		}
	}
	return d.open(ctx)
}

// kindsOf lists the kinds of the story that are in a file.
func (r *run) kindsOf(file string) (list []string) {
	for _, name := range r.story.Kinds {
		if file == "" || kinds[name].file == file {
			list = append(list, name)
		}
	}
	return list
}
