package sync15

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
	"github.com/syncmanager/syncmanager/seal"
)

const (
	// pageSize is the number of records asked for at once. They are read as they come, so that it
	// bounds no memory: the fewer pages, the fewer requests. A server may send fewer.
	pageSize = 10_000
	// smallPage is the number after an answer broke off: a server, or something on the way, may
	// end those that take long.
	smallPage = 1000
	// batchRecords and batchBytes bound what is opened and staged at once, and
	// with it the memory of a download, however large the collection is.
	batchRecords = 500
	batchBytes   = 1 << 20
	// maxIDs is how many records the service fetches by ID in one request.
	maxIDs = 100
	// maxArray bounds, in bytes, an answer from a server that does not support
	// application/newlines.
	maxArray = 64 << 20

	// maxRecords and maxBytes bound one download: a server that never ends would fill the
	// disk. Real collections are hundreds of times smaller.
	maxRecords = 3_000_000
	maxBytes   = 8 << 30
	// maxOffset bounds the name that a server gives the next page.
	maxOffset = 1 << 10

	newlines = "application/newlines"
)

// download is the download of one collection. Three goroutines work on it: one reads, one
// opens, and the caller's stages; the work of network, processor and disk overlaps.
type download struct {
	r          *Run
	collection string
	// since is the time up to which the engine has the records; pages says that there are newer
	// ones.
	since bso.Timestamp
	pages bool
	// retry lists records to fetch by ID as well.
	retry []bso.ID
	// marks finds the last write that is known, and the newest.
	marks marker
	// at is the collection's time, which is the same on every page; zero before the first page.
	at bso.Timestamp
	// keys is the bundle that the collection is sealed with. The opener may find a
	// newer one.
	keys *seal.Bundle
	// count is the number of records that were staged.
	count int
	free  chan *batch
	// received and size count the records and bytes that came so far.
	received int
	size     int64
}

// batch has some records: as received, then as opened.
type batch struct {
	raw      []byte
	ends     []int
	clear    []byte
	incoming []engine.Incoming
}

// run downloads what is newer than since and what is to be tried again, and
// hands it to stage, batch by batch.
func (d *download) run(ctx context.Context, stage func(context.Context, []engine.Incoming) error) error {
	group, ctx := errgroup.WithContext(ctx)
	raw, opened := make(chan *batch), make(chan *batch)
	d.free = make(chan *batch, 4)
	for range cap(d.free) {
		d.free <- &batch{}
	}
	group.Go(func() error {
		defer close(raw)
		return d.fetch(ctx, raw)
	})
	group.Go(func() error {
		defer close(opened)
		o := opener{d: d}
		for b := range raw {
			if err := o.open(ctx, b); err != nil {
				return err
			}
			if err := pass(ctx, opened, b); err != nil {
				return err
			}
		}
		return nil
	})
	group.Go(func() error {
		for b := range opened {
			if err := stage(ctx, b.incoming); err != nil {
				return err
			}
			d.count += len(b.incoming)
			d.r.c.progress(d.collection, "download", d.count)
			d.free <- b
		}
		return nil
	})
	return group.Wait()
}

