package sync15

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"net/http"
	"slices"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/rawjson"
	"github.com/syncmanager/syncmanager/seal"
)

// The collections that are not sealed with the keys of crypto/keys: meta is in
// the clear, and crypto sealed with the account's own key.
const (
	metaCollection   = "meta"
	cryptoCollection = "crypto"
)

// Record is a record as the service holds it, and its decrypted content.
type Record struct {
	ID bso.ID
	// Modified is when it was stored last.
	Modified bso.Timestamp
	// SortIndex is its weight in the collection, or nil.
	SortIndex *int
	// TTL is how many seconds the service is to keep the record; 0: for ever, or as before. It
	// is not set in a record that was read.
	TTL int
	// Sealed is the payload as it is stored.
	Sealed string
	// Cleartext is the decrypted payload, a JSON object. It is nil if the record was requested
	// sealed, or cannot be decrypted; Err says why.
	Cleartext []byte
	Err       error
}

// Collection says what the service holds of a collection.
type Collection struct {
	Name string `json:"name"`
	// Records counts its records and Bytes their payloads; nil: the service does not
	// say.
	Records *int   `json:"records"`
	Bytes   *int64 `json:"bytes"`
	// Modified is when somebody wrote to it last.
	Modified bso.Timestamp `json:"modified"`
}

// Records reads and writes single records on the service, outside any sync and without engines.
// It does not set anything up. It shares its [Client]'s token, keys and waiting times.
type Records struct{ r *Run }

// OpenRecords reads the list of collections, which takes one request.
func (c *Client) OpenRecords(ctx context.Context) (*Records, error) {
	info, _, err := c.infoCollections(ctx)
	if errors.Is(err, ErrReassigned) {
		info, _, err = c.infoCollections(ctx)
	}
	if err != nil {
		return nil, err
	}
	return &Records{&Run{c: c, info: info}}, nil
}

// Collections lists the collections by name.
func (rs *Records) Collections(ctx context.Context) ([]Collection, error) {
	var counts map[string]int
	if err := rs.info(ctx, "collection_counts", &counts); err != nil {
		return nil, err
	}
	var usage map[string]float64 // in units of 1024 bytes
	if err := rs.info(ctx, "collection_usage", &usage); err != nil {
		return nil, err
	}
	list := make([]Collection, 0, len(rs.r.info))
	for _, name := range slices.Sorted(maps.Keys(rs.r.info)) {
		c := Collection{Name: name, Modified: rs.r.info[name]}
		if n, ok := counts[name]; ok {
			c.Records = &n
		}
		if kib, ok := usage[name]; ok {
			n := int64(math.Round(kib * 1024))
			c.Bytes = &n
		}
		list = append(list, c)
	}
	return list, nil
}

// info reads one of the info resources into v. It is not an error if the server does not have
// it.
func (rs *Records) info(ctx context.Context, name string, v any) error {
	doing := "read info/" + name
	resp, err := rs.r.c.do(ctx, request{method: http.MethodGet, path: "/info/" + name, doing: doing})
	if isNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	body, err := small(doing, resp, maxSmall)
	if err != nil {
		return err
	}
	if json.Unmarshal(body, v) != nil {
		return protocolError(doing, "it is not a list of collections")
	}
	return nil
}

// List yields the records of a collection as they arrive, the oldest first: memory does not
// grow with the collection. With sealed, records are not decrypted; otherwise a record that
// cannot be decrypted has its Err, and the list continues. An error ends the list:
// [ErrNoCollection], or [ErrChanged] if somebody wrote to the collection meanwhile.
func (rs *Records) List(ctx context.Context, collection string, sealed bool) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		o, err := rs.opener(ctx, collection, sealed)
		if err != nil {
			yield(Record{}, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		lines := make(chan *batch)
		var fetched error
		go func() {
			defer close(lines)
			fetched = o.d.fetch(ctx, lines)
		}()
		defer func() {
			cancel()
			for range lines { // until fetch has ended
			}
		}()
		for b := range lines {
			from := 0
			for _, end := range b.ends {
				rec, err := rs.read(ctx, o, b.raw[from:end], sealed)
				if !yield(rec, err) || err != nil {
					return
				}
				from = end
			}
			o.d.free <- b
		}
		if isConflict(fetched) {
			fetched = fmt.Errorf("list %s: %w", collection, ErrChanged)
		}
		if fetched != nil {
			yield(Record{}, fetched)
		}
	}
}

