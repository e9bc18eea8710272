package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// exported is a file that a command writes for the user alone.
type exported struct {
	path, format string
	// force replaces a file that is there.
	force bool
	// note is what to tell the user about it, with %s for the path.
	note string
}

// export writes a file, or to stdout where the path is "-".
func (a *app) export(x exported, write func(io.Writer) error) error {
	if x.path == "-" {
		return a.exportToStdout(x.format, write)
	}
	if err := private(x.path, x.force, write); err != nil {
		return err
	}
	if a.json {
		return a.printJSON(map[string]string{"file": x.path, "format": x.format})
	}
	a.note(x.note, x.path)
	return nil
}

// exportToStdout writes to stdout: byte for byte, unless that is a terminal, which would
// act on what is in titles and names.
func (a *app) exportToStdout(format string, write func(io.Writer) error) error {
	if _, ok := terminal(a.stdout); !ok {
		return write(a.stdout)
	}
	as, ok := notations[format]
	if !ok {
		return usagef("%s is not for a terminal; send it to a file or a program", format)
	}
	return write(&visible{w: a.stdout, as: as})
}

// private writes a file that is 0600 from its first byte and there as a whole or
// not at all.
func private(path string, force bool, write func(io.Writer) error) (err error) {
	if _, err := os.Lstat(path); err == nil && !force {
		return fmt.Errorf("%s is there already; --force replaces it", path)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".syncmanager-export-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
			_ = os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
