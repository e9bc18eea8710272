package history

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/syncmanager/syncmanager/engine/importing"
	"github.com/syncmanager/syncmanager/engines/internal/exchange"
	"github.com/syncmanager/syncmanager/internal/textfile"
)

// ErrImport means that ImportFile cannot read files of this kind.
var ErrImport = errors.New("it is neither a Firefox profile or places.sqlite nor a history that was exported here")

// ImportFile reads the history of the Firefox profile or places.sqlite at path, even
// while Firefox has it open, or a file that Export wrote. Importing a file
// again adds nothing. It works in many small transactions: on an error, what
// the report counts is here.
func (e *Engine) ImportFile(ctx context.Context, path string, o importing.Options) (importing.Report, error) {
	ours, err := isExport(path)
	if err != nil {
		return importing.Report{}, fmt.Errorf("cannot import %s: %w", path, err)
	}
	if ours {
		f, err := os.Open(path)
		if err != nil {
			return importing.Report{}, fmt.Errorf("cannot import the history: %w", err)
		}
		defer f.Close()
		return e.ImportFrom(ctx, f, o)
	}
	source, err := exchange.Open(ctx, path, exchange.Options{TempDir: o.TempDir, Now: e.db.Now})
	if errors.Is(err, exchange.ErrFormat) {
		err = ErrImport
	}
	if err != nil {
		return importing.Report{}, fmt.Errorf("cannot import %s: %w", path, err)
	}
	var skips exchange.Skips
	done, err := e.importPages(ctx, fromBrowser(source.History(ctx, &skips)), (*Page).name, o)
	if errors.Is(err, exchange.ErrNoHistory) {
		err = ErrImport
	}
	err = errors.Join(err, source.Close())
	for _, s := range skips.First {
		done.Skip(s)
	}
	done.Skipped += skips.Count - len(skips.First)
	done.Read = done.Here() + done.Skipped
	if err != nil {
		return done, fmt.Errorf("cannot import %s: %w", path, err)
	}
	return done, nil
}

// isExport reports whether the file begins as Export's do.
func isExport(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() {
		return false, err
	}
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	start, _ := textfile.UTF8(f).Peek(512)
	return bytes.HasPrefix(bytes.TrimSpace(start), []byte("[")), nil
}

func fromBrowser(pages iter.Seq2[exchange.Page, error]) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		for in, err := range pages {
			p := Page{URL: in.URL, Title: in.Title, Hidden: in.Hidden}
			for _, v := range in.Visits {
				p.Visits = append(p.Visits, Visit{At: v.Date, Type: Transition(v.Transition)})
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
}

// Import adds the visits of the pages of a source. A page that is here already gets those
// that it has not. A page or visit that cannot be kept is skipped, and stops no other; item
// names the page for the report, and where it is nil, its title or URL does. What was
// imported before an error stays, and is in the report.
func (e *Engine) Import(ctx context.Context, source iter.Seq2[Page, error], item func(*Page) string, o importing.Options) (importing.Report, error) {
	if item == nil {
		item = (*Page).name
	}
	done, err := e.importPages(ctx, source, item, o)
	done.Read = done.Here() + done.Skipped
	return done, err
}

// ImportFrom reads what Export wrote.
func (e *Engine) ImportFrom(ctx context.Context, r io.Reader, o importing.Options) (importing.Report, error) {
	done, err := e.importPages(ctx, fromJSON(r), (*Page).name, o)
	done.Read = done.Here() + done.Skipped
	if err != nil {
		return done, fmt.Errorf("cannot import the history: %w", err)
	}
	return done, nil
}

func fromJSON(r io.Reader) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		in := json.NewDecoder(textfile.UTF8(r))
		n := 0
		broken := func(err error) {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			yield(Page{}, fmt.Errorf("the file is damaged or incomplete after page %d: %w", n, err))
		}
		if t, err := in.Token(); err != nil || t != json.Delim('[') {
			yield(Page{}, ErrImport)
			return
		}
		for in.More() {
			var p Page
			if err := in.Decode(&p); err != nil {
				broken(err)
				return
			}
			n++
			if !yield(p, nil) {
				return
			}
		}
		if _, err := in.Token(); err != nil {
			broken(err)
		}
	}
}

// name is what a report calls the page.
func (p *Page) name() string {
	name := p.Title
	if name == "" {
		name = p.URL
	}
	if letters := []rune(name); len(letters) > 80 {
		name = string(letters[:79]) + "…"
	}
	return name
}

// Export writes all pages with all their visits as a JSON array, a page on
// each line, in the order in which they were first seen here. It holds one page at
// a time, and edits may go on meanwhile.
func (e *Engine) Export(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriter(w)
	between := "[\n"
	for after := int64(0); ; {
		rows, err := e.rows(ctx, sqlAllPages, after, listPage)
		if err != nil {
			return fmt.Errorf("cannot export the history: %w", err)
		}
		for _, r := range rows {
			after = r.id
			line, err := e.line(ctx, r.id)
			if err != nil {
				return fmt.Errorf("cannot export the history: %w", err)
			}
			if line == nil {
				continue // deleted meanwhile
			}
			_, _ = out.WriteString(between)
			_, _ = out.Write(line)
			between = ",\n"
		}
		if len(rows) < listPage {
			break
		}
	}
	if between == "[\n" {
		_, _ = out.WriteString("[")
	}
	_, _ = out.WriteString("\n]\n") // an error comes back from Flush
	return out.Flush()
}

func (e *Engine) line(ctx context.Context, id int64) (line []byte, err error) {
	err = e.view(ctx, func(tx *tx) error {
		r, err := tx.byID(id)
		if err != nil || r == nil || r.visits == 0 {
			return err
		}
		p, err := tx.page(r)
		if err != nil {
			return err
		}
		line, err = json.Marshal(p)
		return err
	})
	return line, err
}