// Get reads one record. With sealed, it is not decrypted. The error wraps [ErrNoRecord] or
// [ErrNoCollection] if it does not exist. A record that cannot be decrypted is returned with
// its Err set.
func (rs *Records) Get(ctx context.Context, collection string, id bso.ID, sealed bool) (Record, error) {
	if err := checkID(id); err != nil {
		return Record{}, err
	}
	o, err := rs.opener(ctx, collection, sealed)
	if err != nil {
		return Record{}, err
	}
	doing := "read " + collection + "/" + string(id)
	resp, err := rs.r.c.do(ctx, request{method: http.MethodGet, path: bsoPath(collection, id), doing: doing})
	if err != nil {
		return Record{}, missing(err, doing)
	}
	body, err := small(doing, resp, int64(o.d.maxLine()))
	if err != nil {
		return Record{}, err
	}
	return rs.read(ctx, o, body, sealed)
}

// missing returns err, or ErrNoRecord if err means that.
func missing(err error, doing string) error {
	if isNotFound(err) {
		return fmt.Errorf("%s: %w", doing, ErrNoRecord)
	}
	return err
}

// opener prepares reading a collection that exists.
func (rs *Records) opener(ctx context.Context, collection string, sealed bool) (*opener, error) {
	if _, there := rs.r.info[collection]; !there {
		return nil, fmt.Errorf("%w: %.64q", ErrNoCollection, collection)
	}
	if err := rs.learnLimits(ctx); err != nil {
		return nil, err
	}
	d := &download{r: rs.r, collection: collection, pages: true, free: make(chan *batch, 2)}
	for range cap(d.free) {
		d.free <- &batch{}
	}
	var err error
	if !sealed {
		d.keys, err = rs.bundle(ctx, collection)
	}
	return &opener{d: d}, err
}

// learnLimits reads the server's limits unless they are known.
func (rs *Records) learnLimits(ctx context.Context) error {
	c := rs.r.c
	if c.state.Limits != nil {
		return nil
	}
	limits, err := c.limits(ctx)
	if err == nil {
		c.mu.Lock()
		c.state.Limits = &limits
		c.mu.Unlock()
	}
	return err
}

// bundle returns the keys that a collection is sealed with; nil if it is not sealed.
func (rs *Records) bundle(ctx context.Context, collection string) (*seal.Bundle, error) {
	c := rs.r.c
	switch collection {
	case metaCollection:
		return nil, nil
	case cryptoCollection:
		return c.syncBundle(ctx)
	}
	if c.state.Keys == nil || rs.r.info[cryptoCollection] != c.state.CryptoAt {
		err := c.readKeys(ctx, 0)
		if errors.As(err, new(*freshStart)) {
			return nil, ErrNoStorage
		}
		if err != nil {
			return nil, err
		}
	}
	return rs.r.bundle(collection)
}

// read decodes a record from its envelope. An error concerns more than this record.
func (rs *Records) read(ctx context.Context, o *opener, envelope []byte, sealed bool) (Record, error) {
	var e struct {
		ID        bso.ID        `json:"id"`
		Modified  bso.Timestamp `json:"modified"`
		SortIndex *int          `json:"sortindex"`
		Payload   *string       `json:"payload"`
	}
	if err := json.Unmarshal(envelope, &e); err != nil || !e.ID.Valid() || e.Payload == nil {
		return Record{}, protocolError("read "+o.d.collection, "it is not a record")
	}
	rec := Record{ID: e.ID, Modified: e.Modified, SortIndex: e.SortIndex, Sealed: *e.Payload}
	if sealed {
		return rec, nil
	}
	o.payload = append(o.payload[:0], rec.Sealed...)
	var clear []byte
	var err error
	switch o.d.collection {
	case metaCollection:
		if clear = []byte(rec.Sealed); rawjson.Object(clear, func(_, _ []byte) error { return nil }) != nil {
			rec.Err = fmt.Errorf("%w: it is not a JSON object", seal.ErrPayload)
		}
	case cryptoCollection:
		clear, rec.Err = o.d.keys.Open(nil, o.payload)
	default:
		clear, _, rec.Err, err = o.unseal(ctx, nil, rec.ID)
	}
	if rec.Err == nil {
		rec.Cleartext = clear
	}
	return rec, err
}

func checkID(id bso.ID) error {
	if !id.Valid() {
		return fmt.Errorf("%.80q cannot be a record's ID: it has 1 to %d printable ASCII characters", string(id), bso.MaxIDLength)
	}
	return nil
}
