package storage_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestARecordComesBackAsItWasPut(t *testing.T) {
	t.Parallel()
	s := start(t)
	put := s.do("PUT", "/storage/meta/global", `{"id":"global","payload":"{\"a\":\"é\"}","sortindex":-3,"ttl":60,"modified":1}`).want(200)
	if put.Body.String() != put.modified() || put.modified() != put.Header().Get("X-Weave-Timestamp") {
		t.Fatalf("put answered %s, %v", put.Body, put.Header())
	}
	got := s.do("GET", "/storage/meta/global", "").want(200)
	got.wantBody(`{"id":"global","modified":` + put.modified() + `,"sortindex":-3,"payload":"{\"a\":\"é\"}"}`)
	if got.modified() != put.modified() {
		t.Errorf("X-Last-Modified %s, want %s", got.modified(), put.modified())
	}
	// The same without a payload, for HEAD.
	s.do("HEAD", "/storage/meta/global", "").want(200)
}

func TestPayloadsOfAnyCharacters(t *testing.T) {
	t.Parallel()
	s := start(t)
	var all strings.Builder
	for r := rune(0); r < 0x3000; r++ {
		all.WriteRune(r)
	}
	all.WriteString("😀\U0010ffff\ufffd")
	for name, payload := range map[string]string{"all": all.String(), "empty": "", "nul": "a\x00b"} {
		body, err := json.Marshal(map[string]string{"payload": payload})
		if err != nil {
			t.Fatal(err)
		}
		s.do("PUT", "/storage/c/"+name, string(body)).want(200)
		if got := decode[wire](s.do("GET", "/storage/c/"+name, "").want(200)); got.Payload != payload {
			t.Errorf("%s: payload changed to %.80q", name, got.Payload)
		}
	}
	// Escapes of every kind decode.
	s.do("PUT", "/storage/c/escapes", `{"payload":"\u0041\ud83d\ude00\/\b\f\n\r\t\"\\x"}`).want(200)
	if got := decode[wire](s.do("GET", "/storage/c/escapes", "")); got.Payload != "A😀/\b\f\n\r\t\"\\x" {
		t.Errorf("escapes became %q", got.Payload)
	}
}

func TestAFieldThatIsNotSentStays(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("PUT", "/storage/c/a", `{"payload":"x","sortindex":5,"ttl":100}`).want(200)
	s.do("PUT", "/storage/c/a", `{"payload":"y"}`).want(200)
	if got := s.do("GET", "/storage/c/a", ""); !strings.Contains(got.Body.String(), `"sortindex":5,"payload":"y"`) {
		t.Errorf("after a new payload: %s", got.Body)
	}
	s.do("PUT", "/storage/c/a", `{"sortindex":null}`).want(200)
	if got := s.do("GET", "/storage/c/a", "").want(200); strings.Contains(got.Body.String(), "sortindex") {
		t.Errorf("after a null sortindex: %s", got.Body)
	}
	s.do("PUT", "/storage/c/b", `{"payload":"x","ttl":100}`).want(200)
	s.do("PUT", "/storage/c/b", `{"ttl":null}`).want(200)
	s.do("PUT", "/storage/c/new", `{"ttl":500}`).want(200)
	s.clock.Pass(101 * time.Second)
	s.do("GET", "/storage/c/a", "").refused(404, "0") // its TTL went on
	s.do("GET", "/storage/c/b", "").want(200)
	if got := decode[wire](s.do("GET", "/storage/c/new", "").want(200)); got.Payload != "" {
		t.Errorf("a new record without a payload has %q", got.Payload)
	}
	s.do("PUT", "/storage/c/b", `{"payload":null}`).want(200)
	if got := decode[wire](s.do("GET", "/storage/c/b", "")); got.Payload != "" {
		t.Errorf("a null payload left %q", got.Payload)
	}
}

func TestANewTTLAloneDoesNotTouchTheRecordsTime(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := s.do("PUT", "/storage/c/a", `{"payload":"x","ttl":10}`).modified()
	second := s.do("PUT", "/storage/c/a", `{"ttl":100}`).want(200).modified()
	got := s.do("GET", "/storage/c/a", "")
	if got.modified() != first || second <= first {
		t.Errorf("record at %s, want %s; collection at %s", got.modified(), first, second)
	}
	s.clock.Pass(50 * time.Second)
	s.do("GET", "/storage/c/a", "").want(200)
}

func TestExpiredRecordsAreGoneAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("PUT", "/storage/c/now", `{"payload":"x","ttl":0}`).want(200)
	s.do("GET", "/storage/c/now", "").refused(404, "0")
	s.do("POST", "/storage/c", `[{"id":"a","payload":"xx","ttl":10,"sortindex":9},{"id":"b","payload":"yyy"}]`).want(200)
	s.clock.Pass(10 * time.Second)
	s.do("GET", "/storage/c/a", "").refused(404, "0")
	if got := s.do("GET", "/storage/c", ""); got.ids() != "b" || got.Header().Get("X-Weave-Records") != "1" {
		t.Errorf("listed %s", got.Body)
	}
	s.do("GET", "/info/collection_counts", "").wantBody(`{"c":1}`)
	s.do("GET", "/info/collection_usage", "").wantBody(`{"c":0.0029296875}`)
	s.do("DELETE", "/storage/c/a", "").refused(404, "0")
	// A new record with that ID has nothing of the deleted one.
	s.do("PUT", "/storage/c/a", `{"ttl":100}`).want(200)
	if got := s.do("GET", "/storage/c/a", ""); !strings.HasSuffix(got.Body.String(), `,"payload":""}`) || strings.Contains(got.Body.String(), "sortindex") {
		t.Errorf("an expired record came back: %s", got.Body)
	}
	s.clock.Pass(100 * time.Second)
	s.do("PUT", "/storage/c/a", `{"payload":"for ever"}`).want(200)
	s.do("GET", "/storage/c/a", "").want(200)
}

func TestPurgeRemovesWhatExpired(t *testing.T) {
	t.Parallel()
	s := start(t)
	var body strings.Builder
	for i := range 2500 {
		fmt.Fprintf(&body, `{"id":"%d","payload":"%s","ttl":%d}`+"\n", i, strings.Repeat("x", 500), 10+i%2*1000)
	}
	big := start(t, func(c *config) {
		c.Limits.MaxPostRecords = 5000
		c.files.Dir = s.dir
		c.files.Now = s.clock.Now
		c.Now = s.clock.Now
	})
	before := big.do("POST", "/storage/c", body.String(), header{"Content-Type": "application/newlines"}).want(200).modified()
	big.do("POST", "/storage/c?batch=true", `[{"id":"z","payload":"x"}]`).want(202)
	if err := big.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, s.dir, 1, "records"); n != 2500 {
		t.Fatalf("a purge too early left %d", n)
	}
	s.clock.Pass(3 * time.Hour)
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := rows(t, s.dir, 1, "records"); n != 0 {
		t.Errorf("%d records are left", n)
	}
	if n := rows(t, s.dir, 1, "batches") + rows(t, s.dir, 1, "batch_items"); n != 0 {
		t.Errorf("%d rows of batches are left", n)
	}
	if got := s.do("GET", "/info/collections", "").wantBody(`{"c":` + before + `}`); got.modified() != before {
		t.Errorf("the purge moved the time to %s", got.modified())
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	s := start(t)
	if got := s.do("GET", "/info/collections", "").want(200).wantBody(`{}`); got.modified() != "0.00" {
		t.Errorf("an empty storage was modified at %s", got.modified())
	}
	a := s.do("POST", "/storage/a", `[{"id":"1","payload":"`+strings.Repeat("x", 512)+`"},{"id":"2"}]`).want(200).modified()
	b := s.do("PUT", "/storage/b/1", `{"payload":"`+strings.Repeat("é", 512)+`"}`).want(200).modified()
	for path, want := range map[string]string{
		"/info/collections":       `{"a":` + a + `,"b":` + b + `}`,
		"/info/collection_counts": `{"a":2,"b":1}`,
		"/info/collection_usage":  `{"a":0.5,"b":1}`,
		"/info/quota":             `[2.4765625,null]`,
	} {
		got := s.do("GET", path, "").want(200).wantBody(want)
		if got.modified() != b {
			t.Errorf("%s: modified %s, want %s", path, got.modified(), b)
		}
		s.do("GET", path, "", header{"X-If-Modified-Since": a}).want(200)
		not := s.do("GET", path, "", header{"X-If-Modified-Since": b}).want(304).wantBody("")
		if not.modified() != b {
			t.Errorf("%s: 304 with %q", path, not.modified())
		}
		s.do("GET", path, "", header{"X-If-Unmodified-Since": a}).refused(412, "0")
	}
	got := s.do("GET", "/info/configuration", "").want(200).wantBody(`{"max_post_records":100,"max_post_bytes":2621440,` +
		`"max_total_records":10000,"max_total_bytes":262144000,"max_record_payload_bytes":2621440,"max_request_bytes":2625536}`)
	if got.modified() != "0.00" {
		t.Errorf("configuration modified at %s", got.modified())
	}
}

