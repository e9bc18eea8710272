package storage

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/syncmanager/syncmanager/bso"
)

// parseQuery reads the parameters of a listing. Unknown ones are ignored.
func parseQuery(q *request) (list Query, err error) {
	list.Collection = q.collection
	_, full := q.query["full"]
	list.IDsOnly = !full
	if list.IDs, err = parseIDs(q.query); err != nil {
		return list, err
	}
	list.Older = AnyTime
	for name, into := range map[string]*bso.Timestamp{"newer": &list.Newer, "older": &list.Older} {
		if text, ok := q.query[name]; ok {
			if *into, err = bso.ParseTimestamp(text); err != nil {
				return list, badRequest
			}
		}
	}
	switch q.query["sort"] {
	case "", "oldest":
		list.Sort = SortOldest
	case "newest":
		list.Sort = SortNewest
	case "index":
		list.Sort = SortIndex
	default:
		return list, badRequest
	}
	if text, ok := q.query["limit"]; ok {
		if list.Limit, err = strconv.ParseInt(text, 10, 64); err != nil || list.Limit < 1 {
			return list, badRequest
		}
	}
	if text, ok := q.query["offset"]; ok {
		if list.After, err = parseToken(text, list.Sort); err != nil {
			return list, err
		}
	}
	return list, nil
}

// parseIDs reads the list of IDs, nil if there is none.
func parseIDs(v values) ([]bso.ID, error) {
	text, ok := v["ids"]
	if !ok {
		return nil, nil
	}
	ids := []bso.ID{}
	for id := range strings.SplitSeq(text, ",") {
		if id = strings.TrimSpace(id); id == "" {
			continue
		}
		if len(ids) == MaxIDs || !bso.ID(id).Valid() {
			return nil, badRequest
		}
		ids = append(ids, bso.ID(id))
	}
	return ids, nil
}

// token returns the position as clients send it back. It is valid for that order.
func (p *Position) token(order Sort) string {
	b := binary.AppendVarint([]byte{byte(order)}, p.Key)
	return base64.RawURLEncoding.EncodeToString(append(b, p.ID...))
}

// parseToken is the inverse of token. A forged token does no harm: a listing has only the
// user's own records, wherever it starts.
func parseToken(text string, order Sort) (*Position, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < 2 || b[0] != byte(order) {
		return nil, badRequest
	}
	key, n := binary.Varint(b[1:])
	if n <= 0 || !bso.ID(b[1+n:]).Valid() {
		return nil, badRequest
	}
	return &Position{Key: key, ID: bso.ID(b[1+n:])}, nil
}
