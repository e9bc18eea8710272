package sync15

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/seal"
)

const (
	clientsCollection = "clients"
	// clientsTTL is how long the server keeps a device's record, in seconds. The device writes
	// it again each week.
	clientsTTL      = 15_552_000
	clientsInterval = 7 * 24 * time.Hour
	// maxClientPayload bounds a device's record, in bytes, as Firefox does.
	maxClientPayload = 512 << 10
	// maxClients and maxClientBytes bound what is kept of the devices, and maxCommands how many
	// commands of a record are read, because the sync state holds them all.
	maxClients     = 500
	maxClientBytes = 4 << 20
	maxCommands    = 1000
)

// Device describes the app on this device to the account's other devices.
type Device struct {
	// Name is what the user calls it: "Ann's laptop".
	Name string
	// Type is "desktop", "mobile", "tablet", "tv" or "vr".
	Type string
	// Application and AppPackage name the app: "Notes", "org.example.notes".
	Application, AppPackage string
	// OS is the system: "Linux".
	OS string
	// Version is the app's version.
	Version string
}

// clientsState is what a Client remembers of the account's devices.
type clientsState struct {
	// Self is the ID of this device's record.
	Self bso.ID `json:"self,omitempty"`
	// Seen is the collection's time up to which Records are complete.
	Seen bso.Timestamp `json:"seen,omitempty"`
	// Uploaded is when this device's record was written last, and Described what
	// it said.
	Uploaded  time.Time       `json:"uploaded,omitzero"`
	Described json.RawMessage `json:"described,omitempty"`
	// Records are the devices' records, this one's included.
	Records map[bso.ID]clientRecord `json:"records,omitempty"`
	// AccountIDs are the devices that the accounts server knows; nil: unknown.
	AccountIDs []string `json:"accountIDs,omitempty"`
	// Waiting says that a command in this device's record waits for the user's confirmation.
	Waiting bool `json:"waiting,omitempty"`
	// Unfinished says that a due write did not happen after the collection was read, so the
	// next sync must write even if the collection did not change.
	Unfinished bool `json:"unfinished,omitempty"`
	// Written is the server's time of this device's record as it was written last. Done
	// are the last commands that were carried out here; see clientsState.carriedOut.
	Written bso.Timestamp `json:"written,omitempty"`
	Done    []string      `json:"done,omitempty"`
	// Outbox holds commands that wait to be sent.
	Outbox []Outbound `json:"outbox,omitempty"`
}

// clientRecord is one record of the clients collection.
type clientRecord struct {
	Modified bso.Timestamp   `json:"modified"`
	Payload  json.RawMessage `json:"payload"`
}

// clientFields are the fields of a client record that this package uses.
type clientFields struct {
	Name        string            `json:"name"`
	Type        string            `json:"type"`
	Version     string            `json:"version"`
	OS          string            `json:"os"`
	Application string            `json:"application"`
	AccountID   string            `json:"fxaDeviceId"`
	Commands    []json.RawMessage `json:"commands"`
}

// Clients is the result of [Run.SyncClients].
type Clients struct {
	// Applied lists the commands that were carried out here, or failed.
	Applied []Command
	// Sent counts the commands that are in other devices' records now; Undelivered lists those
	// for devices that no longer exist.
	Sent        int
	Undelivered []Outbound
	// Joined says that this device's record was written for the first time, and Changed are the IDs with the accounts server of
	// the devices whose records got commands: these are to be notified.
	Joined  bool
	Changed []string
}

// Apply carries out a command that another device sent; with an error and done false, the
// command waits and is tried again at the next sync. done is false without an error if no
// engine here knows the command. It notes in cmd.Effects what was done.
type Apply func(ctx context.Context, cmd *Command) (done bool, err error)

// SyncClients keeps this device's record in the account and reads the others', carries out the
// commands that wait here and delivers those in the outbox. It makes no request if nothing
// changed and nothing is due.
func (r *Run) SyncClients(ctx context.Context, device Device, apply Apply) (Clients, error) {
	var out Clients
	s := &r.c.state.Clients
	if s.Self == "" {
		s.Self = bso.NewGUID(r.c.cfg.Rand)
	}
	described, err := r.describe(device)
	if err != nil {
		return out, err
	}
	due := !bytes.Equal(described, s.Described) || r.c.cfg.Now().Sub(s.Uploaded) >= clientsInterval
	if !due && len(s.Outbox) == 0 && !s.Waiting && !s.Unfinished && s.Seen != 0 && r.info[clientsCollection] == s.Seen {
		return out, nil
	}
	r.c.progress("", "clients", 0)
	s.Unfinished = true
	applied := map[string]bool{}
	for range maxRounds {
		err = r.clientsRound(ctx, described, due, apply, applied, &out)
		if !isConflict(err) {
			return out, err
		}
		if r.info, _, err = r.c.infoCollections(ctx); err != nil {
			return out, err
		}
	}
	return out, ErrConflict
}

