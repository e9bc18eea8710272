package storage

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/rawjson"
)

// The API's bounds of a record's numbers.
const (
	maxTTL       = 999_999_999
	maxSortIndex = 999_999_999
)

// errBody means that a body is not a list of records.
var errBody = errors.New("not a list of records")

// errUnicode means that a body contains text that could not be sent back as it came.
var errUnicode = fmt.Errorf("%w: text that is not Unicode", errBody)

// upload is the body of a POST.
type upload struct {
	changes []Change
	failed  []failure
	bytes   int // of the payloads in changes
	limits  bso.Limits
	seen    map[string]struct{} // the IDs so far
	next    parsed              // the record that is being read
}

// failure is a record that is not stored, and why.
type failure struct {
	id     string
	reason string
}

// The reasons that clients know. They may send the record again in another request.
const (
	retryBytes   = "retry bytes"
	retryRecords = "retry bso"
)

// parseUpload reads the body of a POST: a JSON array of records or, if lines is
// set, a record on each line. Payloads are part of body, which it overwrites.
// A record that is invalid or over a limit goes to failed. The whole body is refused
// if the failures cannot be told apart by ID.
func parseUpload(body []byte, lines bool, limits bso.Limits) (*upload, error) {
	if !rawjson.Unicode(body) {
		return nil, errUnicode
	}
	u := &upload{limits: limits, seen: make(map[string]struct{}), next: newParsed()}
	if !lines {
		return u, rawjson.Objects(body, u.next.field, u.add)
	}
	for line := range bytes.Lines(body) {
		if err := rawjson.Object(line, u.next.field); err != nil {
			return nil, err
		}
		if err := u.add(); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// add puts the record that was read into changes or failed.
func (u *upload) add() error {
	r := u.next
	u.next = newParsed()
	if !r.hasID {
		return fmt.Errorf("%w: a record without an id", errBody)
	}
	id := string(r.id)
	if _, twice := u.seen[id]; twice {
		return fmt.Errorf("%w: an id comes twice", errBody)
	}
	u.seen[id] = struct{}{}
	if r.change.ID = bso.ID(id); !r.change.ID.Valid() {
		r.invalid("invalid id")
	}
	size := len(r.change.Payload)
	switch {
	case r.reason != "":
	case size > u.limits.MaxRecordPayloadBytes, u.bytes+size > u.limits.MaxPostBytes:
		r.reason = retryBytes
	case len(u.changes) >= u.limits.MaxPostRecords:
		r.reason = retryRecords
	default:
		u.bytes += size
		u.changes = append(u.changes, r.change)
		return nil
	}
	u.failed = append(u.failed, failure{id, r.reason})
	return nil
}

// parseRecord reads the body of a PUT: one record. Its ID is that of the path; one in the
// body is ignored. The payload is part of body, which it overwrites.
func parseRecord(body []byte, id bso.ID) (Change, error) {
	if !rawjson.Unicode(body) {
		return Change{}, errUnicode
	}
	r := newParsed()
	if err := rawjson.Object(body, r.field); err != nil {
		return Change{}, err
	}
	if r.reason != "" {
		return Change{}, fmt.Errorf("%w: %s", errBody, r.reason)
	}
	r.change.ID = id
	return r.change, nil
}

// parsed is an object that should be one record. reason says what is wrong with
// it, or is "".
type parsed struct {
	change Change
	id     []byte
	hasID  bool
	reason string
}

func newParsed() parsed { return parsed{change: Change{Payload: []byte{}}} }

// invalid notes what is wrong, unless something was noted before.
func (r *parsed) invalid(reason string) {
	if r.reason == "" {
		r.reason = reason
	}
}

// field reads one member. A string overwrites the text that it is read from.
func (r *parsed) field(name, value []byte) (err error) {
	c := &r.change
	switch string(name) {
	case "id":
		if value[0] != '"' || r.hasID {
			return fmt.Errorf("%w: an id that is not one string", errBody)
		}
		r.hasID = true
		r.id, err = rawjson.AppendUnquoted(value[1:1], value)
	case "payload":
		r.once(FieldPayload, "payload")
		switch value[0] {
		case '"':
			c.Payload, err = rawjson.AppendUnquoted(value[1:1], value)
		case 'n': // null
		default:
			r.invalid("invalid payload")
		}
	case "sortindex":
		r.once(FieldSortIndex, "sortindex")
		c.SortIndex = r.integer(value, "invalid sortindex", -maxSortIndex, maxSortIndex)
	case "ttl":
		r.once(FieldTTL, "ttl")
		c.TTL = r.integer(value, "invalid ttl", 0, maxTTL)
	case "modified", "collection":
		// Clients send back what they received. The server ignores it.
	default:
		r.invalid("unknown field")
	}
	return err
}

// once notes that a field was sent. A record that has it twice is invalid.
func (r *parsed) once(f Fields, name string) {
	if r.change.Fields&f != 0 {
		r.invalid("duplicate " + name)
	}
	r.change.Fields |= f
}

// integer reads a whole number from low to high, or null.
func (r *parsed) integer(value []byte, reason string, low, high int64) (n sql.Null[int64]) {
	if string(value) == "null" {
		return n
	}
	i, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil || i < low || i > high {
		r.invalid(reason)
	}
	return sql.Null[int64]{V: i, Valid: true}
}

// knownBad reports whether a payload was encrypted with an IV of zeros, by a client
// with broken cryptography. In the collection crypto it would lock out every
// device. Mozilla's servers refuse it too.
func knownBad(payload []byte) bool {
	for {
		_, rest, found := bytes.Cut(payload, []byte(`IV":`))
		if !found {
			return false
		}
		if bytes.HasPrefix(bytes.TrimLeft(rest, " \t\r\n"), []byte(`"AAAAAAAAAAAAAAAAAAAAAA==`)) {
			return true
		}
		payload = rest
	}
}
