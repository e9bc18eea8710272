package storage

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/syncmanager/syncmanager/bso"
)

// The wire's bounds of a record's numbers.
const (
	maxTTL       = 999_999_999
	maxSortIndex = 999_999_999
)

// errBody means that a body is no list of records at all.
var errBody = errors.New("not a list of records")

// upload is what a POST brought.
type upload struct {
	changes []Change
	failed  []failure
	bytes   int // of the payloads in changes
}

// failure is a record that is not stored, and why.
type failure struct {
	id     string
	reason string
}

// The reasons that clients know: the record may be sent again in another request.
const (
	retryBytes   = "retry bytes"
	retryRecords = "retry bso"
)

// parseUpload reads the body of a POST: a JSON array of records or, if lines is
// set, a record on each line. Payloads are part of body, which it overwrites.
// A record that is invalid or over a limit goes to failed; the body as a whole
// is refused when that cannot be told for each record by its ID.
func parseUpload(body []byte, lines bool, limits bso.Limits) (*upload, error) {
	u := &upload{}
	seen := make(map[string]struct{})
	next := u.array(body)
	if lines {
		next = u.lines(body)
	}
	for {
		s, err := next()
		if err != nil {
			return nil, err
		}
		if s == nil {
			return u, nil
		}
		r, err := s.record()
		if err != nil {
			return nil, err
		}
		if !r.hasID {
			return nil, fmt.Errorf("%w: a record without an id", errBody)
		}
		if _, twice := seen[string(r.id)]; twice {
			return nil, fmt.Errorf("%w: an id comes twice", errBody)
		}
		id := string(r.id)
		seen[id] = struct{}{}
		r.change.ID = bso.ID(id)
		if r.reason == "" && !r.change.ID.Valid() {
			r.reason = "invalid id"
		}
		u.add(id, r, limits)
	}
}

// add files a record under changes or failed.
func (u *upload) add(id string, r parsed, limits bso.Limits) {
	size := len(r.change.Payload)
	switch {
	case r.reason != "":
	case size > limits.MaxRecordPayloadBytes, u.bytes+size > limits.MaxPostBytes:
		r.reason = retryBytes
	case len(u.changes) >= limits.MaxPostRecords:
		r.reason = retryRecords
	default:
		u.bytes += size
		u.changes = append(u.changes, r.change)
		return
	}
	u.failed = append(u.failed, failure{id, r.reason})
}

// array returns a function that moves on to the next element of the array in
// body, and returns nil behind the last one.
func (u *upload) array(body []byte) func() (*scanner, error) {
	s := &scanner{text: body}
	n := -1
	return func() (*scanner, error) {
		if n++; n == 0 {
			if err := s.take('['); err != nil {
				return nil, err
			}
		}
		more, err := s.more(']', n)
		if err != nil || more {
			return s, err
		}
		return nil, s.end()
	}
}

// lines is like array for a body with a record on each line.
func (u *upload) lines(body []byte) func() (*scanner, error) {
	var s *scanner
	return func() (*scanner, error) {
		if s != nil {
			if err := s.end(); err != nil {
				return nil, err
			}
		}
		if len(body) == 0 {
			return nil, nil
		}
		var line []byte
		line, body, _ = bytes.Cut(body, []byte{'\n'})
		s = &scanner{text: line}
		return s, nil
	}
}

// end fails unless only white space is left.
func (s *scanner) end() error {
	if s.peek(); s.at < len(s.text) {
		return errSyntax
	}
	return nil
}

// parseRecord reads the body of a PUT: one record, whose ID the path gives.
func parseRecord(body []byte, id bso.ID) (Change, error) {
	s := &scanner{text: body}
	r, err := s.record()
	if err != nil {
		return Change{}, err
	}
	if err := s.end(); err != nil {
		return Change{}, err
	}
	if r.hasID && string(r.id) != string(id) {
		return Change{}, fmt.Errorf("%w: its id is not that of the path", errBody)
	}
	if r.reason != "" {
		return Change{}, fmt.Errorf("%w: %s", errBody, r.reason)
	}
	r.change.ID = id
	return r.change, nil
}

// parsed is one record as it came. reason says what is wrong with it, if
// anything is.
type parsed struct {
	change Change
	id     []byte
	hasID  bool
	reason string
}

// invalid notes what is wrong; the first complaint stands.
func (r *parsed) invalid(reason string) {
	if r.reason == "" {
		r.reason = reason
	}
}

// record reads an object as a record. It returns an error when the text is not
// an object, and a reason when the object is not a record.
func (s *scanner) record() (r parsed, err error) {
	r.change.Payload = []byte{}
	if err := s.take('{'); err != nil {
		return r, err
	}
	for n := 0; ; n++ {
		more, err := s.more('}', n)
		if !more {
			return r, err
		}
		key, err := s.str()
		if err != nil {
			return r, err
		}
		if err := s.take(':'); err != nil {
			return r, err
		}
		if err := s.field(&r, key); err != nil {
			return r, err
		}
	}
}

// field reads the value of one member into r.
func (s *scanner) field(r *parsed, key []byte) (err error) {
	c := &r.change
	switch string(key) {
	case "id":
		if s.peek() != '"' || r.hasID {
			return fmt.Errorf("%w: an id that is not one string", errBody)
		}
		r.hasID = true
		r.id, err = s.str()
		return err
	case "payload":
		r.once(FieldPayload, "payload")
		switch s.peek() {
		case '"':
			c.Payload, err = s.str()
			return err
		case 'n':
			_, err = s.literal()
			return err
		}
		r.invalid("invalid payload")
		return s.skip(0)
	case "sortindex":
		r.once(FieldSortIndex, "sortindex")
		c.SortIndex, err = s.integer(r, "invalid sortindex", -maxSortIndex, maxSortIndex)
		return err
	case "ttl":
		r.once(FieldTTL, "ttl")
		c.TTL, err = s.integer(r, "invalid ttl", 0, maxTTL)
		return err
	case "modified", "collection":
		// Clients send back what they got; the server knows better.
		return s.skip(0)
	}
	r.invalid("unknown field")
	return s.skip(0)
}

// once notes that a field came, and that it came twice.
func (r *parsed) once(f Fields, name string) {
	if r.change.Fields&f != 0 {
		r.invalid("duplicate " + name)
	}
	r.change.Fields |= f
}

// integer reads a whole number from low to high, or null.
func (s *scanner) integer(r *parsed, reason string, low, high int64) (n sql.Null[int64], err error) {
	if c := s.peek(); c != '-' && c != 'n' && (c < '0' || c > '9') {
		r.invalid(reason)
		return n, s.skip(0)
	}
	word, err := s.literal()
	if err != nil || string(word) == "null" {
		return n, err
	}
	n.V, err = strconv.ParseInt(string(word), 10, 64)
	if err != nil || n.V < low || n.V > high {
		r.invalid(reason)
	}
	n.Valid = true
	return n, nil
}

// knownBad reports whether a payload was sealed with an IV of zeros, by a client
// whose cryptography was broken. In the collection crypto it would lock every
// device out. Mozilla's servers refuse it as well.
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
