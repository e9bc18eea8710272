package sync15_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/sync15"
)

// TestEveryLimitIsKept syncs under each limit of info/configuration, made tight. The server
// refuses what exceeds a limit, so it is enough to check that all records arrive. The number of
// POSTs or batches shows that the limit was tight.
func TestEveryLimitIsKept(t *testing.T) {
	t.Parallel()
	const records = 60 // of about 210 bytes each when sealed
	for name, c := range map[string]struct {
		limits         bso.Limits
		posts, batches int
	}{
		"records in a POST":  {bso.Limits{MaxPostRecords: 7}, 9, 1},
		"bytes in a POST":    {bso.Limits{MaxPostBytes: 2500, MaxRecordPayloadBytes: 2500}, 5, 1},
		"records in a batch": {bso.Limits{MaxPostRecords: 10, MaxTotalRecords: 25}, 6, 3},
		"bytes in a batch":   {bso.Limits{MaxPostRecords: 10, MaxTotalBytes: 5000, MaxRecordPayloadBytes: 2500, MaxPostBytes: 5000}, 6, 3},
		"bytes in a request": {bso.Limits{MaxRequestBytes: 3000, MaxRecordPayloadBytes: 2500, MaxPostBytes: 2500}, 5, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t, func(w *env) { w.limits = c.limits })
			a, b := w.device("a"), w.device("b")
			fill(a.shelf, records)
			w.before = func(r *http.Request) *http.Response {
				if isPost(r, "/storage/notes") && c.limits.MaxRequestBytes > 0 && r.ContentLength > int64(c.limits.MaxRequestBytes) {
					t.Errorf("a request of %d bytes", r.ContentLength)
				}
				return nil
			}
			if got := a.mustSync(); got.Uploaded != records || len(got.Refused) != 0 {
				t.Errorf("uploaded %d, refused %v", got.Uploaded, got.Refused)
			}
			posts := strings.Count(strings.Join(w.asked, "\n"), "POST storage/notes")
			if posts < c.posts || posts > c.posts+3 || len(a.shelf.receipts) < c.batches || len(a.shelf.receipts) > c.batches+1 {
				t.Errorf("%d POSTs in %d batches, want about %d in %d", posts, len(a.shelf.receipts), c.posts, c.batches)
			}
			b.mustSync()
			if len(b.shelf.content()) != records {
				t.Errorf("%d arrived", len(b.shelf.content()))
			}
		})
	}
}

func TestARecordThatCanNeverFitIsReportedOnceAndTheRestGoes(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) { w.limits = bso.Limits{MaxRecordPayloadBytes: 1000} })
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 3)
	a.shelf.put("huge", strings.Repeat("x", 1000))
	c := a.mustSync()
	if c.Uploaded != 3 || len(c.Refused) != 1 || c.Refused[0].ID != "huge" || !c.Refused[0].Permanent {
		t.Errorf("uploaded %d, refused %v", c.Uploaded, c.Refused)
	}
	a.mustSync()
	w.expect("GET info/collections")
	a.shelf.put("huge", "not any more")
	a.mustSync()
	b.mustSync()
	if len(b.shelf.content()) != 4 {
		t.Errorf("b has %d", len(b.shelf.content()))
	}
}

// An engine's mistake must not become a record that no device can read, or that is taken for
// another one.
func TestAPayloadThatIsNotTheRecordsDoesNotGoUp(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 3)
	a.shelf.broken = map[engine.ID]string{
		"empty": "", "null": "null", "list": "[]", "text": "text", "cut": `{"id":"cut"`, "nameless": "{}", "other": `{"id":"another"}`, "number": `{"id":7}`,
	}
	for id := range a.shelf.broken {
		a.shelf.put(id, "x")
	}
	c := a.mustSync()
	if c.Uploaded != 3 || len(c.Refused) != len(a.shelf.broken) {
		t.Errorf("uploaded %d, refused %v", c.Uploaded, c.Refused)
	}
	for _, r := range c.Refused {
		if _, is := a.shelf.broken[r.ID]; !is || !r.Permanent || !strings.HasPrefix(r.Reason, "the engine gave a payload for it that ") {
			t.Errorf("refused %+v", r)
		}
	}
	b.mustSync()
	if len(b.shelf.content()) != 3 {
		t.Errorf("b has %d", len(b.shelf.content()))
	}
}

func TestAServerWithoutBatches(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	w.strip = func(query url.Values) { query.Del("batch"); query.Del("commit") }
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 350)
	if c := a.mustSync(); c.Uploaded != 350 {
		t.Errorf("uploaded %d", c.Uploaded)
	}
	if len(a.shelf.receipts) != 4 {
		t.Errorf("%d receipts for 4 POSTs that each stand alone", len(a.shelf.receipts))
	}
	b.mustSync()
	if len(b.shelf.content()) != 350 {
		t.Errorf("b has %d", len(b.shelf.content()))
	}
	a.mustSync()
	w.expect("GET info/collections", "GET storage/clients")
}

