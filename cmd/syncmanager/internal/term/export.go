package term

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
)

// An Export is a file that only the user can read.
type Export struct {
	// Path is "-" for stdout.
	Path, Format string
	// Force replaces an existing file.
	Force bool
	// Note tells the user about the file; %s is its path.
	Note string
}

// Export writes a file, or to stdout.
func (c *Console) Export(x Export, write func(io.Writer) error) error {
	if x.Path == "-" {
		return c.exportToStdout(x.Format, write)
	}
	if err := private(x.Path, c.Path(x.Path), x.Force, write); err != nil {
		return c.Named(err, filepath.Dir(x.Path))
	}
	if c.JSON {
		return c.PrintJSON(map[string]string{"file": x.Path, "format": x.Format})
	}
	c.Note(x.Note, x.Path)
	return nil
}

// exportToStdout writes to stdout: byte for byte, unless that is a terminal, for which
// it escapes control characters.
func (c *Console) exportToStdout(format string, write func(io.Writer) error) error {
	if !c.ToTerminal() {
		return write(c.Out)
	}
	as, ok := notations[format]
	if !ok {
		return usage.Errorf("%s is not for a terminal; send it to a file or a program", format)
	}
	return write(&visible{w: c.Out, as: as})
}

// private writes a file with mode 0600, which the user named. The file appears only when it is
// complete.
func private(named, path string, force bool, write func(io.Writer) error) (err error) {
	if _, err := os.Lstat(path); err == nil && !force {
		return fmt.Errorf("%s exists already; --force replaces it", named)
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