// describe returns this device's record without commands.
func (r *Run) describe(d Device) ([]byte, error) {
	return json.Marshal(map[string]any{
		"id": r.c.state.Clients.Self, "name": d.Name, "type": cmp.Or(d.Type, "desktop"), "version": d.Version, "protocols": []string{"1.5"},
		"os": d.OS, "appPackage": d.AppPackage, "application": d.Application, "fxaDeviceId": r.c.cfg.Account.DeviceID(),
	})
}

func (r *Run) clientsRound(ctx context.Context, described []byte, due bool, apply Apply, applied map[string]bool, out *Clients) error {
	s := &r.c.state.Clients
	at, there := r.info[clientsCollection]
	switch {
	case !there:
		s.Records, s.Seen = map[bso.ID]clientRecord{}, 0
	case at != s.Seen:
		if err := r.readClients(ctx); err != nil {
			return err
		}
		at = s.Seen
	}
	changed, err := r.ownRecord(ctx, described, due, apply, applied, out)
	if err != nil {
		return err
	}
	deliveries, waiting, undelivered, sent := r.address()
	changed = append(changed, deliveries...)
	if len(changed) > 0 {
		first := s.Written == 0
		if err := r.uploadClients(ctx, changed, described, at); err != nil {
			return err
		}
		out.Joined = out.Joined || first && s.Written > 0
		for _, d := range deliveries {
			var fields clientFields
			if json.Unmarshal(d.Payload, &fields) == nil && fields.AccountID != "" {
				out.Changed = append(out.Changed, fields.AccountID)
			}
		}
	}
	s.Outbox, s.Unfinished = waiting, false
	out.Sent += sent
	out.Undelivered = append(out.Undelivered, undelivered...)
	return nil
}

// ownRecord carries out the commands in this device's record, and returns the record if
// it has to be written.
func (r *Run) ownRecord(ctx context.Context, described []byte, due bool, apply Apply, applied map[string]bool, out *Clients) ([]engine.Outgoing, error) {
	s := &r.c.state.Clients
	mine, have := s.Records[s.Self]
	var fields clientFields
	_ = json.Unmarshal(mine.Payload, &fields)
	if have && mine.Modified < s.Written {
		r.c.cfg.Log.Warn("this device's record on the server is an old one; its commands are not carried out", "commands", len(fields.Commands))
		fields.Commands, due = nil, true
	}
	if len(fields.Commands) > maxCommands {
		r.c.cfg.Log.Warn("this device's record holds more commands than can be; the oldest are left out", "commands", len(fields.Commands))
		fields.Commands, due = fields.Commands[len(fields.Commands)-maxCommands:], true
	}
	kept, done, err := r.runCommands(ctx, fields.Commands, apply, applied, out)
	if err != nil || !due && have && done == 0 {
		return nil, err
	}
	payload, err := r.withCommands(described, mine.Payload, kept)
	if err != nil {
		return nil, err
	}
	return []engine.Outgoing{{ID: s.Self, Payload: payload, TTL: clientsTTL}}, nil
}

// uploadClients writes devices' records if nobody wrote to the collection after at.
func (r *Run) uploadClients(ctx context.Context, records []engine.Outgoing, described []byte, at bso.Timestamp) error {
	s := &r.c.state.Clients
	keys, err := r.bundle(clientsCollection)
	if err != nil {
		return err
	}
	box := &clientsOutbox{state: s, records: records}
	u := &upload{r: r, collection: clientsCollection, keys: keys, session: box, at: at, total: &Stats{}}
	if err := u.run(ctx); err != nil {
		return err
	}
	if len(box.refused) > 0 {
		return fmt.Errorf("the record of device %s was refused by the server: %s", box.refused[0].ID, box.refused[0].Reason)
	}
	s.Seen = u.at
	r.info[clientsCollection] = u.at
	if box.stored[s.Self] {
		s.Uploaded, s.Described, s.Written = r.c.cfg.Now(), described, s.Records[s.Self].Modified
	}
	return nil
}

