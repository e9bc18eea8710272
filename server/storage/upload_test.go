package storage_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/storage"
)

func TestAPostStoresWhatIsSoundAndSaysWhatIsNot(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.do("POST", "/storage/c", `[
		{"id":"ok","payload":"x","sortindex":999999999,"ttl":999999999,"modified":12.5,"collection":"c"},
		{"id":"low","sortindex":-999999999,"ttl":0},
		{"id":"bare"},
		{"id":"","payload":"x"},
		{"id":"`+strings.Repeat("x", 65)+`","payload":"x"},
		{"id":"tab\t","payload":"x"},
		{"id":"ö","payload":"x"},
		{"id":"nul\u0000","payload":"x"},
		{"id":"p1","payload":42},
		{"id":"p2","payload":{"a":[1,2,{}]}},
		{"id":"p3","payload":"x","payload":"y"},
		{"id":"s1","sortindex":"1"},
		{"id":"s2","sortindex":1.5},
		{"id":"s3","sortindex":1000000000},
		{"id":"s4","sortindex":-1000000000},
		{"id":"s5","sortindex":true},
		{"id":"s6","sortindex":99999999999999999999},
		{"id":"s7","sortindex":1e2},
		{"id":"t1","ttl":-1},
		{"id":"t2","ttl":1000000000},
		{"id":"t3","ttl":"1"},
		{"id":"t4","ttl":[1]},
		{"id":"u","spanish":"inquisition"}
	]`).want(200)
	p := decode[posted](got)
	if strings.Join(p.Success, " ") != "ok low bare" || len(p.Failed) != 20 {
		t.Errorf("stored %v, failed %v", p.Success, p.Failed)
	}
	if p.Modified.String() != got.modified() {
		t.Errorf("modified %s, header %s", p.Modified, got.modified())
	}
	if n := s.do("GET", "/storage/c", "").Header().Get("X-Weave-Records"); n != "2" { // low is expired
		t.Errorf("%s records are there", n)
	}
	// Each of them is refused when it is sent alone.
	for _, bad := range []string{
		`{"payload":42}`, `{"payload":["x"]}`, `{"sortindex":"x"}`, `{"sortindex":1000000000}`, `{"ttl":-1}`, `{"ttl":1.5}`,
		`{"unknown":1}`, `{"id":1}`, `{"id":"a","id":"a"}`, `{"payload":"a","payload":"b"}`,
		`"x"`, `42`, `[]`, `null`, ``, `{`, `{"payload":"x"`, `{"payload":"x"}}`, `{"payload":"x",}`, `{payload:"x"}`,
		`{"payload":"\ud800"}`, `{"payload":"` + "\xff" + `"}`, `{"payload":"` + "\n" + `"}`, `{"ttl":01}`, `{"ttl":+1}`,
	} {
		s.do("PUT", "/storage/c/a", bad).refused(400, "8")
	}
	s.do("GET", "/storage/c/a", "").refused(404, "0")
}

