package hawk

import (
	"fmt"
	"strconv"
	"strings"
)

// maxHeader bounds what Parse reads, in bytes. The longest part is a storage token's id,
// of some 250 bytes.
const maxHeader = 4096

// Header is the content of an Authorization header of HAWK.
type Header struct {
	ID    string
	TS    int64 // Unix seconds, by the sender
	Nonce string
	Hash  string // of the payload, or empty
	Ext   string // whatever the application wants signed, or empty
	MAC   string
}

// Parse reads the value of an Authorization header. Every attribute must be known and
// occur once at most; id, ts, nonce and mac are required. The errors
// wrap [ErrHeader] and quote no values of the header.
func Parse(authorization string) (Header, error) {
	if len(authorization) > maxHeader {
		return Header{}, fmt.Errorf("%w: it is over %d bytes long", ErrHeader, maxHeader)
	}
	scheme, rest, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, Scheme) {
		return Header{}, fmt.Errorf("%w: the scheme is not Hawk", ErrHeader)
	}
	var h Header
	var ts string
	rest = strings.Trim(rest, " \t")
	for {
		var err error
		if rest, err = h.readAttribute(rest, &ts); err != nil {
			return Header{}, err
		}
		if rest == "" {
			break
		}
		if rest[0] != ',' {
			return Header{}, fmt.Errorf("%w: a comma is missing", ErrHeader)
		}
		rest = strings.TrimLeft(rest[1:], " \t")
	}
	if h.ID == "" || ts == "" || h.Nonce == "" || h.MAC == "" {
		return Header{}, fmt.Errorf("%w: id, ts, nonce or mac is missing", ErrHeader)
	}
	var err error
	// The MAC covers the number's text, so only its one canonical form is good.
	if h.TS, err = strconv.ParseInt(ts, 10, 64); err != nil || h.TS < 0 || strconv.FormatInt(h.TS, 10) != ts {
		return Header{}, fmt.Errorf("%w: ts is not a number of seconds", ErrHeader)
	}
	return h, nil
}

// readAttribute reads the attribute that text begins with, and returns what follows it and
// the space behind it.
func (h *Header) readAttribute(text string, ts *string) (rest string, err error) {
	name, rest, ok := strings.Cut(text, `="`)
	if !ok {
		return "", fmt.Errorf("%w: an attribute has no quoted value", ErrHeader)
	}
	value, rest, ok := strings.Cut(rest, `"`)
	if !ok || !validValue(value) {
		return "", fmt.Errorf("%w: an attribute's value is empty or has a forbidden character", ErrHeader)
	}
	into := h.attribute(name, ts)
	if into == nil {
		return "", fmt.Errorf("%w: an attribute is unknown", ErrHeader)
	}
	if *into != "" {
		return "", fmt.Errorf("%w: %s is there twice", ErrHeader, name)
	}
	*into = value
	return strings.TrimLeft(rest, " \t"), nil
}

// attribute returns where the value of an attribute goes, or nil if it is unknown. ts takes
// the timestamp, which is a text here.
func (h *Header) attribute(name string, ts *string) *string {
	switch name {
	case "id":
		return &h.ID
	case "ts":
		return ts
	case "nonce":
		return &h.Nonce
	case "hash":
		return &h.Hash
	case "ext":
		return &h.Ext
	case "mac":
		return &h.MAC
	}
	return nil
}

// validValue allows printable ASCII without the backslash (a quote cannot be
// in s), so that no value can add a line to what the MAC covers.
func validValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || s[i] == '\\' {
			return false
		}
	}
	return s != ""
}