func TestDeletions(t *testing.T) {
	t.Parallel()
	s := start(t)
	fill := func() {
		t.Helper()
		s.do("POST", "/storage/c", `[{"id":"1","payload":"a"},{"id":"2","payload":"b"},{"id":"3","payload":"c"}]`).want(200)
		s.do("PUT", "/storage/other/1", `{"payload":"a"}`).want(200)
	}
	fill()
	one := s.do("DELETE", "/storage/c/2", "").want(200)
	one.wantBody(`{"modified":` + one.modified() + `}`)
	s.do("GET", "/storage/c/2", "").refused(404, "0")
	s.do("DELETE", "/storage/c/2", "").refused(404, "0")
	if got := s.do("GET", "/storage/c", ""); got.ids() != "1 3" || got.modified() != one.modified() {
		t.Errorf("after one: %s at %s", got.Body, got.modified())
	}
	// An empty list of IDs deletes nothing.
	s.do("DELETE", "/storage/c?ids=", "").want(200)
	if got := s.do("GET", "/storage/c", ""); got.ids() != "1 3" {
		t.Errorf("an empty list deleted: %s", got.Body)
	}
	some := s.do("DELETE", "/storage/c?ids=1,3,nope", "").want(200)
	some.wantBody(`{"modified":` + some.modified() + `}`)
	s.do("GET", "/storage/c", "").wantBody("[]")
	// The collection stays without records, until it is deleted.
	if got := decode[map[string]json.Number](s.do("GET", "/info/collections", "")); got["c"].String() != some.modified() {
		t.Errorf("info: %v", got)
	}
	all := s.do("DELETE", "/storage/c", "").want(200)
	info := s.do("GET", "/info/collections", "")
	if got := decode[map[string]json.Number](info); len(got) != 1 || info.modified() != all.modified() || all.modified() <= some.modified() {
		t.Errorf("info: %v at %s", got, info.modified())
	}
	s.do("DELETE", "/storage/c", "").want(200)
	s.do("DELETE", "/storage/c?ids=1", "").want(200)
	s.do("GET", "/info/collection_counts", "").wantBody(`{"other":1}`)
	for _, path := range []string{"/storage", "", "/"} {
		fill()
		batch := decode[posted](s.do("POST", "/storage/c?batch=true", `[{"id":"9","payload":"x"}]`).want(202)).Batch
		gone := s.do("DELETE", path, "").want(200)
		gone.wantBody(`{"modified":` + gone.modified() + `}`)
		if got := s.do("GET", "/info/collections", "").wantBody(`{}`); got.modified() != gone.modified() {
			t.Errorf("after a wipe: modified %s, want %s", got.modified(), gone.modified())
		}
		s.do("GET", "/storage/c", "").wantBody("[]")
		s.do("POST", "/storage/c?commit=true&batch="+batch, `[]`).refused(400, "0")
	}
}

func TestTimesOnlyGrow(t *testing.T) {
	t.Parallel()
	s := start(t)
	last := ""
	step := func(r *response) {
		t.Helper()
		r.want(200)
		if r.modified() <= last || r.Header().Get("X-Weave-Timestamp") != r.modified() {
			t.Fatalf("time went from %s to %s (%s)", last, r.modified(), r.Header().Get("X-Weave-Timestamp"))
		}
		last = r.modified()
	}
	for range 3 { // on a clock that stands still
		step(s.do("PUT", "/storage/c/a", `{"payload":"x"}`))
		step(s.do("DELETE", "/storage/c/a", ""))
	}
	s.clock.Pass(-24 * time.Hour)
	step(s.do("POST", "/storage/d", `[{"id":"a"}]`))
	step(s.do("DELETE", "/storage", ""))
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := start(t, func(c *config) { c.files.Dir = s.dir })
	again.clock.Pass(-365 * 24 * time.Hour)
	step(again.do("PUT", "/storage/c/a", `{"payload":"x"}`))
	// The server's time is never before that of its data.
	if got := again.do("GET", "/storage/c/a", ""); got.Header().Get("X-Weave-Timestamp") != last {
		t.Errorf("X-Weave-Timestamp %s before X-Last-Modified %s", got.Header().Get("X-Weave-Timestamp"), last)
	}
	again.clock.Pass(10 * 365 * 24 * time.Hour)
	step(again.do("PUT", "/storage/c/a", `{"payload":"x"}`))
}

