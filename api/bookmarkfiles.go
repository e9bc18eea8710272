package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"iter"
	"strings"

	"github.com/syncmanager/syncmanager/engine/importing"
)

// ImportText is the content of a file: one of Text and Base64.
type ImportText struct {
	// Text is the content of a file that is text.
	Text string `json:"text,omitempty" bound:"1..33554432"`
	// Base64 is the content of any file, as RFC 4648 encodes it.
	Base64 string `json:"base64,omitempty" bound:"1..33554432"`
	// DryRun reports what the import would do, and changes nothing.
	DryRun bool `json:"dryRun,omitempty"`
}

// content is the content of the file.
func (q ImportText) content() (io.Reader, error) {
	switch {
	case (q.Text == "") == (q.Base64 == ""):
		return nil, invalidf("", "give one of text and base64")
	case q.Text != "":
		return strings.NewReader(q.Text), nil
	}
	raw, err := base64.StdEncoding.DecodeString(q.Base64)
	if err != nil {
		return nil, invalidf("base64", "base64 must be in base64")
	}
	return bytes.NewReader(raw), nil
}

// importer is an engine that imports files.
type importer interface {
	ImportFrom(ctx context.Context, r io.Reader, o importing.Options) (importing.Report, error)
}

// importVerb describes a verb that imports a file.
func importVerb(name, doc, collection string, open func(ctx context.Context, h Home) (importer, error)) *Verb {
	return large(value(name, doc, Needs{Write: true, Engines: []string{collection}},
		func(ctx context.Context, c *call, q ImportText) (importing.Report, error) {
			content, err := q.content()
			if err != nil {
				return importing.Report{}, err
			}
			e, err := open(ctx, c.home)
			if err != nil {
				return importing.Report{}, err
			}
			return imported(e.ImportFrom(ctx, content, importing.Options{DryRun: q.DryRun}))
		}))
}

// ExportBookmarks asks for a file.
type ExportBookmarks struct {
	// Format is "json" if it is absent: Firefox's own. Any browser reads "html".
	Format string `json:"format,omitempty" enum:"json,html"`
}

// Piece is a part of a file. The file is all of them, one after the other.
type Piece struct {
	Text string `json:"text"`
}

func bookmarkFileVerbs() []*Verb {
	return []*Verb{
		importVerb("bookmarks.import", "Adds the bookmarks of a file in HTML, Firefox's or Chrome's JSON, jsonlz4, CSV or Safari's format to those that are here.",
			"bookmarks", func(ctx context.Context, h Home) (importer, error) { return h.Bookmarks(ctx) }),
		stream("bookmarks.export", "Exports all bookmarks as a file, piece by piece.", Needs{Engines: []string{"bookmarks"}},
			func(ctx context.Context, c *call, q ExportBookmarks) (iter.Seq2[Piece, error], error) {
				e, err := c.home.Bookmarks(ctx)
				if err != nil {
					return nil, err
				}
				if q.Format == "" {
					q.Format = "json"
				}
				return pieces(func(w io.Writer) error { return e.ExportAs(ctx, w, q.Format) }), nil
			}),
	}
}

// imported completes the report of an import, whose lists are never null.
func imported(r importing.Report, err error) (importing.Report, error) {
	if r.Skips == nil {
		r.Skips = []importing.Skip{}
	}
	return r, err
}

// pieceSize is how long a piece of a file is, in bytes.
const pieceSize = 32 << 10

// pieces yields what write writes. A character is never cut in two.
func pieces(write func(w io.Writer) error) iter.Seq2[Piece, error] {
	return func(yield func(Piece, error) bool) {
		p := &piecer{yield: yield}
		err := write(p)
		if p.left {
			return
		}
		if err == nil && len(p.rest) > 0 {
			yield(Piece{string(p.rest)}, nil)
		}
		if err != nil {
			yield(Piece{}, err)
		}
	}
}

type piecer struct {
	yield func(Piece, error) bool
	rest  []byte
	left  bool // the loop was left
}

func (p *piecer) Write(b []byte) (int, error) {
	if p.left {
		return 0, io.ErrClosedPipe
	}
	p.rest = append(p.rest, b...)
	for len(p.rest) > pieceSize+4 {
		end := pieceSize
		for p.rest[end]&0xC0 == 0x80 && end < pieceSize+4 { // within a character
			end++
		}
		if !p.yield(Piece{string(p.rest[:end])}, nil) {
			p.left = true
			return 0, io.ErrClosedPipe
		}
		p.rest = append(p.rest[:0], p.rest[end:]...)
	}
	return len(b), nil
}