// readClients reads all devices' records, and asks the accounts server which
// devices still are the account's.
func (r *Run) readClients(ctx context.Context) error {
	s := &r.c.state.Clients
	keys, err := r.bundle(clientsCollection)
	if err != nil {
		return err
	}
	read := clientRecords{r: r, records: map[bso.ID]clientRecord{}}
	d := &download{r: r, collection: clientsCollection, pages: true, keys: keys}
	err = d.run(ctx, func(_ context.Context, page []engine.Incoming) error {
		for _, in := range page {
			read.take(in)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if read.left > 0 {
		r.c.cfg.Log.Warn("the account has more devices, or larger records of them, than can be; some are left out", "left", read.left)
	}
	s.Records, s.Seen = read.records, d.at
	err = r.c.RefreshDevices(ctx)
	if errors.As(err, new(*AuthError)) {
		return err
	}
	if err != nil {
		r.c.cfg.Log.Warn("the accounts server does not list the devices", "err", err)
	}
	return nil
}

// RefreshDevices asks the accounts server which devices the account has, for [State.Devices]. It
// makes no request to the storage. No other method may run at the same time. The error is an
// *[AuthError] if the account refuses this device.
func (c *Client) RefreshDevices(ctx context.Context) error {
	ids, err := c.cfg.Account.DeviceIDs(ctx)
	if err != nil {
		return accountError(err)
	}
	c.state.Clients.AccountIDs = ids
	return nil
}

// clientRecords has the devices' records of a download, within bounds.
type clientRecords struct {
	r       *Run
	records map[bso.ID]clientRecord
	size    int // of the other devices' records, in bytes
	left    int // how many were left out
}

func (c *clientRecords) take(in engine.Incoming) {
	switch {
	case in.Err != nil:
		c.r.c.cfg.Log.Warn("a device's record cannot be read", "id", in.ID, "err", in.Err)
		return
	case in.Tombstone():
		return
	case in.ID == c.r.c.state.Clients.Self: // is there whatever others wrote
		if len(in.Payload) > maxClientPayload {
			return // it is written again
		}
	case len(in.Payload) > maxClientPayload || len(c.records) >= c.r.c.bounds.clients || c.size+len(in.Payload) > maxClientBytes:
		c.left++
		return
	default:
		c.size += len(in.Payload)
	}
	c.records[in.ID] = clientRecord{in.Modified, bytes.Clone(in.Payload)}
}

// withCommands is record with these commands, and with the fields that others added to had, the
// record as it was. If it would be too large for a record, the oldest commands are left out.
func (r *Run) withCommands(record, had []byte, commands []json.RawMessage) ([]byte, error) {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(had, &fields)
	if err := json.Unmarshal(record, &fields); err != nil || fields == nil {
		return nil, fmt.Errorf("a device's record is malformed: %w", err)
	}
	limit := min(maxClientPayload, r.limits().MaxRecordPayloadBytes)
	for {
		delete(fields, "commands")
		if len(commands) > 0 {
			list, err := json.Marshal(commands)
			if err != nil {
				return nil, err
			}
			fields["commands"] = list
		}
		text, err := json.Marshal(fields)
		if err != nil || seal.SealedSize(len(text)) <= limit || len(commands) == 0 {
			return text, err
		}
		commands = commands[1:]
	}
}

// clientsOutbox feeds the records that changed to an upload.
type clientsOutbox struct {
	state   *clientsState
	records []engine.Outgoing
	next    int
	stored  map[bso.ID]bool
	refused []engine.Refusal
}

func (b *clientsOutbox) Outgoing(_ context.Context, max int) ([]engine.Outgoing, error) {
	n := min(max, len(b.records)-b.next)
	page := b.records[b.next : b.next+n]
	b.next += n
	return page, nil
}

func (b *clientsOutbox) Uploaded(_ context.Context, receipt engine.Receipt) error {
	b.refused = append(b.refused, receipt.Refused...)
	for _, rec := range b.records {
		if slices.Contains(receipt.Stored, rec.ID) {
			if b.state.Records == nil { // an empty map is not in the state that was saved
				b.state.Records = map[bso.ID]clientRecord{}
			}
			b.state.Records[rec.ID] = clientRecord{receipt.At, rec.Payload}
			if b.stored == nil {
				b.stored = map[bso.ID]bool{}
			}
			b.stored[rec.ID] = true
		}
	}
	return nil
}

// devices implements [State.Devices].
func (s *clientsState) devices() []engine.Device {
	newest := map[string]engine.Device{}
	for id, rec := range s.Records {
		var f clientFields
		if json.Unmarshal(rec.Payload, &f) != nil {
			continue
		}
		d := engine.Device{
			ID: id, AccountID: f.AccountID, Name: f.Name, Type: f.Type, Application: f.Application, OS: f.OS, Version: f.Version,
			Modified: rec.Modified, Local: id == s.Self,
		}
		if !d.Local && f.AccountID != "" && s.AccountIDs != nil && !slices.Contains(s.AccountIDs, f.AccountID) {
			continue
		}
		key := cmp.Or(f.AccountID, "record "+string(id))
		if have, ok := newest[key]; !ok || d.Local || d.Modified > have.Modified && !have.Local {
			newest[key] = d
		}
	}
	var list []engine.Device
	for _, d := range newest {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b engine.Device) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
	return list
}
