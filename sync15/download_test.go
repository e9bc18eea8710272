package sync15_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/seal"
	"github.com/syncmanager/syncmanager/sync15"
)

func fill(s *shelf, n int) {
	for i := range n {
		s.put(engine.ID(fmt.Sprintf("note-%05d", i)), fmt.Sprintf("text %d", i))
	}
}

func isGet(r *http.Request, path string) bool {
	return r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, path)
}

func isPost(r *http.Request, path string) bool {
	return r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, path)
}

func TestManyRecordsGoUpInBatchesAndComeDownInPages(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 2500)
	if c := a.mustSync(); c.Uploaded != 2500 {
		t.Errorf("uploaded %d", c.Uploaded)
	}
	posts := 0
	for _, r := range w.asked {
		if r == "POST storage/notes" {
			posts++
		}
	}
	if posts != 25 || len(a.shelf.receipts) != 1 {
		t.Errorf("%d POSTs in %d batches; 100 records fit in one POST and 10,000 in a batch", posts, len(a.shelf.receipts))
	}
	w.before = func(r *http.Request) *http.Response {
		if r.URL.Query().Has("offset") && r.Header.Get("X-If-Unmodified-Since") == "" {
			t.Error("a further page was asked for without the time of the first")
		}
		return nil
	}
	if c := b.mustSync(); c.Downloaded != 2500 || len(b.shelf.content()) != 2500 {
		t.Errorf("downloaded %d", c.Downloaded)
	}
	w.before = nil
	gets := 0
	for _, r := range w.asked {
		if r == "GET storage/notes" {
			gets++
		}
	}
	if gets != 3 {
		t.Errorf("%d pages of 1000", gets)
	}
	b.mustSync()
	w.expect("GET info/collections")
}

// TestAChangeBetweenTwoPagesStartsTheDownloadAgain: what another device writes while this one
// reads is neither lost nor read in part.
func TestAChangeBetweenTwoPagesStartsTheDownloadAgain(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b, c := w.device("a"), w.device("b"), w.device("c")
	fill(a.shelf, 1500)
	a.mustSync()
	c.mustSync()
	pages := 0
	w.before = func(r *http.Request) *http.Response {
		if isGet(r, "/storage/notes") {
			if pages++; pages == 2 {
				w.before = nil
				c.shelf.put("note-00000", "changed meanwhile")
				c.mustSync()
			}
		}
		return nil
	}
	b.mustSync()
	if got := b.shelf.content(); len(got) != 1500 || got["note-00000"] != "changed meanwhile" {
		t.Errorf("%d notes, the changed one is %q", len(got), got["note-00000"])
	}
	if len(b.shelf.ended) != 2 || !errors.Is(b.shelf.ended[0], sync15.ErrConflict) || b.shelf.ended[1] != nil {
		t.Errorf("the sessions ended with %v", b.shelf.ended)
	}
}

func TestADownloadThatBreaksOffIsNotTakenForAll(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 1500)
	a.mustSync()
	w.after = func(r *http.Request, resp *http.Response) {
		if isGet(r, "/storage/notes") && r.URL.Query().Has("offset") {
			resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 5000), broken{}))
		}
	}
	if _, err := b.sync(t.Context()); err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("the sync ended with %v", err)
	}
	if b.shelf.since != 0 || len(b.shelf.content()) != 0 {
		t.Error("half a download was merged")
	}
	w.after = nil
	b.mustSync()
	if len(b.shelf.content()) != 1500 {
		t.Errorf("%d notes after the second try", len(b.shelf.content()))
	}
}

