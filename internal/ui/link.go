package ui

import (
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// linkPages are the files through which a browser gets a link.
const linkPages = "open-*.html"

// linkPage sends the browser on by a form, so that the link's token is in no address.
var linkPage = template.Must(template.New("").Parse(`<!doctype html>
<meta charset="utf-8">
<title>Sync Manager</title>
<form method="post" action="{{.Address}}/open"><input type="hidden" name="token" value="{{.Token}}"><button>Open Sync Manager</button></form>
<script>document.forms[0].submit()</script>
`))

// File writes a page that opens the link into a folder, as a file that only the user can read, and returns the file's address for a
// browser. The file is removed when the link is [Link.Done].
func (l *Link) File(dir string) (address string, err error) {
	path, err := l.write(dir)
	if err != nil {
		return "", fmt.Errorf("cannot write the link for the browser: %w", err)
	}
	go func() {
		<-l.Done()
		_ = os.Remove(path)
	}()
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // of Windows: C:/…
	}
	return (&url.URL{Scheme: "file", Path: path}).String(), nil
}

func (l *Link) write(dir string) (path string, err error) {
	left, _ := filepath.Glob(filepath.Join(dir, linkPages))
	for _, path := range left {
		_ = os.Remove(path) // of a program that was killed
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, linkPages) // with the mode 0600
	if err != nil {
		return "", err
	}
	err = linkPage.Execute(f, struct{ Address, Token string }{l.address, l.token})
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}
