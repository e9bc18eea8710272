package storage

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/bso"
)

// FuzzBody compares the parser with encoding/json: it refuses everything that is
// not JSON, and reads the rest in the same way.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		`[]`, `[{"id":"a","payload":"x\n\u00e9\ud83d\ude00","sortindex":-3,"ttl":60}]`, `[{"id":"a"},{"id":"b","payload":null,"ttl":null}]`,
		`[{"id":"a","x":[{},{"y":[1.5e-3,true,false,null,"z"]}]}]`, "{\"id\":\"a\"}\n{\"id\":\"b\"}\n", `[{"id":"\ud800"}]`, `[{"id":"a",}]`,
		`[{"id":"a","payload":"` + strings.Repeat("x", 100) + `"}]`, `[` + strings.Repeat(`[`, 50), `[{"payload":"\\\"\/\b\f"}]`, "[{\"id\":\"\xff\"}]",
	} {
		f.Add([]byte(body), false)
		f.Add([]byte(body), true)
	}
	limits := bso.Limits{MaxPostRecords: 3, MaxPostBytes: 90, MaxRecordPayloadBytes: 60}
	f.Fuzz(func(t *testing.T, body []byte, lines bool) {
		whole := bytes.Clone(body)
		u, err := parseUpload(body, lines, limits)
		if err != nil {
			return
		}
		var want []map[string]json.RawMessage
		if lines {
			for line := range bytes.Lines(whole) {
				var r map[string]json.RawMessage
				if err := json.Unmarshal(line, &r); err != nil {
					t.Fatalf("accepted %q: %v", line, err)
				}
				want = append(want, r)
			}
		} else if err := json.Unmarshal(whole, &want); err != nil {
			t.Fatalf("accepted %q: %v", whole, err)
		}
		if len(want) != len(u.changes)+len(u.failed) {
			t.Fatalf("%d records became %d and %d in %q", len(want), len(u.changes), len(u.failed), whole)
		}
		if len(u.changes) > limits.MaxPostRecords || u.bytes > limits.MaxPostBytes {
			t.Fatalf("over the limits: %q", whole)
		}
		sent := make(map[string]map[string]json.RawMessage)
		for _, r := range want {
			var id string
			if err := json.Unmarshal(r["id"], &id); err != nil {
				t.Fatalf("accepted the id %s", r["id"])
			}
			sent[id] = r
		}
		for _, c := range u.changes {
			var payload *string
			r := sent[string(c.ID)]
			if raw, ok := r["payload"]; ok != (c.Fields&FieldPayload != 0) || ok && json.Unmarshal(raw, &payload) != nil {
				t.Fatalf("payload of %q: %s", c.ID, raw)
			}
			if payload == nil {
				payload = new(string)
			}
			if *payload != string(c.Payload) || c.Payload == nil || !c.ID.Valid() {
				t.Fatalf("%q became %q", *payload, c.Payload)
			}
			var back string
			if err := json.Unmarshal(appendString(nil, c.Payload), &back); err != nil || back != *payload {
				t.Fatalf("%q goes out as %q, %v", *payload, back, err)
			}
		}
	})
}

// FuzzTarget checks that the parsers of paths and queries return only valid values.
func FuzzTarget(f *testing.F) {
	for path, query := range map[string]string{
		"/storage/1.5/1/storage/forms/%2FDxrb": "ids=a+b,c%2Cd&full", "/storage/1.5/9/info/quota": "newer=1.23&older=9&sort=index&limit=3",
		"/storage/1.5/1/storage/../..": "offset=bwJh", "/storage/1.5/-1/": "batch=true&commit=1", "//%00/": "%zz=&=&&", "/storage/1.5/1/storage/c": "sort=newest&offset=bgJh",
	} {
		f.Add(path, query)
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		target, err := parsePath("/storage", path)
		if err == nil {
			if target.uid < 0 || target.resource >= collection && !bso.ValidCollection(target.collection) ||
				target.resource == record && !target.id.Valid() || target.resource < collection && target.collection != "" {
				t.Fatalf("%q names %+v", path, target)
			}
			if target.resource == record {
				again, err := parsePath("/storage", "/storage/1.5/1/storage/"+target.collection+"/"+url.PathEscape(string(target.id)))
				if again.id != target.id || err != nil {
					t.Fatalf("%q became %q, %v", target.id, again.id, err)
				}
			}
		}
		v, err := parseValues(query)
		if err != nil {
			return
		}
		q := &request{query: v}
		list, err := parseQuery(q)
		if err != nil {
			return
		}
		if len(list.IDs) > MaxIDs || list.Limit < 0 || list.Sort == 0 {
			t.Fatalf("%q means %+v", query, list)
		}
		for _, id := range list.IDs {
			if !id.Valid() {
				t.Fatalf("%q names %q", query, id)
			}
		}
		if list.After != nil {
			again, err := parseToken(list.After.token(list.Sort), list.Sort)
			if err != nil || *again != *list.After {
				t.Fatalf("%+v became %+v, %v", list.After, again, err)
			}
		}
	})
}
