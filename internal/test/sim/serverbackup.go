package sim

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager/server/backup"
)

// serverBackup is a backup of the server, with its state in the model.
type serverBackup struct {
	path  string
	model steps
}

// copy saves a file of a device, or puts a saved one back, or another device's.
func (r *run) copy(ctx context.Context, d *device, s Step) error {
	file := ""
	var only []string
	if s.Kind != "" {
		file = kinds[s.Kind].file
		only = []string{file}
	}
	from := d
	if s.Op == Clone {
		if s.Kind == "" || s.Other >= len(r.devices) || s.Other == s.Device || s.Kind == "tabs" {
			return nil
		}
		from = r.devices[s.Other]
	}
	c := d.copies[file]
	if s.Op != PutBack {
		got, err := from.snapshot(only...)
		if err != nil {
			return err
		}
		c = &saved{files: got, state: from.state.b, model: from.model.clone()}
	}
	if s.Op == Save {
		d.copies[file] = c
		return nil
	}
	if c == nil {
		return nil
	}
	err := d.restart(ctx, func() error {
		r.model.back(d, c.model, r.kindsOf(file))
		if file == "" {
			d.state.b = c.state
		}
		return d.replace(c.files)
	})
	if tabs := d.stores["tabs"]; err == nil && tabs != nil {
		err = tabs.add(ctx, s.Item, s.N, s) // as a browser does when it starts
	}
	return err
}

func (r *run) restore(ctx context.Context, s Step) error {
	if s.Op == Backup {
		path := filepath.Join(r.dir, fmt.Sprintf("backup-%d", s.N))
		b := &serverBackup{path: path, model: steps{}}
		b.model.add(r.model.server)
		r.backup = b
		_, err := backup.Write(ctx, backup.Source{Dir: r.serverDir, Version: "sim", Now: r.clock(nil)}, path)
		return err
	}
	if r.backup == nil {
		return nil
	}
	r.net.late = nil
	if err := r.server.Close(ctx); err != nil {
		return err
	}
	r.server = nil
	if err := os.RemoveAll(r.serverDir); err != nil {
		return err
	}
	if err := backup.Restore(ctx, r.backup.path, r.serverDir, r.rand.fork(), r.clock(nil)()); err != nil {
		return err
	}
	for _, k := range r.story.Kinds {
		r.model.forget(r, k, r.backup.model)
	}
	var err error
	r.server, err = r.newServer(ctx, r.serverDir)
	return err
}
