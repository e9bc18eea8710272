package backup

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// storage adds the users' files one by one, and the steps that they lack. A file that cannot be read
// does not stop the backup.
func (w *writer) storage() (err error) {
	root := filepath.Join(w.src.Dir, "storage")
	if w.lacking, err = readLacking(root); err != nil {
		return err
	}
	if err := w.users(root); err != nil || len(w.lacking.behind) == 0 {
		return err
	}
	name, content := w.lacking.journal()
	return w.add("storage/"+filepath.ToSlash(name), int64(len(content)), bytes.NewReader(content))
}

func (w *writer) users(root string) error {
	return filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		rel, relErr := filepath.Rel(w.src.Dir, p)
		if relErr != nil {
			return relErr
		}
		name := filepath.ToSlash(rel)
		if err != nil {
			if p == root {
				return err
			}
			w.report.LeftOut = append(w.report.LeftOut, LeftOut{Name: name, Reason: err.Error()})
			return nil
		}
		if _, is := storageNumber(name); !is || !e.Type().IsRegular() || !known.MatchString(name) {
			return nil // a folder or a journal
		}
		err = w.database(name)
		unread, ok := errors.AsType[*unreadable](err)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // the user was removed meanwhile
		case !ok || w.ctx.Err() != nil:
			return err
		}
		return w.leaveOut(name, unread.err)
	})
}

// leaveOut reports a file that cannot be read, and adds its copy from the previous backup if
// there is one.
func (w *writer) leaveOut(name string, why error) error {
	out := LeftOut{Name: name, Reason: why.Error()}
	at := filepath.Join(w.work, "copy")
	if w.before.extract(w.ctx, name, at) == nil {
		out.Kept = true
		if err := errors.Join(w.file(name, at), os.Remove(at)); err != nil {
			return err
		}
	}
	w.report.LeftOut = append(w.report.LeftOut, out)
	return nil
}