// TestFailureAfterTwoBatches: the records of two batches are known to be on the server; the
// rest is uploaded next time, and nothing twice.
func TestFailureAfterTwoBatches(t *testing.T) {
	t.Parallel()
	w := newEnv(t, func(w *env) { w.limits = bso.Limits{MaxPostRecords: 10, MaxTotalRecords: 20} })
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 60)
	posts := 0
	w.before = func(r *http.Request) *http.Response {
		if isPost(r, "/storage/notes") {
			if posts++; posts == 6 {
				return answer(500, "application/json", "0")
			}
		}
		return nil
	}
	if _, err := a.sync(t.Context()); err == nil {
		t.Fatal("the failure went unnoticed")
	}
	w.before = nil
	if len(a.shelf.receipts) != 2 || len(a.shelf.dirty) != 20 {
		t.Fatalf("%d receipts, %d records left to upload; want 2 and 20", len(a.shelf.receipts), len(a.shelf.dirty))
	}
	b.mustSync()
	if len(b.shelf.content()) != 40 {
		t.Errorf("b has %d: a batch that was not committed must not show", len(b.shelf.content()))
	}
	if c := a.mustSync(); c.Uploaded != 20 {
		t.Errorf("the second sync uploaded %d", c.Uploaded)
	}
	b.mustSync()
	if len(b.shelf.content()) != 60 {
		t.Errorf("b has %d", len(b.shelf.content()))
	}
}

// TestAnAnswerThatGetsLostAfterTheCommit: the server has the record and the device does not
// know. The next sync finds out without making a duplicate.
func TestAnAnswerThatGetsLostAfterTheCommit(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	fill(a.shelf, 5)
	w.after = func(r *http.Request, resp *http.Response) {
		if isPost(r, "/storage/notes") {
			resp.Body = io.NopCloser(broken{})
		}
	}
	if _, err := a.sync(t.Context()); err == nil {
		t.Fatal("the loss went unnoticed")
	}
	w.after = nil
	if c := a.mustSync(); c.Downloaded != 5 || c.Uploaded != 0 || len(a.shelf.content()) != 5 {
		t.Errorf("downloaded %d, uploaded %d", c.Downloaded, c.Uploaded)
	}
	a.mustSync()
	w.expect("GET info/collections")
}

func TestAnotherDeviceWritesJustBeforeTheUpload(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.mustSync()
	b.mustSync()
	a.shelf.put("from-a", "1")
	b.shelf.put("from-b", "2")
	once := false
	a.shelf.at = func(step string) error {
		if step == "merge" && !once {
			once = true
			b.mustSync()
		}
		return nil
	}
	a.mustSync()
	if got := a.shelf.content(); got["from-a"] != "1" || got["from-b"] != "2" {
		t.Errorf("a has %v", got)
	}
	if len(a.shelf.ended) < 2 {
		t.Error("the conflict never came about")
	}
	b.mustSync()
	if len(b.shelf.content()) != 2 {
		t.Errorf("b has %v", b.shelf.content())
	}
}

func TestAConflictWithoutEndStopsAfterSomeRounds(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.shelf.put("note-1", "x")
	w.before = func(r *http.Request) *http.Response {
		if isPost(r, "/storage/notes") {
			return answer(412, "application/json", "0")
		}
		return nil
	}
	if _, err := a.sync(t.Context()); !errors.Is(err, sync15.ErrConflict) {
		t.Errorf("the sync ended with %v", err)
	}
	if posts := strings.Count(strings.Join(w.asked, "\n"), "POST storage/notes"); posts != 4 {
		t.Errorf("%d tries", posts)
	}
}

// TestA413IsSplitAndTheLimitsAreAskedAgain: a server, or a proxy before it, that
// takes less than info/configuration says.
func TestA413IsSplitAndTheLimitsAreAskedAgain(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 250)
	a.shelf.put("monster", strings.Repeat("m", 30_000))
	w.before = func(r *http.Request) *http.Response {
		if isPost(r, "/storage/notes") && r.ContentLength > 8000 {
			return answer(413, "text/html", "<html>too large</html>")
		}
		return nil
	}
	c := a.mustSync()
	if c.Uploaded != 250 || len(c.Refused) != 1 || c.Refused[0].ID != "monster" {
		t.Errorf("uploaded %d, refused %v", c.Uploaded, c.Refused)
	}
	b.mustSync()
	if len(b.shelf.content()) != 250 {
		t.Errorf("b has %d", len(b.shelf.content()))
	}
	a.mustSync()
	if !strings.Contains(strings.Join(w.asked, " "), "GET info/configuration") {
		t.Errorf("the limits were not asked again: %v", w.asked)
	}
}

// A temporary failure of a proxy does not mean that the server refused a record.
func TestA413OfASmallRecordPasses(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.shelf.put("small", "s")
	w.before = func(r *http.Request) *http.Response {
		if isPost(r, "/storage/notes") {
			return answer(413, "text/html", "<html>too large</html>")
		}
		return nil
	}
	if c := a.mustSync(); len(c.Refused) != 1 || c.Refused[0].Permanent {
		t.Errorf("refused: %+v", c.Refused)
	}
	w.before = nil
	if c := a.mustSync(); c.Uploaded != 1 {
		t.Errorf("%d went up with the next sync", c.Uploaded)
	}
}