func TestConditions(t *testing.T) {
	t.Parallel()
	s := start(t)
	a := s.do("PUT", "/storage/c/a", `{"payload":"x"}`).modified()
	b := s.do("PUT", "/storage/c/b", `{"payload":"x"}`).modified()
	old, since := header{"X-If-Unmodified-Since": a}, header{"X-If-Unmodified-Since": b}
	stale := header{"X-If-Unmodified-Since": "1.00"}
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/storage/c", ""}, {"GET", "/storage/c/a", ""}, {"PUT", "/storage/c/a", `{}`}, {"DELETE", "/storage/c/a", ""},
		{"POST", "/storage/c", `[{"id":"z"}]`}, {"POST", "/storage/c?batch=true", `[]`}, {"DELETE", "/storage/c?ids=a", ""},
		{"DELETE", "/storage/c", ""}, {"DELETE", "/storage", ""}, {"DELETE", "", ""},
	} {
		if got := s.do(c.method, c.path, c.body, stale).refused(412, "0"); got.modified() == "" {
			t.Errorf("%s %s: 412 without X-Last-Modified", c.method, c.path)
		}
	}
	// For a record the condition is about the record, for a collection about the collection.
	s.do("GET", "/storage/c/a", "", old).want(200)
	s.do("DELETE", "/storage/c?ids=a", "", old).refused(412, "0")
	s.do("GET", "/storage/c", "", header{"X-If-Modified-Since": a}).want(200)
	s.do("GET", "/storage/c", "", header{"X-If-Modified-Since": b}).want(304).wantBody("")
	s.do("GET", "/storage/c/a", "", header{"X-If-Modified-Since": a}).want(304).wantBody("")
	s.do("GET", "/storage/c/a", "", header{"X-If-Modified-Since": "0"}).want(200)
	s.do("PUT", "/storage/c/new", `{}`, header{"X-If-Unmodified-Since": "0"}).want(200)
	s.do("PUT", "/storage/c/new", `{}`, header{"X-If-Unmodified-Since": "0"}).refused(412, "0")
	s.do("POST", "/storage/c", `[]`, since).refused(412, "0")
	s.do("GET", "/storage/none", "", header{"X-If-Modified-Since": "0"}).want(304)
	for _, bad := range []header{
		{"X-If-Modified-Since": a, "X-If-Unmodified-Since": a}, {"X-If-Modified-Since": "-3"}, {"X-If-Unmodified-Since": "-3"},
		{"X-If-Unmodified-Since": "soon"}, {"X-If-Modified-Since": "1e9"}, {"X-If-Modified-Since": "99999999999999999999999"},
	} {
		s.do("GET", "/storage/c", "", bad).refused(400, "0")
		s.do("PUT", "/storage/c/a", `{}`, bad).refused(400, "0")
	}
}

func TestIDsOfAnyCharacters(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, id := range []string{"/DxrbGUjRCqNUiqn", "{8a6f-1}", "a+b/c=", "%2F", "..", ".", "a b", "//", `"\`, "?&#", "a%", strings.Repeat("~", 64)} {
		path := "/storage/forms/" + url.PathEscape(id)
		s.do("PUT", path, `{"payload":"x"}`).want(200)
		if got := decode[wire](s.do("GET", path, "").want(200)); got.ID != id {
			t.Errorf("%q came back as %q", id, got.ID)
		}
		if !strings.ContainsAny(id, "%&# ") {
			// As Firefox sends it: not encoded. "+" is not a space.
			if got := s.do("GET", "/storage/forms?ids="+id, "").want(200); decode[[]string](got)[0] != id {
				t.Errorf("ids=%s: %s", id, got.Body)
			}
		}
		s.do("DELETE", path, "").want(200)
	}
}
