package main

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/internal/ui"
)

// linkPages are the files through which a browser gets a link, in the profile's folder.
const linkPages = "open-*.html"

func (a *app) uiCommand() *cobra.Command {
	var printed bool
	c := &cobra.Command{
		Use:   "ui",
		Short: "Look at the profile on a page in your browser",
		Long: `Look at the profile on a page in your browser: what synced when and how to undo it,
devices, what to sync, bookmarks, passwords one at a time, imports, what does not
sync and why, and how the stores are.

The agent serves the page, to this machine alone. If no agent runs, this command is
one until you interrupt it: the page works as long. The browser gets in by a link
that works once and for a minute. It is handed over in a file that only you can
read, because others can see the command line of a browser. If the browser may not
read that file, as some in a sandbox, open the link that --print prints.`,
		Args: cobra.NoArgs,
		RunE: a.do(func(c *cobra.Command, _ []string) error {
			show := func(ctx context.Context, s *ui.Server) error { return a.openPage(ctx, s, printed) }
			if a.shared != nil {
				return show(c.Context(), a.shared.page)
			}
			ran, err := a.inAgent(c.Context())
			if ran {
				return err
			}
			err = a.beAgent(c.Context(), "", a.saySyncing, show)
			if errors.Is(err, errAgentCame) {
				_, err = a.inAgent(c.Context())
			}
			return err
		}),
	}
	c.Flags().BoolVar(&printed, "print", false, "print the link, and open no browser")
	return c
}

// linkJSON is what ui --json prints.
type linkJSON struct {
	URL string `json:"url"`
}

// openPage makes a link, and opens it in the user's browser or prints it.
func (a *app) openPage(ctx context.Context, s *ui.Server, printed bool) error {
	link, err := s.Link(ctx)
	switch {
	case err != nil:
		return err
	case a.JSON:
		return a.PrintJSON(linkJSON{link.URL()})
	case printed:
		return a.Print("%s", link.URL())
	}
	dir, err := a.profileDir()
	if err != nil {
		return err
	}
	path, err := writeLink(dir, link)
	if err != nil {
		return err
	}
	go func() {
		<-link.Done()
		_ = os.Remove(path)
	}()
	if err := a.browse(fileURL(path)); err != nil {
		return fmt.Errorf("no browser opens here (%w): 'syncmanager ui --print' prints a link for one on this machine", err)
	}
	a.Note("The page opens in your browser. If it does not, 'syncmanager ui --print' prints a link.")
	return nil
}

// linkPage sends the browser on by a form, so that the link's token is in no address.
var linkPage = template.Must(template.New("").Parse(`<!doctype html>
<meta charset="utf-8">
<title>Sync Manager</title>
<form method="post" action="{{.Address}}/open"><input type="hidden" name="token" value="{{.Token}}"><button>Open Sync Manager</button></form>
<script>document.forms[0].submit()</script>
`))

// writeLink writes a page that opens a link into a file that only the user can read.
func writeLink(dir string, link *ui.Link) (path string, err error) {
	left, _ := filepath.Glob(filepath.Join(dir, linkPages))
	for _, path := range left {
		_ = os.Remove(path) // of a program that was killed
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	f, err := os.CreateTemp(absolute, linkPages) // with the mode 0600
	if err != nil {
		return "", fmt.Errorf("cannot write the link for the browser: %w", err)
	}
	address, token, _ := strings.Cut(link.URL(), "/open#")
	err = linkPage.Execute(f, struct{ Address, Token string }{address, token})
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("cannot write the link for the browser: %w", err), os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// fileURL is the address of a file.
func fileURL(path string) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // of Windows: C:/…
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}
