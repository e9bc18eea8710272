// Package articles is an example of an engine of one's own on package flat: a list of
// articles to read, in the format of another program. It uses public packages alone.
//
// A record is {"id", "url", "title", "added", "state": {"read", "progress"}}. "added" is in
// seconds since 1970. Two records with the same URL are the same article.
package articles

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/flat"
)

// Article is something to read.
type Article struct {
	ID    engine.ID
	URL   string
	Title string
	// Added is when the user added it, in seconds.
	Added    time.Time
	Read     bool
	Progress int // in percent
}

// record is an Article in the format of the wire.
type record struct {
	ID    engine.ID `json:"id"`
	URL   string    `json:"url"`
	Title string    `json:"title,omitempty"`
	Added int64     `json:"added"`
	State state     `json:"state"`
}

type state struct {
	Read     bool `json:"read"`
	Progress int  `json:"progress,omitempty"`
}

// MarshalJSON writes the article as it goes over the wire.
func (a Article) MarshalJSON() ([]byte, error) {
	return json.Marshal(record{a.ID, a.URL, a.Title, a.Added.Unix(), state{a.Read, a.Progress}})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (a *Article) UnmarshalJSON(raw []byte) error {
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return errors.New("it is not an article")
	}
	*a = Article{r.ID, r.URL, r.Title, time.Unix(r.Added, 0).UTC(), r.State.Read, r.State.Progress}
	return nil
}

// Engine is the list of articles on this device. It is safe for concurrent use.
type Engine struct{ *flat.Engine[Article] }

// Open opens the articles in c.Path. With c.Key they are encrypted at rest.
func Open(ctx context.Context, c engine.StoreConfig) (*Engine, error) {
	c = c.WithDefaults()
	store, err := flat.Open(ctx, flat.Schema[Article]{
		Collection: "example-articles",
		TTL:        180 * 24 * time.Hour,
		Fields:     []string{"id", "url", "title", "added", "state.read", "state.progress"},
		ID:         func(a *Article) *engine.ID { return &a.ID },
		Nested:     []flat.Nested{{Name: "state"}},
		Valid:      valid,
		Same:       func(a Article) string { return a.URL },
		Complete: func(a, old *Article) error {
			if old == nil && a.Added.IsZero() {
				a.Added = c.Now()
			}
			a.Added = a.Added.Truncate(time.Second).UTC()
			return nil
		},
	}, c)
	if err != nil {
		return nil, err
	}
	return &Engine{store}, nil
}

func valid(a Article) error {
	if u, err := url.Parse(a.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return &engine.FieldError{Field: "url", Reason: errors.New("its URL is not one of the web")}
	}
	return nil
}

// MarkRead notes that the user read the article.
func (e *Engine) MarkRead(ctx context.Context, id engine.ID) error {
	return e.Edit(ctx, func(tx *flat.Tx[Article]) error {
		a, err := tx.Get(id)
		if err != nil {
			return err
		}
		a.Read, a.Progress = true, 100
		return tx.Update(&a)
	})
}
