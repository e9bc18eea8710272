package sync15

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/rawjson"
	"github.com/syncmanager/syncmanager/seal"
)

// askAtOnce is how many records an engine is asked for in one call of Outgoing.
const askAtOnce = 250

// maxBatchName bounds the name that a server gives a batch, in bytes.
const maxBatchName = 1 << 10

// upload is the upload of one collection. One goroutine asks the engine for records and seals
// them into posts while another sends the previous post.
type upload struct {
	r          *Run
	collection string
	keys       *seal.Bundle
	total      *Stats

	// calls serializes the calls of session: both goroutines make some.
	calls   sync.Mutex
	session outlet

	// at is the collection's time. The next write fails if it changed.
	at bso.Timestamp
	// batch is the server's name for the open batch, "" for none.
	batch string
	// unbatched is set when the server does not support batches: each post is stored at once.
	unbatched bool
	// open is what the open batch contains so far.
	open settled
	// expires is set when records are uploaded that expire soon.
	expires atomic.Bool
}

// outlet is the part of an engine.Session that an upload needs.
type outlet interface {
	Outgoing(ctx context.Context, max int) ([]engine.Outgoing, error)
	Uploaded(ctx context.Context, r engine.Receipt) error
}

// post is the body of one POST: records in lines.
type post struct {
	body []byte
	ids  []bso.ID
	// ends are where each record's line ends; payloads are the payloads' sizes.
	ends, payloads []int
	bytes          int
}

// settled collects the server's results for the records of one batch.
type settled struct {
	records, bytes int
	stored         []bso.ID
	refused        []engine.Refusal
}

func (u *upload) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	posts := make(chan *post, 1)
	var packed error
	group.Go(func() error {
		defer close(posts)
		packed = u.pack(ctx, posts)
		return packed
	})
	group.Go(func() error {
		next := <-posts
		for p := next; p != nil; p = next {
			next = <-posts
			// The packer also closes the channel when it fails: then the open batch is
			// incomplete and must not be committed.
			if next == nil && packed != nil {
				return packed
			}
			if err := u.send(ctx, p, next == nil || u.overflows(p, next)); err != nil {
				return err
			}
		}
		return nil
	})
	return group.Wait()
}

// overflows reports whether a batch with p has no room for next.
func (u *upload) overflows(p, next *post) bool {
	l := u.r.limits()
	return u.open.records+len(p.ids)+len(next.ids) > l.MaxTotalRecords ||
		u.open.bytes+p.bytes+next.bytes > l.MaxTotalBytes
}

// pack asks the engine for its records, seals them, and fills posts up to the server's limits.
// A record that is too large for any post is reported to the engine and left out.
func (u *upload) pack(ctx context.Context, posts chan<- *post) error {
	k := &packer{upload: u, limits: u.r.limits(), posts: posts, post: &post{}}
	for {
		records, err := u.outgoing(ctx)
		if err != nil {
			return fmt.Errorf("read what changed in %s: %w", u.collection, err)
		}
		if len(records) == 0 {
			return k.emit(ctx)
		}
		for _, rec := range records {
			if err := k.add(ctx, rec); err != nil {
				return err
			}
		}
		if err := k.report(ctx); err != nil {
			return err
		}
	}
}

// packer fills posts with sealed records.
type packer struct {
	*upload
	limits        bso.Limits
	posts         chan<- *post
	post          *post
	payload, line []byte           // reused
	unsent        []engine.Refusal // too large, or not a record
}

// add puts a record into the post, or into the next one if the post has no room.
func (k *packer) add(ctx context.Context, rec engine.Outgoing) (err error) {
	if reason := unfit(&rec); reason != "" {
		k.unsent = append(k.unsent, engine.Refusal{ID: rec.ID, Permanent: true, Reason: reason})
		return nil
	}
	if k.payload, err = k.seal(k.payload[:0], rec); err != nil {
		return err
	}
	k.line = appendEnvelope(k.line[:0], rec, k.payload)
	if rec.TTL > 0 && rec.TTL < expiresSoon {
		k.expires.Store(true)
	}
	if k.fitsNone() {
		k.unsent = append(k.unsent, engine.Refusal{ID: rec.ID, Permanent: true,
			Reason: fmt.Sprintf("it has %d bytes when encrypted, more than the server takes", len(k.payload))})
		return nil
	}
	if k.isFull() {
		if err := k.emit(ctx); err != nil {
			return err
		}
	}
	p := k.post
	p.body = append(p.body, k.line...)
	p.ids = append(p.ids, rec.ID)
	p.ends = append(p.ends, len(p.body))
	p.payloads = append(p.payloads, len(k.payload))
	p.bytes += len(k.payload)
	return nil
}

