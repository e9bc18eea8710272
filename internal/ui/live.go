package ui

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/syncmanager/syncmanager/api"
)

const (
	// heartbeat is the pause between two signs of life.
	heartbeat = 20 * time.Second
	// maxReaders bounds how many tabs are told at once.
	maxReaders = 32
)

// news is what the page's script is told.
type news struct {
	// Text says what a sync does; "": none runs.
	Text string `json:"text"`
	// Changed says that what the page shows may have changed.
	Changed bool `json:"changed,omitempty"`
}

func newsOf(v api.Event) (n news) {
	switch v.Type {
	case api.EventSyncBegun:
		n.Text = "Syncing"
	case api.EventSyncProgress:
		n.Text = progress(*v.Progress)
	default:
		n.Changed = true
	}
	return n
}

// live tells the page's script of syncs and changes, as server-sent events.
func (s *Server) live(w http.ResponseWriter, q *request) error {
	ctx := q.Context()
	if s.readers.Add(1) > maxReaders {
		s.readers.Add(-1)
		return &api.Error{Code: api.CodeTooMany, Message: "too many tabs have this page open"}
	}
	defer s.readers.Add(-1)
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // nothing more is read
	w.Header().Set("Content-Type", "text/event-stream")
	sequence := s.Service.Events().Read(ctx, api.NoSecrets, "")
	events := make(chan api.Event)
	go func() {
		defer close(events)
		for v := range sequence {
			select {
			case events <- v:
			case <-ctx.Done():
				return
			}
		}
	}()
	send := func(text string) bool {
		if _, err := fmt.Fprint(w, text); err != nil {
			return false
		}
		return control.Flush() == nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for ok := send(": connected\n\n"); ok; {
		select {
		case v, more := <-events:
			if !more {
				return nil
			}
			data, err := json.Marshal(newsOf(v))
			if err != nil {
				return nil
			}
			ok = send("data: " + string(data) + "\n\n")
		case <-beat.C:
			if _, _, err := s.identify(q.Request); err != nil {
				return nil // the session ended; the next request says so
			}
			ok = send(":\n\n")
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