func TestAPostThatIsNoListIsRefusedWhole(t *testing.T) {
	t.Parallel()
	s := start(t)
	deep := strings.Repeat("[", 100_000)
	for _, body := range []string{
		``, `42`, `"x"`, `{}`, `null`, `[`, `[{"id":"a"}`, `[{"id":"a"},]`, `[{"id":"a"} {"id":"b"}]`, `[{"id":"a"}]x`,
		`[{"id":"a"},"BAD"]`, `[{"id":"a"},{"payload":"no id"}]`, `[{"id":"a"},{"id":7}]`, `[{"id":"a"},{"id":"a"}]`,
		`[{"id":"a"},{"id":"a","ttl":-1}]`, `[{"id":"a","payload":"trunca`, `[{"id":"a","x":` + deep, deep,
		`[{"id":"a","x":` + deep + strings.Repeat("]", 100_000) + `}]`, `[{"id":"a","x":tru}]`, "\x00", `[{"id":"a"},` + "\x00]",
		`[{"id":"\ud83d\u0041"}]`, `[{"id":"\u12"}]`, `[{"id":"\x"}]`, `[{"id":"a","x":{"y"}}]`, `[{"id":"a","x":-}]`, `[{"id":"a","x":1.}]`,
		`[{"id":"a","x":1e}]`, "[{\"id\":\"a\xc3\"}]", `[{"id":"a","modified":"\ud800"}]`, `[{"id":"a","\ude00":1}]`, "[{\"id\":\"a\",\"x\":\"\xff\"}]",
	} {
		s.do("POST", "/storage/c", body).refused(400, "8")
	}
	lines := header{"Content-Type": "application/newlines"}
	for _, body := range []string{"\n", "[]", "{}", "{\"id\":\"a\"}\n\n", "{\"id\":\"a\"} x", "{\"id\":\"a\"}{\"id\":\"b\"}", "{\"id\":\n\"a\"}"} {
		s.do("POST", "/storage/c", body, lines).refused(400, "8")
	}
	s.do("GET", "/info/collections", "").wantBody(`{}`)
	s.do("POST", "/storage/c", "", lines).want(200)
	s.do("POST", "/storage/c", "{\"id\":\"a\"}\n", lines).want(200)
}

func TestAPostOfNothingChangesNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	at := s.do("PUT", "/storage/c/a", `{}`).modified()
	if got := s.do("POST", "/storage/c", `[]`).want(200); got.modified() != at {
		t.Errorf("modified %s, was %s", got.modified(), at)
	}
	none := s.do("POST", "/storage/d", `[{"id":"x","ttl":-1}]`).want(200)
	// Clients correct their clock by this header.
	if now := bso.TimestampOf(s.clock.Now()).String(); none.modified() != "0.00" || none.Header().Get("X-Weave-Timestamp") != now {
		t.Errorf("modified %s, X-Weave-Timestamp %s", none.modified(), none.Header().Get("X-Weave-Timestamp"))
	}
	s.do("GET", "/info/collections", "").wantBody(`{"c":` + at + `}`)
}

func limited(c *config) {
	c.Limits = bso.Limits{MaxPostRecords: 5, MaxPostBytes: 100, MaxTotalRecords: 8, MaxTotalBytes: 150, MaxRecordPayloadBytes: 60, MaxRequestBytes: 1000}
}

