package door

import (
	"bytes"
	"encoding/json"
	"errors"
	"iter"
	"net/http"

	"github.com/syncmanager/syncmanager/api"
)

// writer sends an answer. It closes the connection of a client that does not read.
type writer struct {
	d       *door
	w       http.ResponseWriter
	control *http.ResponseController
	status  int
	kind    string
	begun   bool
	buffer  bytes.Buffer
}

func (d *door) writer(w http.ResponseWriter) *writer {
	return &writer{d: d, w: w, control: http.NewResponseController(w), status: http.StatusOK, kind: "application/json"}
}

// send sends what is in the buffer.
func (o *writer) send(flush bool) error {
	if !o.begun {
		o.begun = true
		o.w.Header().Set("Content-Type", o.kind)
		o.w.WriteHeader(o.status)
	}
	if err := o.control.SetWriteDeadline(o.d.Now().Add(o.d.Stall)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_, err := o.w.Write(o.buffer.Bytes())
	o.buffer.Reset()
	if err == nil && flush {
		err = o.control.Flush()
	}
	return err
}

// value sends one value. It returns an error only if nothing was sent.
func (o *writer) value(v any) error {
	if err := json.NewEncoder(&o.buffer).Encode(v); err != nil {
		o.buffer.Reset()
		return err
	}
	_ = o.send(false) // the client is gone
	return nil
}

// sendAt is how many bytes of a stream are sent at once.
const sendAt = 16 << 10

type (
	itemLine struct {
		Item any `json:"item"`
	}
	endLine struct {
		End end `json:"end"`
	}
	end struct {
		Items int `json:"items"`
	}
)

// stream sends items, a few at a time. It returns an error only if nothing was sent.
func (o *writer) stream(items iter.Seq2[any, error]) error {
	o.kind = "application/x-ndjson"
	lines, n := json.NewEncoder(&o.buffer), 0
	for item, err := range items {
		if err == nil {
			err = lines.Encode(itemLine{item})
		}
		if err != nil {
			return o.breakOff(err)
		}
		if n++; o.buffer.Len() >= sendAt {
			if o.send(false) != nil {
				return nil
			}
		}
	}
	if err := lines.Encode(endLine{end{n}}); err != nil {
		return o.breakOff(err)
	}
	_ = o.send(false)
	return nil
}

// breakOff ends a stream with an error, which it returns if nothing was sent.
func (o *writer) breakOff(err error) error {
	if !o.begun {
		o.buffer.Reset()
		return err
	}
	var e *api.Error
	if !errors.As(err, &e) {
		e = &api.Error{Code: api.CodeInternal, Message: err.Error()}
	}
	return o.value(failure{e})
}