func pass(ctx context.Context, to chan<- *batch, b *batch) error {
	select {
	case to <- b:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fetch asks for page after page, then for the records by ID.
func (d *download) fetch(ctx context.Context, out chan<- *batch) error {
	if d.pages {
		if err := d.fetchPages(ctx, out); err != nil {
			return err
		}
	}
	for ids := d.retry; len(ids) > 0; {
		n := min(len(ids), maxIDs)
		list := make([]string, n)
		for i, id := range ids[:n] {
			list[i] = strings.ReplaceAll(url.QueryEscape(string(id)), "+", "%20")
		}
		ids = ids[n:]
		if _, err := d.page(ctx, "?full=1&ids="+strings.Join(list, ","), out); err != nil {
			return err
		}
	}
	return nil
}

// fetchPages asks for what is newer than since, page after page. One that broke off is asked for
// once more, in small pages; what came of it comes again.
func (d *download) fetchPages(ctx context.Context, out chan<- *batch) error {
	from := "&sort=oldest"
	if newer := d.since; newer > 0 {
		if d.marks.want != nil {
			newer-- // the mark comes too
		}
		from += "&newer=" + newer.String()
	}
	seen := map[string]bool{}
	offset, size := "", d.r.c.page
	for {
		next, err := d.page(ctx, "?full=1&limit="+strconv.Itoa(size)+from+offset, out)
		if size > smallPage && errors.Is(err, errBrokeOff) && !errors.Is(err, ErrProtocol) && ctx.Err() == nil {
			size = smallPage
			continue
		}
		if err != nil || next == "" {
			return err
		}
		// A server that names an old offset again would never let the download end.
		if seen[next] {
			return protocolError("download "+d.collection, "its pages go round in a circle")
		}
		if len(next) > maxOffset {
			return protocolError("download "+d.collection, fmt.Sprintf("the name of its next page has %d bytes", len(next)))
		}
		if pages := d.r.c.bounds.records / smallPage * 2; len(seen) > pages {
			return protocolError("download "+d.collection, fmt.Sprintf("it has more than %d pages", pages))
		}
		seen[next] = true
		offset = "&offset=" + url.QueryEscape(next)
	}
}

// page reads one answer and returns the offset of the next.
func (d *download) page(ctx context.Context, query string, out chan<- *batch) (next string, err error) {
	doing := "download " + d.collection
	req := request{method: http.MethodGet, path: collectionPath(d.collection) + query, doing: doing, accept: newlines}
	if d.at > 0 {
		req.unmodifiedSince = &d.at
	}
	resp, err := d.r.c.do(ctx, req)
	if err != nil {
		return "", err
	}
	defer drain(resp)
	at, err := lastModified(doing, resp)
	if err != nil {
		return "", err
	}
	switch {
	case d.at == 0:
		d.at = at
	case d.at != at:
		// The server let a change through that the precondition should have caught.
		return "", &conflictError{doing}
	}
	if err := d.records(ctx, doing, resp, out); err != nil {
		return "", err
	}
	return resp.Header.Get("X-Weave-Next-Offset"), nil
}

// records cuts the body of an answer into batches.
func (d *download) records(ctx context.Context, doing string, resp *http.Response, out chan<- *batch) error {
	var b *batch
	total := 0
	add := func(line []byte) error {
		if most := d.r.c.bounds.records; d.received == most {
			return protocolError(doing, fmt.Sprintf("it brings more than %d records", most))
		}
		d.received++
		if b == nil {
			select {
			case b = <-d.free:
				b.raw, b.ends = b.raw[:0], b.ends[:0]
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		b.raw = append(b.raw, line...)
		b.ends = append(b.ends, len(b.raw))
		total++
		if len(b.ends) < batchRecords && len(b.raw) < batchBytes {
			return nil
		}
		full := b
		b = nil
		return pass(ctx, out, full)
	}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	read := readLines
	if mediaType != newlines {
		read = readArray
	}
	body := &bounded{Reader: resp.Body, read: &d.size, most: d.r.c.bounds.bytes}
	if err := read(doing, body, d.maxLine(), add); err != nil {
		if b != nil && errors.Is(err, errBrokeOff) {
			d.free <- b
		}
		return err
	}
	if n, err := strconv.Atoi(resp.Header.Get("X-Weave-Records")); err == nil && n != total {
		return protocolError(doing, fmt.Sprintf("it announces %d records and brings %d", n, total))
	}
	if b == nil {
		return nil
	}
	return pass(ctx, out, b)
}

// bounded is the decompressed body of one download.
type bounded struct {
	io.Reader
	read *int64 // of the whole download
	most int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if *b.read += int64(n); *b.read > b.most {
		return n, fmt.Errorf("%w: the download has more than %d bytes", ErrProtocol, b.most)
	}
	return n, err
}

// maxLine bounds one record: its payload, with every character escaped, and the
// envelope.
func (d *download) maxLine() int { return 2*max(d.r.limits().MaxRecordPayloadBytes, 1<<20) + 4096 }

func readLines(doing string, body io.Reader, limit int, add func([]byte) error) error {
	r := bufio.NewReaderSize(body, 64<<10)
	var long []byte
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) || len(long) > 0 {
			if long = append(long, line...); len(long) > limit {
				return protocolError(doing, "it holds a record larger than the server's own limit")
			}
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			line = long
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return brokeOff(doing, err)
		}
		if len(line) > 1 {
			if addErr := add(line); addErr != nil {
				return addErr
			}
		}
		long = long[:0]
		if err != nil {
			return nil
		}
	}
}

func readArray(doing string, body io.Reader, _ int, add func([]byte) error) error {
	text, err := io.ReadAll(io.LimitReader(body, maxArray+1))
	switch {
	case err != nil:
		return brokeOff(doing, err)
	case len(text) > maxArray:
		return protocolError(doing, "it is far larger than what was asked for")
	}
	err = rawjson.Array(text, add)
	if errors.Is(err, rawjson.ErrSyntax) {
		return protocolError(doing, "it is not a list of records")
	}
	return err
}
