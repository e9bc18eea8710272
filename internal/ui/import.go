package ui

import (
	"bytes"
	"context"
	"encoding/base64"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/syncmanager/syncmanager/api"
	"github.com/syncmanager/syncmanager/engine/importing"
)

// upload is a file that waits for the user to look at what its import would do.
type upload struct {
	id, Name, Kind string
	content        []byte
	Report         importing.Report
	until          time.Time
}

// uploadLife is how long a file waits.
const uploadLife = 10 * time.Minute

// importKind is what a file can hold.
type importKind struct{ Name, Label, verb, engine string }

var importKinds = []importKind{
	{"bookmarks", "Bookmarks", "bookmarks.import", "bookmarks"},
	{"passwords", "Passwords", "passwords.importCSV", "passwords"},
	{"history", "History", "history.importFile", "history"},
}

// importPage shows the file that waits, or asks for one.
type importPage struct {
	Kinds  []importKind
	Upload *upload
	// ID is that of the upload.
	ID string
}

// Label is what the kind of an upload is called.
func (u *upload) Label() string { return strings.ToLower(engineName(u.kind().engine)) }

func (u *upload) kind() importKind {
	for _, k := range importKinds {
		if k.Name == u.Kind {
			return k
		}
	}
	return importKinds[0]
}

// waitingUpload returns the file that waits, if there is one.
func (of *session) waitingUpload(now time.Time) *upload {
	of.mu.Lock()
	defer of.mu.Unlock()
	if of.upload != nil && now.After(of.upload.until) {
		of.upload = nil
	}
	return of.upload
}

func (of *session) setUpload(u *upload) {
	of.mu.Lock()
	defer of.mu.Unlock()
	of.upload = u
}

func showImport(_ context.Context, q *request) (view, error) {
	page := importPage{Kinds: importKinds, Upload: q.of.waitingUpload(q.server.Now())}
	if page.Upload != nil {
		page.ID = page.Upload.id
	}
	return view{Title: "Import", Data: page}, nil
}

// actImportLook says what the import of a file would do, and keeps the file for a while.
func actImportLook(ctx context.Context, q *request) (string, error) {
	content := []byte(q.form.Get("file"))
	name := []rune(path.Base(strings.ReplaceAll(q.form.Get("file-name"), `\`, "/")))
	if len(content) == 0 {
		return "import", &api.Error{Code: api.CodeInvalid, Message: "choose a file first: this one is empty, or there is none"}
	}
	id, err := q.server.random()
	if err != nil {
		return "import", err
	}
	u := &upload{id: id, Name: string(name[:min(len(name), 200)]), Kind: q.form.Get("kind"), content: content, until: q.server.Now().Add(uploadLife)}
	if u.Kind == "" {
		u.Kind = guessKind(u.Name, content)
	}
	if u.Report, err = importUpload(ctx, q, u, true); err != nil {
		return "import", err
	}
	q.of.setUpload(u)
	return "import", nil
}

// guessKind guesses what a file holds: passwords are in CSV with a column for them, and a
// history is a list in JSON.
func guessKind(name string, content []byte) string {
	head := bytes.ToLower(bytes.TrimLeft(content[:min(len(content), 4096)], "\xef\xbb\xbf \t\r\n"))
	head = bytes.ReplaceAll(head, []byte{0}, nil) // of UTF-16
	line, _, _ := bytes.Cut(head, []byte("\n"))
	switch {
	case bytes.Contains(line, []byte("password")) && !bytes.HasPrefix(head, []byte("<")) && !bytes.HasPrefix(head, []byte("{")):
		return "passwords"
	case bytes.HasPrefix(head, []byte("[")) && bytes.Contains(head, []byte("histuri")):
		return "history"
	case strings.HasSuffix(strings.ToLower(name), ".csv") && !bytes.Contains(line, []byte("url")):
		return "passwords"
	}
	return "bookmarks"
}

func importUpload(ctx context.Context, q *request, u *upload, dry bool) (importing.Report, error) {
	ask := api.ImportText{DryRun: dry}
	if utf8.Valid(u.content) {
		ask.Text = string(u.content)
	} else {
		ask.Base64 = base64.StdEncoding.EncodeToString(u.content)
	}
	return call[importing.Report](ctx, q, u.kind().verb, ask)
}

var errNoUpload = &api.Error{Code: api.CodeNotFound, Message: "the file does not wait any more: choose it again"}

// actImportApply imports the file that the user looked at.
func actImportApply(ctx context.Context, q *request) (string, error) {
	u := q.of.waitingUpload(q.server.Now())
	if u == nil || u.id != q.form.Get("id") {
		return "import", errNoUpload
	}
	r, err := importUpload(context.WithoutCancel(ctx), q, u, false)
	if err != nil {
		return "import", err
	}
	q.of.setUpload(nil)
	text := items(u.kind().engine, r.Added) + " added"
	if r.Updated > 0 {
		text += ", " + number(r.Updated) + " updated"
	}
	text += ", " + number(r.Duplicates) + " here already"
	if r.Skipped > 0 {
		text += ", " + number(r.Skipped) + " left out"
	}
	q.of.say(notice{Text: text + ". The next sync sends them to your other devices."})
	return "import", nil
}

// actImportDrop drops the file that waits.
func actImportDrop(_ context.Context, q *request) (string, error) {
	q.of.setUpload(nil)
	return "import", nil
}