// unfit returns why an engine's payload cannot be a record, or "" if it can: other devices
// would not read it, or would take it for another record.
func unfit(rec *engine.Outgoing) string {
	if rec.Payload == nil {
		return ""
	}
	named := false
	err := rawjson.Object(rec.Payload, func(key, value []byte) error {
		if string(key) == "id" {
			text, ok := rawjson.Unquoted(value)
			named = ok && string(text) == string(rec.ID)
		}
		return nil
	})
	switch {
	case err != nil:
		return "the engine gave a payload for it that is not a JSON object"
	case !named:
		return "the engine gave a payload for it that does not carry its ID"
	}
	return ""
}

// fitsNone reports whether the record is too large for any post.
func (k *packer) fitsNone() bool {
	l := &k.limits
	return len(k.payload) > min(l.MaxRecordPayloadBytes, l.MaxPostBytes, l.MaxTotalBytes) || len(k.line) > l.MaxRequestBytes
}

// isFull reports whether the post has no room for the record.
func (k *packer) isFull() bool {
	l, p := &k.limits, k.post
	return len(p.ids)+1 > min(l.MaxPostRecords, l.MaxTotalRecords) ||
		p.bytes+len(k.payload) > min(l.MaxPostBytes, l.MaxTotalBytes) || len(p.body)+len(k.line) > l.MaxRequestBytes
}

