package bookmarks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/internal/exchange"
	"github.com/syncmanager/syncmanager/internal/sqlite"
)

// ImportFile adds the bookmarks of another browser to those that are here: a file in
// HTML, JSON, jsonlz4, CSV, Chrome's or Safari's format, a places.sqlite, or a browser's
// profile.
// A folder is taken for the one of its title that is here in the same folder, and
// what that has already is a duplicate; so is what is here under the same GUID. A
// duplicate gives its tags, its keyword and an earlier date to what is here, and
// changes nothing else. All is added, or nothing.
func (e *Engine) ImportFile(ctx context.Context, path string, o importing.Options) (importing.Report, error) {
	src, err := exchange.Open(ctx, path, exchange.Options{TempDir: o.TempDir, Now: e.db.Now})
	if err != nil {
		return importing.Report{}, fmt.Errorf("cannot import %s: %w", path, err)
	}
	report, err := e.importFrom(ctx, src, o)
	if err = errors.Join(err, src.Close()); err != nil {
		return importing.Report{}, fmt.Errorf("cannot import %s: %w", path, err)
	}
	return report, nil
}

// ImportFrom is ImportFile of what comes from a pipe.
func (e *Engine) ImportFrom(ctx context.Context, r io.Reader, o importing.Options) (importing.Report, error) {
	src, err := exchange.Read(ctx, r, exchange.Options{TempDir: o.TempDir, Now: e.db.Now})
	if err != nil {
		return importing.Report{}, fmt.Errorf("cannot import bookmarks: %w", err)
	}
	report, err := e.importFrom(ctx, src, o)
	if err = errors.Join(err, src.Close()); err != nil {
		return importing.Report{}, fmt.Errorf("cannot import bookmarks: %w", err)
	}
	return report, nil
}

// errDry rolls a trial back.
var errDry = errors.New("a dry run")

func (e *Engine) importFrom(ctx context.Context, src *exchange.Source, o importing.Options) (importing.Report, error) {
	found, left, err := src.Bookmarks(ctx)
	if err != nil {
		return importing.Report{}, err
	}
	var report importing.Report
	err = e.edit(ctx, func(t *tx) error {
		report = importing.Report{Format: string(src.Format()), Skipped: left.Count, Skips: left.First, Notes: left.Notes}
		t.undated = true
		im := &importer{tx: t, report: &report}
		for _, name := range exchange.Roots {
			root, err := t.find(localID(engine.ID(name)))
			if err != nil {
				return err
			}
			if err := im.folder(ctx, root.ID, *found.Root(name), false); err != nil {
				return err
			}
		}
		if o.DryRun {
			return errDry
		}
		return nil
	})
	if err != nil && !errors.Is(err, errDry) {
		return importing.Report{}, sqlite.Explain(err)
	}
	report.Read = report.Here() + report.Skipped
	return report, nil
}

// Formats are the formats that [Engine.ExportAs] writes.
var Formats = []string{"html", "json", "jsonlz4"}

// Export writes all bookmarks in Firefox's JSON, the format with most of what they have.
func (e *Engine) Export(ctx context.Context, w io.Writer) error { return e.ExportAs(ctx, w, "json") }

// ExportAs writes all bookmarks in one of the Formats, so that Firefox and, in HTML,
// any browser reads them.
func (e *Engine) ExportAs(ctx context.Context, w io.Writer, format string) error {
	write, ok := map[string]func(io.Writer, *exchange.Tree) error{
		"html": exchange.WriteHTML, "json": exchange.WriteJSON, "jsonlz4": exchange.WriteLZ4,
	}[format]
	if !ok {
		return fmt.Errorf("cannot export bookmarks as %q: the formats are %s", format, strings.Join(Formats, ", "))
	}
	top, err := e.Tree(ctx, Root)
	if err != nil {
		return fmt.Errorf("cannot export bookmarks: %w", err)
	}
	var out exchange.Tree
	for _, root := range top.Children {
		if name := exchange.Root(WireID(root.ID)); name != exchange.Root(root.ID) {
			*out.Root(name) = exported(root.Children)
		}
	}
	if err := write(w, &out); err != nil {
		return fmt.Errorf("cannot export bookmarks: %w", err)
	}
	return nil
}

func exported(nodes []*Node) []*exchange.Item {
	items := make([]*exchange.Item, len(nodes))
	for i, n := range nodes {
		it := &exchange.Item{GUID: string(n.ID), Title: n.Title, URL: n.URL, Added: n.Added, Modified: n.Modified,
			Tags: n.Tags, Keyword: n.Keyword, Children: exported(n.Children)}
		for from, to := range kinds {
			if to == n.Kind {
				it.Kind = from
			}
		}
		items[i] = it
	}
	return items
}
