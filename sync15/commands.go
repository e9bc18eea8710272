package sync15

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/seal"
)

// Command is a command that waits in this device's record.
type Command struct {
	// Name is the name on the wire: "wipeEngine", "resetEngine", "resetAll", "logout".
	Name string `json:"command"`
	// Args are its arguments; the first usually names an engine.
	Args []string `json:"args"`
	// FlowID identifies the command on all devices, or is "".
	FlowID string `json:"flowID,omitempty"`
	// Effects say what the command did here, one for each engine.
	Effects []Effect `json:"effects,omitempty"`
	// Err is why it was not carried out, or nil.
	Err error `json:"-"`
}

// Effect is what a command did to an engine's data.
type Effect struct {
	Engine string `json:"engine"`
	// Did is "wiped" or "reset".
	Did string `json:"did"`
	// Removed counts the items that went from this device, Kept those that stayed: after
	// a wipe, what no other device has. Nil: the engine cannot tell.
	Removed *int `json:"removed,omitempty"`
	Kept    *int `json:"kept,omitempty"`
}

// maxDone is how many commands are remembered as carried out.
const maxDone = 500

// again reports whether a command was carried out in an earlier sync. One without a flow ID
// cannot be told from another of its kind.
func (s *clientsState) carriedOut(cmd Command) bool {
	return cmd.FlowID != "" && slices.Contains(s.Done, cmd.doneAs())
}

// note remembers a command that was carried out.
func (s *clientsState) noteCarriedOut(cmd Command) {
	if cmd.FlowID == "" {
		return
	}
	s.Done = append(s.Done, cmd.doneAs())
	if over := len(s.Done) - maxDone; over > 0 {
		s.Done = slices.Delete(s.Done, 0, over)
	}
}

// doneAs returns a short key, however long the text of the other device is.
func (c Command) doneAs() string {
	sum := sha256.Sum256([]byte(c.FlowID + "\n" + c.Name))
	return base64.RawStdEncoding.EncodeToString(sum[:12])
}

// Outbound is a command for another device.
type Outbound struct {
	To     bso.ID   `json:"to"`
	Name   string   `json:"name"`
	Args   []string `json:"args"`
	FlowID string   `json:"flowID"`
}

// runCommands carries out the commands of this device's record and returns those to keep: the
// ones that no engine here knows. One that was carried out in an earlier sync, or that is in a
// record older than what this device wrote, came back with a restored server and is removed.
// applied holds what was carried out in an earlier round of this sync.
func (r *Run) runCommands(ctx context.Context, commands []json.RawMessage, apply Apply, applied map[string]bool, out *Clients) (kept []json.RawMessage, done int, err error) {
	r.c.state.Clients.Waiting = false
	for _, raw := range commands {
		if applied[string(raw)] {
			done++
			continue
		}
		cmd, ok := parseCommand(raw)
		if !ok {
			kept = append(kept, raw)
			continue
		}
		if r.c.state.Clients.carriedOut(cmd) {
			r.c.cfg.Log.Warn("a command that was carried out already is back", "command", cmd.Name)
			done++
			continue
		}
		known, err := apply(ctx, &cmd)
		if ctxErr := ctx.Err(); ctxErr != nil {
			return nil, 0, ctxErr
		}
		if !known {
			r.c.state.Clients.Waiting = r.c.state.Clients.Waiting || err != nil
			kept = append(kept, raw)
			continue
		}
		// A command that failed is not tried again at each sync: the user is told.
		applied[string(raw)] = true
		r.c.state.Clients.noteCarriedOut(cmd)
		done++
		cmd.Err = err
		out.Applied = append(out.Applied, cmd)
	}
	return kept, done, nil
}

// parseCommand reads a command; ok is false if it is not one. Arguments that are not strings
// stay JSON text.
func parseCommand(raw json.RawMessage) (cmd Command, ok bool) {
	var c struct {
		Command string            `json:"command"`
		Args    []json.RawMessage `json:"args"`
		FlowID  string            `json:"flowID"`
	}
	if json.Unmarshal(raw, &c) != nil || c.Command == "" {
		return cmd, false
	}
	cmd = Command{Name: c.Command, FlowID: c.FlowID, Args: []string{}}
	for _, a := range c.Args {
		var s string
		if json.Unmarshal(a, &s) != nil {
			s = string(a)
		}
		cmd.Args = append(cmd.Args, s)
	}
	return cmd, true
}

func (o Outbound) wire() json.RawMessage {
	args := o.Args
	if args == nil {
		// Other clients always expect a list.
		args = []string{}
	}
	text, _ := json.Marshal(map[string]any{"command": o.Name, "args": args, "flowID": o.FlowID})
	return text
}

// address puts the outbox's commands into the records of their target devices. waiting has
// those for which the record has no space left yet.
func (r *Run) address() (changed []engine.Outgoing, waiting, undelivered []Outbound, sent int) {
	s := &r.c.state.Clients
	limit := min(maxClientPayload, r.limits().MaxRecordPayloadBytes)
	payloads := map[bso.ID][]byte{}
	var order []bso.ID
	for _, o := range s.Outbox {
		rec, known := s.Records[o.To]
		if !known || o.To == s.Self {
			undelivered = append(undelivered, o)
			continue
		}
		payload := payloads[o.To]
		if payload == nil {
			payload = rec.Payload
		}
		next, added := addCommand(payload, o)
		switch {
		case !added:
			// The same command is already waiting there.
			sent++
		case seal.SealedSize(len(next)) > limit:
			waiting = append(waiting, o)
		default:
			if payloads[o.To] == nil {
				order = append(order, o.To)
			}
			payloads[o.To] = next
			sent++
		}
	}
	for _, id := range order {
		changed = append(changed, engine.Outgoing{ID: id, Payload: payloads[id], TTL: clientsTTL})
	}
	return changed, waiting, undelivered, sent
}

// addCommand appends a command to a device's record and keeps everything else in it. added is
// false if the same command is there already.
func addCommand(record []byte, o Outbound) (next []byte, added bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(record, &fields) != nil {
		return record, false
	}
	var list []json.RawMessage
	_ = json.Unmarshal(fields["commands"], &list)
	for _, raw := range list {
		if c, ok := parseCommand(raw); ok && c.Name == o.Name && slices.Equal(c.Args, o.Args) {
			return record, false
		}
	}
	list = append(list, o.wire())
	fields["commands"], _ = json.Marshal(list)
	next, err := json.Marshal(fields)
	return next, err == nil && !bytes.Equal(next, record)
}