// emit passes on the post, if it has records, and begins another.
func (k *packer) emit(ctx context.Context) error {
	if len(k.post.ids) == 0 {
		return nil
	}
	select {
	case k.posts <- k.post:
		k.post = &post{}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// report tells the engine which records are not uploaded.
func (k *packer) report(ctx context.Context) error {
	if len(k.unsent) == 0 {
		return nil
	}
	refused := k.unsent
	k.unsent = nil
	return k.uploaded(ctx, engine.Receipt{Refused: refused})
}

func (u *upload) outgoing(ctx context.Context) ([]engine.Outgoing, error) {
	u.calls.Lock()
	defer u.calls.Unlock()
	return u.session.Outgoing(ctx, askAtOnce)
}

// uploaded tells the engine what was stored, even if the context is cancelled: the engine must
// know what is on the server.
func (u *upload) uploaded(ctx context.Context, receipt engine.Receipt) error {
	u.calls.Lock()
	defer u.calls.Unlock()
	u.total.Uploaded += len(receipt.Stored)
	u.total.Refused = append(u.total.Refused, receipt.Refused...)
	if err := u.session.Uploaded(context.WithoutCancel(ctx), receipt); err != nil {
		return fmt.Errorf("note what was uploaded of %s: %w", u.collection, err)
	}
	return nil
}

func (u *upload) seal(dst []byte, rec engine.Outgoing) ([]byte, error) {
	clear := rec.Payload
	if clear == nil {
		clear = tombstone(rec.ID)
	}
	return u.keys.Seal(dst, clear, u.r.c.cfg.Rand)
}

func tombstone(id bso.ID) []byte {
	return append(rawjson.AppendQuoted([]byte(`{"id":`), id), `,"deleted":true}`...)
}

// appendEnvelope appends a record as one line of a POST.
func appendEnvelope(line []byte, rec engine.Outgoing, payload []byte) []byte {
	line = rawjson.AppendQuoted(append(line, `{"id":`...), rec.ID)
	if rec.SortIndex != nil {
		line = strconv.AppendInt(append(line, `,"sortindex":`...), int64(*rec.SortIndex), 10)
	}
	if rec.TTL > 0 {
		line = strconv.AppendInt(append(line, `,"ttl":`...), int64(rec.TTL), 10)
	}
	return append(rawjson.AppendQuoted(append(line, `,"payload":`...), payload), "}\n"...)
}

// everybody is a size that every server and proxy accepts, in bytes. If a smaller request is
// refused as too large, the failure is temporary.
const everybody = 64 << 10

// send posts p, and commits the batch with it if commit is set. A post that is too large for
// the server is sent in halves; a record that is too large alone is refused for good, unless it
// is small.
func (u *upload) send(ctx context.Context, p *post, commit bool) error {
	err := u.trySend(ctx, p, commit)
	if err != nil && !refused(err) {
		u.r.mayHaveFilled(u.collection)
	}
	if !errors.Is(err, errTooLarge) {
		return err
	}
	// The server accepts less than it said, or its limits changed: ask again next time.
	u.r.c.mu.Lock()
	u.r.c.state.Limits = nil
	u.r.c.mu.Unlock()
	if len(p.ids) > 1 {
		first, second := p.halves()
		if err := u.send(ctx, first, false); err != nil {
			return err
		}
		return u.send(ctx, second, commit)
	}
	refusal := engine.Receipt{Refused: []engine.Refusal{{ID: p.ids[0], Reason: errTooLarge.Error(), Permanent: len(p.body) > everybody}}}
	if err := u.uploaded(ctx, refusal); err != nil {
		return err
	}
	if commit && u.batch != "" {
		return u.trySend(ctx, &post{body: []byte{}}, true)
	}
	return nil
}

func (p *post) halves() (*post, *post) {
	n := len(p.ids) / 2
	cut := p.ends[n-1]
	first := &post{body: p.body[:cut:cut], ids: p.ids[:n], ends: p.ends[:n], payloads: p.payloads[:n]}
	second := &post{body: p.body[cut:], ids: p.ids[n:], payloads: p.payloads[n:]}
	for _, end := range p.ends[n:] {
		second.ends = append(second.ends, end-cut)
	}
	for _, half := range []*post{first, second} {
		for _, size := range half.payloads {
			half.bytes += size
		}
	}
	return first, second
}

// query returns the parameters that say which part of the batch a post is.
func (u *upload) query(commit bool) string {
	switch {
	case u.unbatched:
		return ""
	case u.batch == "" && commit:
		return "?batch=true&commit=true"
	case u.batch == "":
		return "?batch=true"
	case commit:
		return "?batch=" + url.QueryEscape(u.batch) + "&commit=true"
	default:
		return "?batch=" + url.QueryEscape(u.batch)
	}
}

func (u *upload) trySend(ctx context.Context, p *post, commit bool) error {
	doing := "upload " + u.collection
	resp, err := u.r.c.do(ctx, request{
		method: http.MethodPost, path: collectionPath(u.collection) + u.query(commit), doing: doing,
		body: p.body, contentType: newlines, unmodifiedSince: &u.at,
	})
	if err != nil {
		return err
	}
	at, timeErr := lastModified(doing, resp)
	body, err := small(doing, resp, maxSmall)
	if err != nil {
		return err
	}
	var answer struct {
		Batch   json.RawMessage            `json:"batch"`
		Success []bso.ID                   `json:"success"`
		Failed  map[bso.ID]json.RawMessage `json:"failed"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return protocolError(doing, "it does not say which records were stored")
	}
	u.open.add(p, answer.Success, answer.Failed)

	if !commit && !u.unbatched {
		if u.batch != "" {
			return nil
		}
		if batch := batchName(answer.Batch); len(batch) > maxBatchName {
			return protocolError(doing, fmt.Sprintf("the name of the batch in it has %d bytes", len(batch)))
		} else if batch != "" {
			u.batch = batch
			return nil
		}
		// The server stored the post as it is.
		u.unbatched = true
	}
	if timeErr != nil {
		return timeErr
	}
	u.at, u.batch = at, ""
	receipt := engine.Receipt{At: at, Stored: u.open.stored, Refused: u.open.refused}
	u.open = settled{}
	written := mark{At: at, IDs: receipt.Stored}
	if u.expires.Load() {
		written.IDs = nil
	}
	u.r.setMark(u.collection, written)
	err = u.uploaded(ctx, receipt)
	u.r.c.progress(u.collection, "upload", u.total.Uploaded)
	return err
}

// batchName returns the name for the URL: servers send a string or a number.
func batchName(raw json.RawMessage) string {
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return name
	}
	if string(raw) == "null" {
		return ""
	}
	return string(raw)
}

// add records the server's answer to a post. A record that it did not mention was not stored.
func (s *settled) add(p *post, success []bso.ID, failed map[bso.ID]json.RawMessage) {
	s.records += len(p.ids)
	s.bytes += p.bytes
	stored := make(map[bso.ID]bool, len(success))
	for _, id := range success {
		stored[id] = true
	}
	for _, id := range p.ids {
		raw, refused := failed[id]
		switch {
		case refused:
			reason := reasonText(raw)
			s.refused = append(s.refused, engine.Refusal{ID: id, Reason: reason, Permanent: !strings.HasPrefix(reason, "retry")})
		case stored[id]:
			s.stored = append(s.stored, id)
		default:
			s.refused = append(s.refused, engine.Refusal{ID: id, Reason: "the server did not say that it stored it"})
		}
	}
}

// reasonText is the server's reason: a string, or a list of them.
func reasonText(raw json.RawMessage) string {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return shorten(one)
	}
	var many []string
	if json.Unmarshal(raw, &many) == nil {
		return shorten(strings.Join(many, ", "))
	}
	return "the server refused it"
}

func shorten(s string) string {
	if len(s) > 200 {
		s = s[:200]
	}
	return strings.ToValidUTF8(s, "\ufffd")
}
