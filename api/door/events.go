package door

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/api"
)

// maxEventID bounds the header Last-Event-ID.
const maxEventID = 64

// events sends events until the client goes.
func (d *door) events(w http.ResponseWriter, r *http.Request, caller Client) error {
	if r.Method != http.MethodGet {
		w.Header().Set("Allow", http.MethodGet)
		return &api.Error{Code: api.CodeMethod, Message: "events are read with GET"}
	}
	after := r.Header.Get("Last-Event-ID")
	if len(after) > maxEventID {
		return &api.Error{Code: api.CodeInvalid, Message: "the Last-Event-ID is not one of an event"}
	}
	leave, err := enter(d.readers)
	if err != nil {
		return err
	}
	defer leave()

	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	// The place is fixed before the client hears that it is connected.
	sequence := d.Service.Events().Read(ctx, caller.Rights, after)
	read := make(chan api.Event)
	go func() {
		defer close(read)
		for v := range sequence {
			select {
			case read <- v:
			case <-ctx.Done():
				return
			}
		}
	}()

	out := d.writer(w)
	out.kind = "text/event-stream"
	out.buffer.WriteString(": connected\n\n")
	beat := time.NewTicker(d.Heartbeat)
	defer beat.Stop()
	for out.send(true) == nil {
		select {
		case v, ok := <-read:
			if !ok || out.event(v) != nil {
				return nil
			}
		case <-beat.C:
			// A client that was removed, or has other rights now, connects again.
			if now, err := d.identify(r); err != nil || !same(now.Rights, caller.Rights) {
				return nil
			}
			out.buffer.WriteString(":\n\n")
		}
	}
	return nil
}

func same(a, b api.Rights) bool {
	return a.Write == b.Write && a.Secrets == b.Secrets && slices.Equal(a.Engines, b.Engines)
}

// event puts an event into the buffer.
func (o *writer) event(v api.Event) error {
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(&o.buffer, "id: %s\nevent: %s\ndata: %s\n\n", v.ID, v.Type, data)
	return err
}