// list is a POST body of n records with payloads of that size.
func list(from, n, size int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"id":"%d","payload":"%s"}`, from+i, strings.Repeat("x", size)))
	}
	return "[" + strings.Join(all, ",") + "]"
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := start(t, limited)
	check := func(body, stored, failed string) {
		t.Helper()
		p := decode[posted](s.do("POST", "/storage/c", body).want(200))
		b, err := json.Marshal(p.Failed)
		if strings.Join(p.Success, " ") != stored || string(b) != failed || err != nil {
			t.Errorf("stored %v, failed %s", p.Success, b)
		}
	}
	check(list(0, 7, 1), "0 1 2 3 4", `{"5":"retry bso","6":"retry bso"}`)
	check(list(0, 3, 40), "0 1", `{"2":"retry bytes"}`)
	check(list(0, 2, 50), "0 1", `{}`)
	check(list(0, 1, 61), "", `{"0":"retry bytes"}`)
	s.do("PUT", "/storage/c/big", `{"payload":"`+strings.Repeat("x", 60)+`"}`).want(200)
	s.do("PUT", "/storage/c/big", `{"payload":"`+strings.Repeat("x", 61)+`"}`).refused(413, "17")
	s.do("PUT", "/storage/c/big", strings.Repeat(" ", 1001)).refused(413, "17")
	s.do("POST", "/storage/c", strings.Repeat(" ", 1001)).refused(413, "17")
	s.do("POST", "/storage/c", "[]"+strings.Repeat(" ", 998)).want(200)
	for name, most := range map[string]int{"X-Weave-Records": 5, "X-Weave-Bytes": 100, "X-Weave-Total-Records": 8, "X-Weave-Total-Bytes": 150} {
		s.do("POST", "/storage/c?batch=true", `[]`, header{name: fmt.Sprint(most)}).want(202)
		s.do("POST", "/storage/c?batch=true", `[]`, header{name: fmt.Sprint(most + 1)}).refused(400, "17")
		s.do("POST", "/storage/c?batch=true", `[]`, header{name: "99999999999999999999999"}).refused(400, "17")
		s.do("POST", "/storage/c?batch=true", `[]`, header{name: "-1"}).refused(400, "1")
		s.do("POST", "/storage/c", `[]`, header{name: "many"}).refused(400, "1")
	}
	// Records count also if they were not announced.
	batch := decode[posted](s.do("POST", "/storage/c?batch=true", list(0, 5, 1)).want(202)).Batch
	s.do("POST", "/storage/c?batch="+batch, list(5, 4, 1)).refused(400, "17")
	s.do("POST", "/storage/c?batch="+batch, list(5, 3, 1)).want(202)
	batch = decode[posted](s.do("POST", "/storage/c?batch=true", list(0, 2, 50)).want(202)).Batch
	s.do("POST", "/storage/c?batch="+batch, list(2, 1, 51)).refused(400, "17")
	s.do("POST", "/storage/c?commit=true&batch="+batch, list(2, 1, 50)).want(200)
}

func TestBatches(t *testing.T) {
	t.Parallel()
	s := start(t)
	before := s.do("POST", "/storage/c", `[{"id":"12","payload":"elegance"},{"id":"13","payload":"slovenly","sortindex":17}]`).modified()
	first := s.do("POST", "/storage/c?batch=true", `[{"id":"a","payload":"internal","ttl":30},{"id":"b","payload":"one"},{"id":"bad","ttl":-1}]`).want(202)
	p := decode[posted](first)
	if first.modified() != before || p.Batch == "" || p.Modified != "" || strings.Join(p.Success, " ") != "a b" || len(p.Failed) != 1 {
		t.Fatalf("%s at %s", first.Body, first.modified())
	}
	s.clock.Pass(time.Minute)
	query := "?batch=" + p.Batch
	// Later items of a batch change earlier ones field by field.
	s.do("POST", "/storage/c"+query, `[{"id":"b","sortindex":4},{"id":"c","payload":"tinsel"},{"id":"12","ttl":50}]`).want(202)
	if got := s.do("GET", "/storage/c", ""); got.ids() != "12 13" || got.modified() != before {
		t.Fatalf("an open batch shows: %s at %s", got.Body, got.modified())
	}
	s.do("GET", "/info/collection_counts", "").wantBody(`{"c":2}`)
	// The batch is still there after a restart.
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	again := start(t, func(c *config) { c.files.Dir, c.files.Now, c.Now = s.dir, s.clock.Now, s.clock.Now })
	done := again.do("POST", "/storage/c"+query+"&commit=TRUE", `[{"id":"c","payload":"last"},{"id":"13","payload":"portnoy"}]`).want(200)
	p = decode[posted](done)
	if p.Batch != "" || p.Modified.String() != done.modified() || strings.Join(p.Success, " ") != "c 13" {
		t.Errorf("commit: %s", done.Body)
	}
	got := map[string]wire{}
	for _, r := range decode[[]wire](again.do("GET", "/storage/c?full=1", "")) {
		got[r.ID] = r
	}
	if len(got) != 5 || got["c"].Payload != "last" || got["b"].Payload != "one" || *got["b"].SortIndex != 4 ||
		got["13"].Payload != "portnoy" || *got["13"].SortIndex != 17 || got["12"].Payload != "elegance" {
		t.Errorf("after the commit: %+v", got)
	}
	for id, r := range got {
		if want := map[bool]string{true: before, false: done.modified()}[id == "12"]; r.Modified.String() != want {
			t.Errorf("%s modified at %s, want %s", id, r.Modified, want)
		}
	}
	// A batch cannot be committed twice. A TTL starts with the commit.
	again.do("POST", "/storage/c"+query+"&commit=true", `[]`).refused(400, "0")
	s.clock.Pass(29 * time.Second)
	again.do("GET", "/storage/c/a", "").want(200)
	s.clock.Pass(time.Second)
	again.do("GET", "/storage/c/a", "").refused(404, "0")
	s.clock.Pass(20 * time.Second)
	again.do("GET", "/storage/c/12", "").refused(404, "0")
}

func TestABatchReplacesWhatExpired(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("PUT", "/storage/c/a", `{"payload":"old","sortindex":5,"ttl":10}`).want(200)
	s.clock.Pass(time.Minute)
	batch := decode[posted](s.do("POST", "/storage/c?batch=true", `[{"id":"a","ttl":100}]`).want(202)).Batch
	s.do("POST", "/storage/c?commit=true&batch="+batch, `[]`).want(200)
	if got := s.do("GET", "/storage/c/a", "").want(200); !strings.HasSuffix(got.Body.String(), `,"payload":""}`) || strings.Contains(got.Body.String(), "sortindex") {
		t.Errorf("got %s", got.Body)
	}
}

func TestBatchesThatAreNot(t *testing.T) {
	t.Parallel()
	s := start(t)
	batch := decode[posted](s.do("POST", "/storage/c?batch", `[{"id":"a","payload":"x"}]`).want(202)).Batch
	for _, query := range []string{"batch=sammich", "commit=true", "batch=" + batch + "&commit=yes", "batch=" + batch + "&commit=", "batch=" + batch[1:]} {
		s.do("POST", "/storage/c?"+query, `[]`).refused(400, "0")
	}
	s.do("POST", "/storage/other?batch="+batch, `[]`).refused(400, "0")
	s.raw("POST", "/storage/1.5/2/storage/c?batch="+batch, `[]`, header{"Authorization": "2"}).refused(400, "0")
	if got := s.do("POST", "/storage/c?batch=true&commit=true", `[{"id":"b"}]`).want(200); decode[posted](got).Batch != "" {
		t.Errorf("begun and committed at once: %s", got.Body)
	}
	// A batch without records changes nothing.
	empty := decode[posted](s.do("POST", "/storage/e?batch=true", `[]`).want(202)).Batch
	s.do("POST", "/storage/e?commit=true&batch="+empty, `[]`).want(200)
	s.do("GET", "/info/collection_counts", "").wantBody(`{"c":1}`)
	s.clock.Pass(2*time.Hour - 10*time.Millisecond)
	s.do("POST", "/storage/c?batch="+batch, `[]`).want(202)
	s.clock.Pass(10 * time.Millisecond)
	s.do("POST", "/storage/c?batch="+batch, `[]`).refused(400, "0")
	s.do("POST", "/storage/c?commit=true&batch="+batch, `[]`).refused(400, "0")
	// The start of another batch drops it.
	s.do("POST", "/storage/c?batch=true", `[]`).want(202)
	if n := rows(t, s.dir, 1, "batch_items"); n != 0 {
		t.Errorf("%d items are left", n)
	}
}

func TestABatchChecksItsConditionAtTheCommit(t *testing.T) {
	t.Parallel()
	s := start(t)
	at := header{"X-If-Unmodified-Since": s.do("PUT", "/storage/c/a", `{}`).modified()}
	batch := decode[posted](s.do("POST", "/storage/c?batch=true", `[{"id":"b"}]`, at).want(202)).Batch
	s.do("POST", "/storage/c?batch="+batch, `[{"id":"c"}]`, at).want(202)
	s.do("PUT", "/storage/c/other", `{}`).want(200)
	s.do("POST", "/storage/c?commit=true&batch="+batch, `[]`, at).refused(412, "0")
	if got := s.do("GET", "/storage/c", ""); got.ids() != "a other" {
		t.Errorf("a refused commit shows: %s", got.Body)
	}
}

func TestKnownBadCryptoIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	bad := `{"id":"keys","payload":"{\"ciphertext\":\"IV\\\":\",\"IV\": \"AAAAAAAAAAAAAAAAAAAAAA==\"}"}`
	s.do("PUT", "/storage/crypto/keys", bad).refused(400, "8")
	s.do("POST", "/storage/crypto", "["+bad+"]").refused(400, "8")
	s.do("PUT", "/storage/other/keys", bad).want(200)
	s.do("PUT", "/storage/crypto/keys", strings.Replace(bad, "AAAA==", "AAAB==", 1)).want(200)
}

func TestQuota(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config) { c.Quota = 10<<10 + storage.Overhead })
	// A record takes so many whole KB with its overhead; the overhead of its collection is
	// added.
	kb := func(n int) string { return strings.Repeat("x", n<<10-storage.Overhead) }
	put := func(id string, n int, more string) *response {
		t.Helper()
		return s.do("PUT", "/storage/c/"+id, `{"payload":"`+kb(n)+`"`+more+`}`)
	}
	if got := put("a", 4, "").want(200); got.Header().Get("X-Weave-Quota-Remaining") != "6" {
		t.Errorf("remaining: %v", got.Header())
	}
	put("old", 4, `,"ttl":5`).want(200)
	s.do("GET", "/info/quota", "").wantBody(`[8.1953125,10.1953125]`)
	put("b", 4, "").refused(403, "14")
	s.do("POST", "/storage/c", `[{"id":"b","payload":"`+kb(4)+`"}]`).refused(403, "14")
	s.do("GET", "/storage/c", "").wantBody(`["a","old"]`)
	// Expired records do not count, also before they are dropped.
	s.clock.Pass(time.Minute)
	s.do("GET", "/info/quota", "").wantBody(`[4.1953125,10.1953125]`)
	put("b", 4, "").want(200)
	// A batch counts from its first record on, for itself only, and once.
	batch := decode[posted](s.do("POST", "/storage/c?batch=true", `[{"id":"d","payload":"`+kb(2)+`"}]`).want(202)).Batch
	s.do("POST", "/storage/c?batch="+batch, `[{"id":"e","payload":"x"}]`).refused(403, "14")
	put("e", 3, "").refused(403, "14")
	s.do("POST", "/storage/c?commit=true&batch="+batch, `[]`).want(200)
	// At the limit a client can still replace, shrink and delete records.
	put("a", 4, "").want(200)
	put("a", 5, "").refused(403, "14")
	if got := put("a", 1, "").want(200); got.Header().Get("X-Weave-Quota-Remaining") != "3" {
		t.Errorf("remaining: %v", got.Header())
	}
	s.do("DELETE", "/storage/c/b", "").want(200)
	s.do("GET", "/info/quota", "").wantBody(`[3.1953125,10.1953125]`)
	s.do("DELETE", "/storage/c", "").want(200)
	s.do("GET", "/info/quota", "").wantBody(`[0,10.1953125]`)
}

func TestWhoIsOverTheQuotaCanShrink(t *testing.T) {
	t.Parallel()
	before := start(t)
	before.do("PUT", "/storage/c/a", `{"payload":"`+strings.Repeat("x", 8<<10)+`"}`).want(200)
	if err := before.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(c *config) { c.files.Dir, c.Quota = before.dir, 4<<10 })
	s.do("PUT", "/storage/c/b", `{"payload":"x"}`).refused(403, "14")
	if got := s.do("PUT", "/storage/c/a", `{"payload":"`+strings.Repeat("x", 6<<10)+`"}`).want(200); got.Header().Get("X-Weave-Quota-Remaining") != "0" {
		t.Errorf("remaining: %v", got.Header())
	}
}

// Empty records and collections fill a disk too.
func TestQuotaCountsWhatEmptyRecordsTake(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config) { c.Quota = 10 * storage.Overhead })
	for n := range 9 {
		s.do("PUT", fmt.Sprint("/storage/c/", n), `{}`).want(200)
	}
	s.do("PUT", "/storage/c/9", `{}`).refused(403, "14")
	s.do("PUT", "/storage/d/1", `{}`).refused(403, "14")
	s.do("GET", "/info/quota", "").wantBody(`[1.953125,1.953125]`)
}

// The number of a user's collections is bounded for every kind of request, and the existing
// ones stay usable.
func TestCollectionsAreBounded(t *testing.T) {
	t.Parallel()
	s := start(t)
	for n := range 200 {
		s.do("POST", fmt.Sprint("/storage/c", n), `[{"id":"a"}]`).want(200)
	}
	s.do("PUT", "/storage/more/a", `{}`).refused(400, "17")
	s.do("POST", "/storage/more", `[{"id":"a"}]`).refused(400, "17")
	batch := decode[posted](s.do("POST", "/storage/more?batch=true", `[{"id":"a"}]`).want(202)).Batch
	s.do("POST", "/storage/more?commit=true&batch="+batch, `[]`).refused(400, "17")
	s.do("PUT", "/storage/c7/b", `{}`).want(200)
	s.do("DELETE", "/storage/c7", "").want(200)
	s.do("PUT", "/storage/more/a", `{}`).want(200)
}

// An abandoned batch takes no room from the upload that replaces it; but two batches
// together cannot go over the quota.
func TestAbandonedBatchesAndTheQuota(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config) { c.Quota = 10 << 10 })
	six := `[{"id":"%s","payload":"` + strings.Repeat("x", 6<<10) + `"}]`
	var batches []string
	for _, id := range []string{"a", "b", "c"} {
		batches = append(batches, decode[posted](s.do("POST", "/storage/c?batch=true", fmt.Sprintf(six, id)).want(202)).Batch)
	}
	s.do("POST", "/storage/c?commit=true&batch="+batches[2], `[]`).want(200)
	s.do("POST", "/storage/c?commit=true&batch="+batches[1], `[]`).refused(403, "14")
	s.do("GET", "/storage/c", "").wantBody(`["c"]`)
}

// The number and the size of a user's uncommitted batches are bounded: the oldest are
// dropped.
func TestBatchesAreBounded(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config) { c.Limits.MaxTotalBytes = 1000 })
	begin := func(payload string) string {
		t.Helper()
		return decode[posted](s.do("POST", "/storage/c?batch=true", `[{"id":"a","payload":"`+payload+`"}]`).want(202)).Batch
	}
	first := begin("x")
	var last string
	for range 30 {
		last = begin("")
	}
	if n := rows(t, s.dir, 1, "batches"); n != 10 { // of 200 bytes of overhead each
		t.Errorf("%d batches wait", n)
	}
	s.do("POST", "/storage/c?batch="+first, `[]`).refused(400, "0")
	s.do("POST", "/storage/c?batch="+last, `[]`).want(202)
	for range 5 {
		last = begin(strings.Repeat("x", 800))
	}
	if n := rows(t, s.dir, 1, "batches"); n != 2 {
		t.Errorf("%d batches of 1000 bytes wait", n)
	}
	if n := rows(t, s.dir, 1, "batch_items"); n != 2 {
		t.Errorf("%d records of batches wait", n)
	}
	many := start(t)
	for range 30 {
		many.do("POST", "/storage/c?batch=true", `[]`).want(202)
	}
	if n := rows(t, many.dir, 1, "batches"); n != 20 {
		t.Errorf("%d empty batches wait", n)
	}
	s.do("POST", "/storage/c?commit=true&batch="+last, `[]`).want(200)
}

// While the disk has no more than its reserve, nothing is stored; everything else works.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	full := false
	s := start(t, func(c *config) { c.Full = func() bool { return full } })
	s.do("PUT", "/storage/c/a", `{"payload":"x"}`).want(200)
	batch := decode[posted](s.do("POST", "/storage/c?batch=true", `[{"id":"b"}]`).want(202)).Batch
	full = true
	for _, r := range []*response{
		s.do("PUT", "/storage/c/a", `{}`), s.do("POST", "/storage/c", `[{"id":"b"}]`), s.do("POST", "/storage/c?batch=true", `[{"id":"b"}]`),
		s.do("POST", "/storage/c?commit=true&batch="+batch, `[]`),
	} {
		if r.refused(503, "0"); r.Header().Get("Retry-After") != "1800" {
			t.Errorf("Retry-After: %q", r.Header().Get("Retry-After"))
		}
	}
	if !strings.Contains(s.log.String(), "reserve") {
		t.Errorf("the log does not say why: %s", s.log)
	}
	s.do("GET", "/storage/c", "").wantBody(`["a"]`)
	s.do("DELETE", "/storage/c/a", "").want(200)
	full = false
	s.do("POST", "/storage/c?commit=true&batch="+batch, `[]`).want(200)
}

// A PUT writes the record of the path, whatever ID its body has.
func TestThePathNamesTheRecord(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("PUT", "/storage/c/a", `{"id":"b","payload":"x"}`).want(200)
	s.do("GET", "/storage/c", "").wantBody(`["a"]`)
	s.do("PUT", "/storage/c/a", `{"id":7}`).refused(400, "8")
}

// waits is a server with uncommitted batches of several users.
type waits struct{ *server }

func (s waits) post(uid int, query, payload string) *response {
	s.t.Helper()
	path := fmt.Sprintf("/storage/1.5/%d/storage/c?%s", uid, query)
	return s.raw("POST", path, `[{"id":"a","payload":"`+payload+`"}]`, header{"Authorization": fmt.Sprint(uid)})
}

func (s waits) begin(uid int, payload string) string {
	s.t.Helper()
	return decode[posted](s.post(uid, "batch=true", payload).want(202)).Batch
}

// The uncommitted batches of all users are bounded by their number, and by the room for
// them. A commit makes room, and so does dropping one that nothing was added to for long.
func TestBatchesOfAllUsersAreBounded(t *testing.T) {
	t.Parallel()
	var room atomic.Int64
	room.Store(1 << 30)
	s := waits{start(t, func(c *config) { c.MaxBatches, c.BatchRoom = 3, room.Load })}
	full := func(uid int, query, payload string) {
		t.Helper()
		if got := s.post(uid, query, payload).refused(503, "0"); got.Header().Get("Retry-After") != "1800" {
			t.Errorf("Retry-After: %q", got.Header().Get("Retry-After"))
		}
	}
	first, second := s.begin(1, ""), s.begin(2, "")
	s.begin(3, "")
	full(4, "batch=true", "")
	s.post(2, "batch="+second, "x").want(202) // known ones go on
	s.post(2, "commit=true&batch="+second, "x").want(200)
	s.begin(4, "")
	full(5, "batch=true", "")
	s.post(6, "", "without a batch").want(200)
	s.post(7, "batch=nonesuch", "").refused(503, "0")

	// Batches to which nothing was added for ten minutes are dropped.
	s.clock.Pass(6 * time.Minute)
	s.post(1, "batch="+first, "").want(202)
	s.clock.Pass(6 * time.Minute)
	five := s.begin(5, "")
	if n := rows(t, s.dir, 3, "batches") + rows(t, s.dir, 4, "batches"); n != 0 {
		t.Errorf("%d abandoned batches are left", n)
	}
	s.post(1, "commit=true&batch="+first, "").want(200)

	// By bytes: with 200 of overhead for each batch and each record.
	room.Store(3000)
	s.begin(2, strings.Repeat("x", 1000))
	full(3, "batch=true", strings.Repeat("x", 1500))
	full(5, "batch="+five, strings.Repeat("x", 1500))
	s.post(5, "commit=true&batch="+five, strings.Repeat("x", 1500)).want(200) // which makes room
	s.begin(3, strings.Repeat("x", 800))

	// A refused post, a batch that does not exist, and a wiped storage take no room.
	s.raw("DELETE", "/storage/1.5/2", "", header{"Authorization": "2"}).want(200)
	for range 5 {
		s.post(2, "batch=nonesuch", strings.Repeat("x", 1000)).refused(400, "0")
	}
	s.begin(2, strings.Repeat("x", 1000))
	if err := s.DeleteUser(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	s.begin(9, strings.Repeat("x", 1000))
}