// TestALargePageThatBreaksOffIsReadInSmallOnes: what came of it comes again, and counts once.
func TestALargePageThatBreaksOffIsReadInSmallOnes(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 2500)
	a.mustSync()
	w.page = 10_000
	var limits []string
	w.after = func(r *http.Request, resp *http.Response) {
		if isGet(r, "/storage/notes") {
			limits = append(limits, r.URL.Query().Get("limit"))
			if len(limits) == 1 {
				resp.Body = io.NopCloser(io.MultiReader(io.LimitReader(resp.Body, 150_000), broken{}))
			}
		}
	}
	c := b.mustSync()
	if want := []string{"10000", "1000", "1000", "1000"}; !slices.Equal(limits, want) {
		t.Errorf("pages of %v were asked for; want %v", limits, want)
	}
	if got := b.shelf.content(); len(got) != 2500 || c.Merged.Applied != 2500 {
		t.Errorf("%d notes, %d applied", len(got), c.Merged.Applied)
	}
	w.after = nil
	b.mustSync()
	w.expect("GET info/collections")
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// TestAnswersThatAreNone covers answers from something between a device and its server, such as
// a proxy.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 20<<20)
	line := `{"id":"note-1","modified":5.00,"payload":"{}"}` + "\n"
	for name, c := range map[string]struct {
		path string
		resp func() *http.Response
		says string
	}{
		"a web page for the news": {"/info/collections", func() *http.Response { return answer(200, "text/html; charset=utf-8", "<html>Please log in</html>") }, "a web page came back"},
		"a web page with 404":     {"/storage/meta/global", func() *http.Response { return answer(404, "text/html", "<html>nginx</html>") }, "a web page came back"},
		"20 MB of news":           {"/info/collections", func() *http.Response { return answer(200, "application/json", `{"a":"`+long+`"}`) }, "far less was due"},
		"20 MB of meta/global": {"/storage/meta/global", func() *http.Response {
			return answer(200, "application/json", `{"payload":"`+long+`"}`, "X-Last-Modified", "5.00")
		}, "far less was due"},
		"no JSON":            {"/info/collections", func() *http.Response { return answer(200, "application/json", `{"a":`) }, "not a list of collections"},
		"null":               {"/info/collections", func() *http.Response { return answer(200, "application/json", `null`) }, "not a list of collections"},
		"500":                {"/info/collections", func() *http.Response { return answer(500, "application/json", `0`) }, "500 Internal Server Error"},
		"a redirect":         {"/info/collections", func() *http.Response { return answer(302, "text/plain", ``, "Location", "https://evil.test/") }, "302"},
		"no X-Last-Modified": {"/storage/notes", func() *http.Response { return answer(200, "application/newlines", line) }, "X-Last-Modified"},
		"a page for records": {"/storage/notes", func() *http.Response { return answer(200, "text/html", "<html>") }, "a web page came back"},
		"a cut record": {"/storage/notes", func() *http.Response {
			return answer(200, "application/newlines", line[:20], "X-Last-Modified", "5.00")
		}, "cut off"},
		"fewer records than announced": {"/storage/notes", func() *http.Response {
			return answer(200, "application/newlines", line, "X-Last-Modified", "5.00", "X-Weave-Records", "2")
		}, "announces 2 records"},
		"an endless record": {"/storage/notes", func() *http.Response {
			return answer(200, "application/newlines", long, "X-Last-Modified", "5.00")
		}, "larger than the server's own limit"},
		"pages in a circle": {"/storage/notes", func() *http.Response {
			return answer(200, "application/newlines", line, "X-Last-Modified", "5.00", "X-Weave-Next-Offset", "again")
		}, "circle"},
		"an ID of 65 characters": {"/storage/notes", func() *http.Response {
			return answer(200, "application/newlines", `{"id":"`+strings.Repeat("i", 65)+`","payload":"{}"}`, "X-Last-Modified", "5.00")
		}, "no valid ID"},
		"no array": {"/storage/notes", func() *http.Response { return answer(200, "application/json", `{"a":1}`, "X-Last-Modified", "5.00") }, "not a list of records"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newEnv(t)
			a, b := w.device("a"), w.device("b")
			a.shelf.put("note-1", "hello")
			a.mustSync()
			b.shelf.put("note-2", "mine")
			w.before = func(r *http.Request) *http.Response {
				if isGet(r, c.path) {
					return c.resp()
				}
				return nil
			}
			_, err := b.sync(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("the error is %v; want it to say %q", err, c.says)
			}
			if len(err.Error()) > 400 {
				t.Errorf("that is no sentence: %d bytes", len(err.Error()))
			}
			w.before = nil
			b.mustSync()
			a.mustSync()
			if got := a.shelf.content(); got["note-1"] != "hello" || got["note-2"] != "mine" || len(b.shelf.content()) != 2 {
				t.Errorf("afterwards a has %v", got)
			}
		})
	}
}

// TestAnArrayIsReadToo: not every server supports application/newlines.
func TestAnArrayIsReadToo(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 300)
	a.mustSync()
	w.before = func(r *http.Request) *http.Response {
		r.Header.Set("Accept", "application/json")
		return nil
	}
	if c := b.mustSync(); c.Downloaded != 300 {
		t.Errorf("downloaded %d", c.Downloaded)
	}
}