// TestPartialFailures: the server stores some records of a POST and says why it
// does not store the others.
func TestPartialFailures(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	fill(a.shelf, 4)
	w.after = func(r *http.Request, resp *http.Response) {
		if !isPost(r, "/storage/notes") {
			return
		}
		body, _ := io.ReadAll(resp.Body)
		var all map[string]any
		_ = json.Unmarshal(body, &all)
		all["success"] = []string{"note-00000"}
		all["failed"] = map[string]any{"note-00001": "retry bytes", "note-00002": []string{"invalid payload"}}
		body, _ = json.Marshal(all)
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}
	c := a.mustSync()
	permanent := map[engine.ID]bool{}
	for _, r := range c.Refused {
		permanent[r.ID] = r.Permanent
	}
	if c.Uploaded != 1 || len(permanent) != 3 || permanent["note-00001"] || !permanent["note-00002"] || permanent["note-00003"] {
		t.Errorf("uploaded %d, refused %v", c.Uploaded, c.Refused)
	}
	w.after = nil
	if c := a.mustSync(); c.Uploaded != 2 {
		t.Errorf("%d went up with the next sync: all but the one refused for good", c.Uploaded)
	}
}

func TestAFullQuotaIsNamed(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	fill(a.shelf, 4)
	w.before = func(r *http.Request) *http.Response {
		if isPost(r, "/storage/notes") {
			return answer(403, "application/json", "14")
		}
		return nil
	}
	if _, err := a.sync(t.Context()); !errors.Is(err, sync15.ErrQuota) {
		t.Errorf("the sync ended with %v", err)
	}
}

// TestStoppedAnywhere stops a sync at each of its requests in turn, in each way that a network
// can fail. The next sync continues, and no record is lost or duplicated.
func TestStoppedAnywhere(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset")
	for name, stop := range map[string]func(w *env, cancel func()){
		"cancelled":             func(_ *env, cancel func()) { cancel() },
		"the request gets lost": func(w *env, _ func()) { w.lose = func() (before, after error) { return reset, nil } },
		"the answer gets lost":  func(w *env, _ func()) { w.lose = func() (before, after error) { return nil, reset } },
		"the server is killed about it": func(w *env, _ func()) {
			w.close()
			w.open()
			w.lose = func() (before, after error) { return reset, nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := 1
			for !stoppedAt(t, at, stop) {
				at++
			}
		})
	}
}

// stoppedAt reports whether the sync ended before its request number at.
func stoppedAt(t *testing.T, at int, stop func(*env, func())) (ended bool) {
	w := newEnv(t, func(w *env) { w.limits = bso.Limits{MaxPostRecords: 10, MaxTotalRecords: 20} })
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 45)
	b.shelf.put("b-note", "b's own")
	b.mustSync()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	w.before = func(*http.Request) *http.Response {
		if n++; n == at {
			stop(w, cancel)
		}
		return nil
	}
	_, err := a.sync(ctx)
	w.before, w.lose = nil, nil
	if (err != nil) != (n >= at) {
		t.Fatalf("stopped at request %d of %d: %v", at, n, err)
	}
	a.mustSync()
	b.mustSync()
	a.mustSync()
	if !maps.Equal(a.shelf.content(), b.shelf.content()) || len(a.shelf.content()) != 46 {
		t.Fatalf("stopped at request %d: a has %d, b has %d", at, len(a.shelf.content()), len(b.shelf.content()))
	}
	if n < at && at < 10 {
		t.Errorf("the sync made only %d requests", n)
	}
	return n < at
}

// TestACommittedBatchIsNotForgotten: the user gives up just as the answer to the
// commit comes in.
func TestACommittedBatchIsNotForgotten(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	fill(a.shelf, 5)
	ctx, cancel := context.WithCancel(t.Context())
	w.after = func(r *http.Request, _ *http.Response) {
		if isPost(r, "/storage/notes") {
			cancel()
		}
	}
	_, _ = a.sync(ctx)
	w.after = nil
	if len(a.shelf.receipts) != 1 || len(a.shelf.dirty) != 0 {
		t.Errorf("%d receipts, %d records to upload again", len(a.shelf.receipts), len(a.shelf.dirty))
	}
}

// TestAnEngineThatFailsHalfwayCommitsNothingHalf: records that the engine could
// not read to the end must not be committed as if they were all.
func TestAnEngineThatFailsHalfwayCommitsNothingHalf(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 600)
	calls := 0
	full := errors.New("disk full")
	a.shelf.at = func(step string) error {
		if step == "outgoing" {
			if calls++; calls == 3 {
				return full
			}
		}
		return nil
	}
	if _, err := a.sync(t.Context()); !errors.Is(err, full) {
		t.Errorf("the sync ended with %v", err)
	}
	b.mustSync()
	if n := len(b.shelf.content()); n != 0 {
		t.Errorf("%d of 600 records were committed", n)
	}
}
