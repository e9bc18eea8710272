package node

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"
)

// Ending says which of an account's tokens are still good. The server sends it after some of them ended.
type Ending struct {
	Account string `json:"account"`
	// Before is when the server looked: tokens that were made later are good.
	Before time.Time `json:"before"`
	// UID is the account's storage; 0: it has none any more.
	UID int64 `json:"uid,omitempty"`
	// Live is what good tokens are bound to.
	Live []string `json:"live,omitempty"`
}

// MaxEndings is the most that one request tells.
const MaxEndings = 100

// booted is the answer to endings.
type booted struct {
	Boot string `json:"boot"`
}

var errEndings = errors.New("it is not a list of accounts whose tokens ended")

func (h *handler) ended(mux *http.ServeMux) {
	mux.HandleFunc("POST "+Prefix+"ended", h.signed(func(w http.ResponseWriter, _ *http.Request, _ int64, body []byte) error {
		var all []Ending
		if err := json.Unmarshal(body, &all); err != nil || len(all) > MaxEndings {
			return errEndings
		}
		if err := h.Ended(all); err != nil {
			return err
		}
		return json.NewEncoder(w).Encode(booted{h.Boot})
	}))
}

// Ended tells the node which tokens have ended. It returns a name of the node's process, which knows what it was told; another
// process knows nothing of it.
func (c *Client) Ended(ctx context.Context, all []Ending) (boot string, err error) {
	if all == nil {
		all = []Ending{}
	}
	body, err := json.Marshal(all)
	if err != nil {
		return "", err
	}
	var out booted
	err = c.call(ctx, http.MethodPost, "ended", nil, body, &out)
	return out.Boot, err
}
