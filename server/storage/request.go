package storage

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/syncmanager/syncmanager/bso"
)

// resource is a kind of thing that a path names.
type resource int

const (
	root          resource = iota // /1.5/<uid>
	store                         // …/storage
	infoTimes                     // …/info/collections
	infoCounts                    // …/info/collection_counts
	infoUsage                     // …/info/collection_usage
	infoQuota                     // …/info/quota
	configuration                 // …/info/configuration
	infoEvents                    // …/info/events
	collection                    // …/storage/<collection>
	record                        // …/storage/<collection>/<id>
)

var infos = map[string]resource{
	"collections":       infoTimes,
	"collection_counts": infoCounts,
	"collection_usage":  infoUsage,
	"quota":             infoQuota,
	"configuration":     configuration,
	"events":            infoEvents,
}

// target is what a path names.
type target struct {
	uid        int64
	resource   resource
	collection string
	id         bso.ID
}

// request is a request whose path, headers and query were parsed.
type request struct {
	*http.Request
	target
	condition
	query values
}

// parsePath parses an escaped path. An ID in it may contain an escaped slash.
func parsePath(prefix, path string) (t target, err error) {
	rest, ok := strings.CutPrefix(path, prefix+"/1.5/")
	if !ok {
		return t, notFound
	}
	user, rest, _ := strings.Cut(rest, "/")
	if t.uid, ok = parseUID(user); !ok {
		return t, notFound
	}
	// A slash after the user's number is ignored. Any other slash at the end is before a
	// name, which is empty.
	if rest == "" {
		t.resource = root
		return t, nil
	}
	switch area, rest, more := strings.Cut(rest, "/"); {
	case area == "info" && more:
		if t.resource, ok = infos[rest]; !ok {
			return t, notFound
		}
		return t, nil
	case area == "storage" && !more:
		t.resource = store
		return t, nil
	case area == "storage":
		return t, t.parseStored(rest)
	}
	return t, notFound
}

// parseStored takes the part of a path apart that names a collection, or a record in it.
func (t *target) parseStored(path string) (err error) {
	name, rest, hasID := strings.Cut(path, "/")
	if strings.Contains(rest, "/") {
		return notFound
	}
	t.resource = collection
	if t.collection, err = url.PathUnescape(name); err != nil || !bso.ValidCollection(t.collection) {
		return badCollection
	}
	if !hasID {
		return nil
	}
	t.resource = record
	id, err := url.PathUnescape(rest)
	if t.id = bso.ID(id); err != nil || !t.id.Valid() {
		return badRequest
	}
	return nil
}

// parseUID reads a user's number in its one canonical form.
func parseUID(s string) (int64, bool) {
	uid, err := strconv.ParseInt(s, 10, 64)
	return uid, err == nil && uid >= 0 && strconv.FormatInt(uid, 10) == s
}

// values are the parameters of a query.
type values map[string]string

// parseValues parses a query. "+" is a plus sign, since clients do not encode
// IDs. Of several parameters with one name, the first counts.
func parseValues(raw string) (values, error) {
	v := values{}
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		name, err := url.PathUnescape(name)
		if err != nil {
			return nil, badRequest
		}
		if value, err = url.PathUnescape(value); err != nil {
			return nil, badRequest
		}
		if _, twice := v[name]; !twice {
			v[name] = value
		}
	}
	return v, nil
}

// condition is what X-If-Modified-Since and X-If-Unmodified-Since ask for. A
// nil time asks for nothing.
type condition struct {
	modifiedSince, unmodifiedSince *bso.Timestamp
}

func parseCondition(h http.Header) (c condition, err error) {
	if c.modifiedSince, err = timeHeader(h, "X-If-Modified-Since"); err != nil {
		return c, err
	}
	if c.unmodifiedSince, err = timeHeader(h, "X-If-Unmodified-Since"); err != nil {
		return c, err
	}
	if c.modifiedSince != nil && c.unmodifiedSince != nil {
		return c, badRequest
	}
	return c, nil
}

func timeHeader(h http.Header, name string) (*bso.Timestamp, error) {
	all := h.Values(name)
	if len(all) == 0 {
		return nil, nil
	}
	t, err := bso.ParseTimestamp(all[0])
	if err != nil || len(all) > 1 {
		return nil, badRequest
	}
	return &t, nil
}

// check returns an error if the condition does not hold for a last-modified time.
func (q *request) check(modified bso.Timestamp) error {
	switch {
	case q.unmodifiedSince != nil && modified > *q.unmodifiedSince:
		return &unmet{http.StatusPreconditionFailed, modified}
	case q.modifiedSince != nil && modified <= *q.modifiedSince && q.Method != http.MethodPut &&
		q.Method != http.MethodPost && q.Method != http.MethodDelete:
		return &unmet{http.StatusNotModified, modified}
	}
	return nil
}

// acceptsLines reports whether a client wants a record on each line rather than
// a JSON array; many says whether the resource has both forms.
func acceptsLines(accept []string, many bool) (bool, error) {
	if strings.Trim(strings.Join(accept, ""), " \t,") == "" {
		return false, nil
	}
	best, lines := 0.0, false
	for item := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, params, _ := strings.Cut(item, ";")
		weight := 1.0
		for p := range strings.SplitSeq(params, ";") {
			if q, ok := strings.CutPrefix(strings.TrimSpace(p), "q="); ok {
				w, err := strconv.ParseFloat(q, 64)
				if err != nil {
					w = 0
				}
				weight = w
			}
		}
		if weight <= best {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(media)) {
		case "application/json", "application/*", "*/*":
			best, lines = weight, false
		case linesType:
			best, lines = weight, many
		}
	}
	if best == 0 {
		return false, notAcceptable
	}
	return lines, nil
}

// The content types of bodies.
const (
	jsonType  = "application/json"
	linesType = "application/newlines"
	textType  = "text/plain"
)

// contentLines reports whether a body has a record on each line. Firefox sends its JSON
// as text/plain.
func contentLines(h http.Header) (lines bool, err error) {
	media, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(media)) {
	case jsonType, textType:
		return false, nil
	case linesType:
		return true, nil
	}
	return false, unsupported
}
