package node

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

// What an operator asks of the storages of a node.

// Storages are the storages of a node, for its operator.
type Storages interface {
	// States is [storage.Backend.States].
	States(ctx context.Context, visit func(storage.State) error) error
	// Examine reads a user's file from end to end; see [storage.FilePerUser].
	Examine(ctx context.Context, uid int64) error
	// SetAside moves a user's file to the folder set-aside of the data folder. Without a file it returns
	// an error that wraps fs.ErrNotExist.
	SetAside(ctx context.Context, uid int64) error
	// Compact is that of [storage.FilePerUser].
	Compact(ctx context.Context, uid int64) (before, after int64, err error)
}

var _ Storages = (*Client)(nil)

// longTimeout bounds a request that reads or writes a whole file.
const longTimeout = 10 * time.Minute

// stateLine is a line of the list of storages. The last one has End, the number of the others.
type stateLine struct {
	UID      int64  `json:"uid,omitempty"`
	Bytes    int64  `json:"bytes,omitempty"`
	Disk     int64  `json:"disk,omitempty"`
	Modified int64  `json:"modified,omitempty"`
	Error    string `json:"error,omitempty"`
	Kind     string `json:"kind,omitempty"`
	End      *int64 `json:"end,omitempty"`
}

// result is the body of an answer that takes long. It begins before it is known how the work ends.
type result struct {
	failure
	Before int64 `json:"before,omitempty"`
	After  int64 `json:"after,omitempty"`
}

func (h *handler) operate(mux *http.ServeMux) {
	mux.HandleFunc("GET "+Prefix+"states", h.signed(func(w http.ResponseWriter, r *http.Request, _ int64, _ []byte) error {
		return h.states(r.Context(), w)
	}))
	long := func(pattern string, f func(ctx context.Context, uid int64, out *result) error) {
		mux.HandleFunc(pattern, h.signed(func(w http.ResponseWriter, r *http.Request, uid int64, _ []byte) error {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			var out result
			if err := f(r.Context(), uid, &out); err != nil {
				out.failure = failureOf(err)
			}
			_ = json.NewEncoder(w).Encode(out)
			return nil
		}))
	}
	long("POST "+Prefix+"examine", func(ctx context.Context, uid int64, _ *result) error { return h.Storages.Examine(ctx, uid) })
	long("POST "+Prefix+"set-aside", func(ctx context.Context, uid int64, _ *result) error { return h.Storages.SetAside(ctx, uid) })
	long("POST "+Prefix+"compact", func(ctx context.Context, uid int64, out *result) (err error) {
		out.Before, out.After, err = h.Storages.Compact(ctx, uid)
		return err
	})
}

// states writes a line for each storage, as it is found.
func (h *handler) states(ctx context.Context, w http.ResponseWriter) error {
	out := bufio.NewWriter(w)
	lines, n := json.NewEncoder(out), int64(0)
	err := h.Storages.States(ctx, func(st storage.State) error {
		n++
		line := stateLine{UID: st.UID, Bytes: st.Bytes, Disk: st.Disk, Modified: int64(st.Modified)}
		if st.Err != nil {
			f := failureOf(st.Err)
			line.Error, line.Kind = f.Error, f.Kind
		}
		return lines.Encode(line)
	})
	if err == nil {
		err = lines.Encode(stateLine{End: &n})
	}
	if err = errors.Join(err, out.Flush()); err != nil {
		h.Log.ErrorContext(ctx, "the storages cannot be listed", "err", err)
		panic(http.ErrAbortHandler) // the list lacks its end, and so does the connection
	}
	return nil
}

// States implements [Storages]. It fails if the list was cut.
func (c *Client) States(ctx context.Context, visit func(storage.State) error) error {
	ctx, cancel := context.WithTimeout(ctx, longTimeout)
	defer cancel()
	res, err := c.do(ctx, http.MethodGet, "states", nil, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxAnswer)
	for n := int64(0); lines.Scan(); n++ {
		var line stateLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			break
		}
		if line.End != nil {
			if *line.End != n {
				break
			}
			return nil
		}
		st := storage.State{UID: line.UID, Bytes: line.Bytes, Disk: line.Disk, Modified: bso.Timestamp(line.Modified)}
		if line.Error != "" {
			st.Err = failure{line.Error, line.Kind}.err()
		}
		if err := visit(st); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w: %w", c.url, ErrAway, err)
	}
	return fmt.Errorf("%s: %w: its list of storages was cut", c.url, ErrAway)
}

// long sends a request whose answer takes long.
func (c *Client) long(ctx context.Context, what string, query url.Values) (out result, err error) {
	ctx, cancel := context.WithTimeout(ctx, longTimeout)
	defer cancel()
	res, err := c.do(ctx, http.MethodPost, what, query, nil)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	if err := c.decode(res, &out); err != nil {
		return out, err
	}
	if out.Error != "" {
		return out, fmt.Errorf("%s: %w", c.url, out.err())
	}
	return out, nil
}

// Examine implements [Storages].
func (c *Client) Examine(ctx context.Context, uid int64) error {
	_, err := c.long(ctx, "examine", user(uid))
	return err
}

// SetAside implements [Storages].
func (c *Client) SetAside(ctx context.Context, uid int64) error {
	_, err := c.long(ctx, "set-aside", user(uid))
	return err
}

// Compact implements [Storages].
func (c *Client) Compact(ctx context.Context, uid int64) (before, after int64, err error) {
	out, err := c.long(ctx, "compact", user(uid))
	return out.Before, out.After, err
}

// failureOf returns an error as an answer has it.
func failureOf(err error) failure {
	out := failure{Error: err.Error()}
	for kind, is := range kinds {
		if errors.Is(err, is) {
			out.Kind = kind
		}
	}
	return out
}

// err returns what failureOf was given, as far as a client can test for it.
func (f failure) err() error {
	if kind := kinds[f.Kind]; kind != nil {
		return &known{f.Error, kind}
	}
	return errors.New(f.Error)
}

// known is an error of a node that a client can test for.
type known struct {
	text string
	kind error
}

func (k *known) Error() string { return k.text }
func (k *known) Unwrap() error { return k.kind }
