// Package jsonnotes is an example of an engine: notes in one JSON file, which is replaced as
// a whole. It uses package engine only, and is meant to be read together with that package's
// comment. A real app would use package collection, or a database.
//
// A record is {"id","name","text"}. Two records with the same name are the same note.
package jsonnotes

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"sync"

	"github.com/syncmanager/syncmanager/engine"
)

// Engine stores the user's notes and their sync state. It is safe for concurrent use.
type Engine struct {
	engine.ChangeNotifier // announces the user's changes, so that a sync can start

	mu   sync.Mutex
	path string
	Disk
}

// Disk is all that the file holds: the user's data and the state of the sync, so
// that a copied or restored file never lies about what it synced. A payload that is not
// there is left out of the file: null would be read back as a payload.
type Disk struct {
	Association engine.Association
	Since       engine.Timestamp
	Notes       map[engine.ID]*Note
	// Staged holds downloaded records until Merge.
	Staged map[engine.ID]Staged
	// Sent is the snapshot of what is uploaded. It is kept until the next Merge, because the
	// server may have stored a batch whose response was lost.
	Sent map[engine.ID]Sent
	// Deletions are those that the server knows. A larger store bounds their number and age.
	Deletions map[engine.ID]Deletion
	// Attempts counts how often each unreadable record was fetched.
	Attempts map[engine.ID]int
	// Unknown are the records that a later version of the app wrote. What is here of one
	// does not go up until a version reads it.
	Unknown map[engine.ID]Staged
}

// Note is the local and the remote state of a record.
type Note struct {
	// Local is what the user sees; nil: it was deleted, and a tombstone is due.
	Local json.RawMessage `json:",omitempty"`
	// Mirror is what the server last had; nil: it is not known to be there.
	Mirror json.RawMessage `json:",omitempty"`
	// Modified is when the server had it.
	Modified engine.Timestamp
	// Changes counts the user's edits that are not on the server. Refused is the value of
	// Changes when the server refused the record permanently.
	Changes, Refused int
}

// Deletion is the server time at which a note was deleted, and the account.
type Deletion struct {
	Account string
	At      engine.Timestamp
}

// Staged is a record that came. With neither Payload nor Err it is a tombstone; with both
// it is one that a later version of the app wrote.
type Staged struct {
	Payload  json.RawMessage `json:",omitempty"`
	Modified engine.Timestamp
	Err      string
}

// Sent is an uploaded record, and the number of changes in it.
type Sent struct {
	Payload json.RawMessage `json:",omitempty"`
	Changes int
}

// Open opens the notes in the file at path, which need not exist.
func Open(path string) (*Engine, error) {
	e := &Engine{path: path}
	return e, e.load()
}

// load reads the file.
func (e *Engine) load() error {
	e.clear()
	raw, err := os.ReadFile(e.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, &e.Disk)
}

func (e *Engine) clear() {
	e.Disk = Disk{
		Notes: map[engine.ID]*Note{}, Staged: map[engine.ID]Staged{}, Sent: map[engine.ID]Sent{},
		Deletions: map[engine.ID]Deletion{}, Attempts: map[engine.ID]int{}, Unknown: map[engine.ID]Staged{},
	}
}

// Do runs f as a transaction: where it fails or panics, all is as it was. Every method is
// one, and none calls another: between two calls of a sync nothing is held, and the user's
// edits come in.
func (e *Engine) Do(ctx context.Context, f func() error) (err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, e.load())
		}
	}()
	if err := f(); err != nil {
		return err
	}
	raw, err := json.Marshal(e.Disk)
	if err != nil {
		return err
	}
	// A killed process leaves either the old file or the new one.
	if err := os.WriteFile(e.path+".new", raw, 0o600); err != nil {
		return err
	}
	err = os.Rename(e.path+".new", e.path)
	kept = err == nil
	return err
}

// edit runs f as a transaction, and announces the user's change.
func (e *Engine) edit(ctx context.Context, f func() error) error {
	if err := e.Do(ctx, f); err != nil {
		return err
	}
	e.Notify()
	return nil
}

// Put adds a note, or replaces the one with its ID, for the user.
func (e *Engine) Put(ctx context.Context, id engine.ID, payload []byte) error {
	return e.edit(ctx, func() error {
		n := e.Notes[id]
		if n == nil {
			n = &Note{}
			e.Notes[id] = n
		}
		n.Local = payload
		n.Changes++
		return nil
	})
}

// Delete deletes a note for the user.
func (e *Engine) Delete(ctx context.Context, id engine.ID) error {
	return e.edit(ctx, func() error { e.remove(id); return nil })
}

// remove removes a note. It leaves a tombstone to upload if the server may have the note.
func (e *Engine) remove(id engine.ID) {
	n := e.Notes[id]
	sent, maybe := e.Sent[id]
	switch {
	case n == nil:
		return
	case n.Mirror == nil && maybe:
		n.Mirror = sent.Payload
	case n.Mirror == nil:
		delete(e.Notes, id)
		return
	}
	n.Local = nil
	n.Changes++
}

// Field returns a text field of a record, or "" if there is none.
func Field(payload []byte, name string) string {
	var o map[string]any
	if json.Unmarshal(payload, &o) != nil {
		return ""
	}
	text, _ := o[name].(string)
	return text
}