// TestATombstoneNeedsNoID: tombstones of Mozilla's Rust components have no ID.
func TestATombstoneNeedsNoID(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 2)
	a.mustSync()
	b.mustSync()
	var gone string
	for id := range a.shelf.content() {
		gone = string(id)
	}
	payload, err := a.state.Inner().Keys.Default.Seal(nil, []byte(`{"deleted":true}`), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.put("notes", gone, string(payload))
	if c := b.mustSync(); c.Merged.Failed != 0 || len(b.shelf.content()) != 1 {
		t.Errorf("%d notes, %d failed; want one left", len(b.shelf.content()), c.Merged.Failed)
	}
}

// TestUnreadableRecordsAreReportedAndTheRestGoesOn covers each kind of damage that a record can
// have.
func TestUnreadableRecordsAreReportedAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	fill(a.shelf, 3)
	a.mustSync()
	other, _ := seal.RandomBundle(rand.Reader)
	keys := a.state.Inner().Keys.Default
	sealed := func(k *seal.Bundle, clear string) string {
		p, _ := k.Seal(nil, []byte(clear), rand.Reader)
		return string(p)
	}
	tampered := []byte(sealed(keys, `{"id":"bad-02","text":"x"}`))
	tampered[20] ^= 1
	for i, payload := range []string{
		"<html>", string(tampered), sealed(other, `{"id":"bad-03","text":"x"}`), sealed(keys, `{"id":"bad-04","te`), sealed(keys, `[1]`),
		sealed(keys, `{"id":"somebody-else","text":"x"}`), sealed(keys, `{"text":"x"}`), `{"ciphertext":1}`, "", sealed(keys, "\xff\xfe"),
		sealed(keys, `{"id":"somebody-else","deleted":true}`),
	} {
		a.put("notes", fmt.Sprintf("bad-%02d", i+1), payload)
	}
	c := b.mustSync()
	if len(b.shelf.content()) != 3 || c.Merged.Failed != 11 || c.Downloaded != 14 {
		t.Errorf("%d good notes, %d failed of %d", len(b.shelf.content()), c.Merged.Failed, c.Downloaded)
	}
	for _, p := range c.Merged.Problems {
		if !errors.Is(p.Err, seal.ErrHMAC) && !errors.Is(p.Err, seal.ErrPayload) {
			t.Errorf("%s: %v", p.ID, p.Err)
		}
	}
	keyReads := func() (n int) {
		for _, r := range w.asked {
			if r == "GET storage/crypto/keys" {
				n++
			}
		}
		return n
	}
	if n := keyReads(); n != 2 {
		t.Errorf("crypto/keys was read %d times: once to begin with, once for the records that do not open", n)
	}
	// They are tried again, but the keys are not fetched again for ten minutes.
	b.mustSync()
	if keyReads() != 0 || !slices.Contains(w.asked, "GET storage/notes") {
		t.Errorf("the requests were %v", w.asked)
	}
	w.Pass(11 * time.Minute)
	b.mustSync()
	if keyReads() != 1 {
		t.Errorf("crypto/keys was not looked at again after ten minutes: %v", w.asked)
	}
}

// put writes a record without the engine.
func (d *device) put(collection, id, payload string) {
	d.w.t.Helper()
	if err := d.run.PutRaw(context.Background(), collection, bso.ID(id), payload); err != nil {
		d.w.t.Fatal(err)
	}
}

func TestARestoredServerIsReconciled(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a := w.device("a")
	a.shelf.put("note-1", "hello")
	a.mustSync()
	a.shelf.since += 100_000 // as if the server had been set back
	resets := a.shelf.resets
	a.mustSync()
	if a.shelf.resets != resets+1 || a.shelf.content()["note-1"] != "hello" {
		t.Errorf("resets %d, content %v", a.shelf.resets-resets, a.shelf.content())
	}
	a.mustSync()
	w.expect("GET info/collections")
}

func TestTimesThatGoBackDuringASyncStopIt(t *testing.T) {
	t.Parallel()
	w := newEnv(t)
	a, b := w.device("a"), w.device("b")
	a.shelf.put("note-1", "hello")
	a.mustSync()
	b.mustSync()
	a.shelf.put("note-1", "again")
	a.mustSync()
	w.after = func(r *http.Request, resp *http.Response) {
		if isGet(r, "/storage/notes") {
			resp.Header.Set("X-Last-Modified", "1.00")
		}
	}
	if _, err := b.sync(t.Context()); !errors.Is(err, sync15.ErrConflict) {
		t.Errorf("the sync ended with %v", err)
	}
	w.after = nil
	w.agree(1, b, a)
}
