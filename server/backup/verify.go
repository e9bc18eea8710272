package backup

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/syncmanager/syncmanager/internal/sqlite"
	"github.com/syncmanager/syncmanager/server/accounts"
	"github.com/syncmanager/syncmanager/server/outbox"
	storagedb "github.com/syncmanager/syncmanager/server/storage/sqlite"
	"github.com/syncmanager/syncmanager/server/takeover"
	"github.com/syncmanager/syncmanager/server/token"
)

// Verify reads a backup to its end and examines each file in it as [Check] does. It needs
// space in the folder work for the largest file. The report is valid only if the error is
// nil.
func Verify(ctx context.Context, archive io.Reader, work string) (report Report, err error) {
	if work, err = os.MkdirTemp(work, "syncmanager-verify-*"); err != nil { // 0700
		return Report{}, fmt.Errorf("cannot verify a backup: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	root, err := os.OpenRoot(work)
	if err != nil {
		return Report{}, fmt.Errorf("cannot verify a backup: %w", err)
	}
	defer root.Close()
	return scan(ctx, archive, func(name string, r io.Reader) error {
		steps := schemaOf(name)
		if steps == nil && name != secretName {
			return nil // scan verifies its checksum
		}
		const at = "file"
		if err := writeFile(root, at, r); err != nil {
			return err
		}
		path := filepath.Join(work, at)
		err := examine(ctx, name, path, work)
		var errs []error
		for _, tail := range []string{"-wal", "-shm", ""} {
			if err := os.Remove(path + tail); !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
		if err == nil && errors.Join(errs...) != nil {
			err = &targetError{errors.Join(errs...)}
		}
		return err
	})
}

const secretName = "token-secret"

// schemaOf returns the schema of the database with a name, or nil if the file is not a
// database.
func schemaOf(name string) fs.FS {
	switch {
	case name == "token.sqlite":
		return token.Schema()
	case name == "accounts.sqlite":
		return accounts.Schema()
	case name == "outbox.sqlite":
		return outbox.Schema()
	case name == "takeover.sqlite":
		return takeover.Schema()
	case strings.HasPrefix(name, "storage/") && strings.HasSuffix(name, ".sqlite"):
		return storagedb.Schema()
	}
	return nil
}

// examine checks the file at path, whose name in the data folder is name.
func examine(ctx context.Context, name, path, work string) error {
	if steps := schemaOf(name); steps != nil {
		return named(name, sqlite.Examine(ctx, path, steps, work))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if secret, err := hex.DecodeString(strings.TrimSpace(string(text))); err != nil || len(secret) != 32 {
		return fmt.Errorf("%s: %w: it does not contain a secret", name, sqlite.ErrCorrupt)
	}
	return nil
}

// named puts the file's name in the data folder into an error, in place of the path of a
// temporary copy.
func named(name string, err error) error {
	if d, ok := errors.AsType[*sqlite.Damage](err); ok {
		return &sqlite.Damage{Path: name, Detail: d.Detail}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
