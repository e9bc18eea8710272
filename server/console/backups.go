package console

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/backup"
	"github.com/syncmanager/syncmanager/server/security"
)

// The names of backups have the time of their begin, in UTC.
const (
	backupPrefix = "syncmanager-"
	backupSuffix = ".backup"
	backupTime   = "20060102-150405"
	// maxBackups is how many backups are listed.
	maxBackups = 100
)

// backups makes backups, one at a time.
type backups struct {
	cfg    Config
	server *server.Server

	mu      sync.Mutex
	running bool
	files   int
	bytes   int64
	last    result
}

// result is that of the last backup that this process made.
type result struct {
	Name  string
	At    time.Time
	Error string
	backup.Report
}

// errBackupRuns means that there is a backup under way.
var errBackupRuns = mistake("a backup is being made already: wait until it is complete")

// errNoBackups means that no folder is configured.
var errNoBackups = mistake("no folder for backups is configured: start the server with --backup-dir DIR")

// start begins a backup beside the requests. Only ctx's operator counts of it.
func (b *backups) start(ctx context.Context) error {
	if b.cfg.Backups == "" {
		return errNoBackups
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running {
		return errBackupRuns
	}
	now := b.cfg.Now()
	name := backupPrefix + now.UTC().Format(backupTime) + backupSuffix
	path := filepath.Join(b.cfg.Backups, name)
	if err := os.MkdirAll(b.cfg.Backups, 0o700); err != nil {
		return fmt.Errorf("cannot make the folder for backups: %w", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return mistake("a backup of this second is there already: wait a moment")
	}
	b.running, b.files, b.bytes = true, 0, 0
	by := context.WithoutCancel(ctx)
	b.server.Go(func(ctx context.Context) {
		report, err := backup.Write(ctx, backup.Source{Dir: b.cfg.Dir, Version: b.cfg.Version, Now: b.cfg.Now, Progress: b.progress}, path)
		r := result{Name: name, At: b.cfg.Now(), Report: report}
		if err != nil {
			r.Error = err.Error()
			b.cfg.Log.ErrorContext(ctx, "a backup failed", "err", err)
		} else {
			b.server.Security().Note(by, security.ByOperator, security.BackupMade, "", "")
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.running, b.last = false, r
	})
	return nil
}

func (b *backups) progress(files int, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files, b.bytes = files, bytes
}

// backupFile is a backup in the folder.
type backupFile struct {
	Name string
	At   time.Time
	Size int64
}

// list lists the backups in the folder, the newest first.
func (b *backups) list() (all []backupFile, err error) {
	entries, err := os.ReadDir(b.cfg.Backups)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the folder for backups: %w", err)
	}
	for _, e := range entries {
		text, isBackup := strings.CutPrefix(strings.TrimSuffix(e.Name(), backupSuffix), backupPrefix)
		at, err := time.Parse(backupTime, text)
		if !isBackup || err != nil || !e.Type().IsRegular() || !strings.HasSuffix(e.Name(), backupSuffix) {
			continue
		}
		if info, err := e.Info(); err == nil {
			all = append(all, backupFile{e.Name(), at, info.Size()})
		}
	}
	slices.SortFunc(all, func(x, y backupFile) int { return y.At.Compare(x.At) })
	return all, nil
}

type backupsData struct {
	Folder, Problem   string
	Database, Running bool
	Files, Users      int
	Bytes             int64
	Last              result
	Backups           []backupFile
	More              int
}

// showBackups shows the backups, and how to make one.
func (c *console) showBackups(v *view) error {
	users, err := c.server.CountUsers(v.Context())
	if err != nil {
		return err
	}
	d := backupsData{Folder: c.cfg.Backups, Database: server.UsesDatabase(c.cfg.Dir), Users: users}
	b := &c.backups
	b.mu.Lock()
	d.Running, d.Files, d.Bytes, d.Last = b.running, b.files, b.bytes, b.last
	b.mu.Unlock()
	if d.Folder != "" {
		if d.Backups, err = b.list(); err != nil {
			d.Problem = err.Error()
		}
		if d.More = len(d.Backups) - maxBackups; d.More > 0 {
			d.Backups = d.Backups[:maxBackups]
		}
	}
	return v.render(http.StatusOK, "backups", layout{Title: "Backups", Here: "/backups", Refresh: d.Running, Data: d})
}

func (c *console) startBackup(v *view) error {
	if server.UsesDatabase(c.cfg.Dir) {
		return mistake("the data is in PostgreSQL: back the database up with its own tools")
	}
	ctx := v.Context()
	if err := c.accounts.Guarded(ctx, func() error { return nil }); err != nil {
		return err
	}
	if err := c.backups.start(ctx); err != nil {
		return err
	}
	return v.back("/backups", "")
}

// checkBackups judges how old the newest backup is.
func (c *console) checkBackups(st server.Status) []check {
	one := check{Name: "Backup", State: good}
	switch {
	case st.Database:
		return []check{{Name: one.Name, Text: "by PostgreSQL's own tools; see the guide, “Several servers on one PostgreSQL database”"}}
	case c.cfg.Backups == "":
		return []check{{Name: one.Name, Text: "no folder is configured here (--backup-dir); 'syncmanager server backup' makes them too"}}
	}
	all, err := c.backups.list()
	switch {
	case err != nil:
		one.State, one.Text, one.Do = bad, err.Error(), "Let the server's user read and write that folder."
	case len(all) == 0:
		one.State, one.Text, one.Do = warn, "none in "+c.cfg.Backups, "Make one under Backups."
	default:
		age := c.cfg.Now().Sub(all[0].At)
		one.Text = "the newest is of " + format(all[0].At, "2006-01-02 15:04")
		if age >= backupOld {
			one.State, one.Do = warn, "Make one under Backups, or let a timer run 'syncmanager server backup'."
		}
	}
	return []check{one}
}
