package storage_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestListings(t *testing.T) {
	t.Parallel()
	s := start(t)
	var times []string
	for i, body := range []string{
		`[{"id":"00","payload":"x","sortindex":-1}]`,
		`[{"id":"01","payload":"x","sortindex":34},{"id":"02","payload":"x","sortindex":34}]`,
		`[{"id":"03","payload":"x"},{"id":"04","payload":"x","sortindex":12}]`,
	} {
		s.clock.Pass(time.Duration(i) * time.Second)
		times = append(times, s.do("POST", "/storage/c", body).want(200).modified())
	}
	for query, want := range map[string]string{
		"":                                  "00 01 02 03 04",
		"?sort=oldest":                      "00 01 02 03 04",
		"?sort=newest":                      "04 03 02 01 00",
		"?sort=index":                       "02 01 04 00 03",
		"?newer=" + times[0]:                "01 02 03 04",
		"?newer=" + times[2]:                "",
		"?older=" + times[2]:                "00 01 02",
		"?older=" + times[0]:                "",
		"?older=0":                          "",
		"?sort=newest&older=0":              "",
		"?sort=index&older=0":               "",
		"?newer=0&older=" + times[1]:        "00",
		"?sort=newest&newer=" + times[0]:    "04 03 02 01",
		"?sort=newest&older=" + times[1]:    "00",
		"?sort=index&newer=" + times[0]:     "02 01 04 03",
		"?sort=index&older=" + times[2]:     "02 01 00",
		"?ids=03,00,nope":                   "00 03",
		"?ids=03%2C00":                      "00 03",
		"?ids=03,00&sort=newest":            "03 00",
		"?ids=03,00&newer=" + times[0]:      "03",
		"?ids=03,00&sort=index":             "00 03",
		"?ids=":                             "",
		"?limit=9999999":                    "00 01 02 03 04",
		"?unknown=1&newer=0.00&unknown=%41": "00 01 02 03 04",
		"?older=9999999999.99":              "00 01 02 03 04",
	} {
		got := s.do("GET", "/storage/c"+query, "").want(200)
		if got.ids() != want {
			t.Errorf("%s: %s, want %s", query, got.ids(), want)
		}
		if n := got.Header().Get("X-Weave-Records"); n != fmt.Sprint(len(strings.Fields(want))) {
			t.Errorf("%s: X-Weave-Records %s", query, n)
		}
		if got.modified() != times[2] {
			t.Errorf("%s: modified %s", query, got.modified())
		}
	}
	full := decode[[]wire](s.do("GET", "/storage/c?full=1&sort=index&limit=2", ""))
	if len(full) != 2 || full[0].ID != "02" || full[0].Payload != "x" || *full[0].SortIndex != 34 || full[0].Modified.String() != times[1] || full[0].TTL != nil {
		t.Errorf("full: %+v", full)
	}
	if got := s.do("GET", "/storage/none", "").want(200).wantBody("[]"); got.modified() != "0.00" {
		t.Errorf("a collection that is not there was modified at %s", got.modified())
	}
}

func TestPagesJoinUp(t *testing.T) {
	t.Parallel()
	s := start(t)
	for i := range 12 {
		// Four at a time share a last-modified time, three a sortindex.
		if i%4 == 0 {
			s.clock.Pass(time.Second)
		}
		s.do("POST", "/storage/c", fmt.Sprintf(`[{"id":"%02d","payload":"x","sortindex":%d}]`, i, i/3)).want(200)
	}
	s.do("POST", "/storage/c", `[{"id":"~","payload":"x"},{"id":" ","payload":"x"},{"id":"!","payload":"x"}]`).want(200)
	for _, sort := range []string{"", "&sort=oldest", "&sort=newest", "&sort=index"} {
		for _, more := range []string{"", "&full=1", "&newer=" + decode[[]wire](s.do("GET", "/storage/c?full=1", ""))[3].Modified.String()} {
			whole := s.do("GET", "/storage/c?"+sort+more, "").want(200).Body.String()
			for limit := 1; limit < 17; limit++ {
				var parts []json.RawMessage
				for offset, pages := "", 0; ; pages++ {
					got := s.do("GET", fmt.Sprintf("/storage/c?limit=%d%s%s%s", limit, sort, more, offset), "").want(200)
					page := decode[[]json.RawMessage](got)
					parts = append(parts, page...)
					if n := got.Header().Get("X-Weave-Records"); n != fmt.Sprint(len(page)) {
						t.Fatalf("%s records announced, %d came", n, len(page))
					}
					next := got.Header().Get("X-Weave-Next-Offset")
					if next == "" {
						break
					}
					if len(page) != limit || pages > 20 {
						t.Fatalf("a page of %d, limit %d, has a successor", len(page), limit)
					}
					if strings.Trim(next, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
						t.Fatalf("offset %q is not url-safe", next)
					}
					offset = "&offset=" + next
				}
				joined, err := json.Marshal(parts)
				if err != nil {
					t.Fatal(err)
				}
				if string(joined) != whole {
					t.Fatalf("limit %d, %s%s: %s, want %s", limit, sort, more, joined, whole)
				}
			}
		}
	}
}

// A page that is too long for the buffer is found out about after its first records were read.
func TestLongPagesJoinUp(t *testing.T) {
	t.Parallel()
	s := start(t)
	const records = 30
	for i := range records / 10 {
		s.clock.Pass(time.Second)
		s.do("POST", "/storage/c", list(i*10, 10, 60_000)).want(200)
	}
	for _, sort := range []string{"oldest", "newest"} {
		var want []string
		for _, r := range decode[[]wire](s.do("GET", "/storage/c?full=1&sort="+sort, "").want(200)) {
			want = append(want, r.ID)
		}
		if len(want) != records {
			t.Fatalf("%s: %d of %d records", sort, len(want), records)
		}
		for _, limit := range []int{17, 18, 25, records - 1, records, 5000} {
			var got []string
			for offset := ""; ; {
				page := s.do("GET", fmt.Sprintf("/storage/c?full=1&sort=%s&limit=%d%s", sort, limit, offset), "").want(200)
				all := decode[[]wire](page)
				for _, r := range all {
					got = append(got, r.ID)
				}
				if n := page.Header().Get("X-Weave-Records"); n != fmt.Sprint(len(all)) {
					t.Errorf("%s, limit %d: %s records announced, %d came", sort, limit, n, len(all))
				}
				next := page.Header().Get("X-Weave-Next-Offset")
				if next == "" {
					break
				}
				offset = "&offset=" + next
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s, in pages of %d: %v, want %v", sort, limit, got, want)
			}
		}
	}
}

// More records than clients ask for at a time, which are short.
func TestManyShortRecords(t *testing.T) {
	t.Parallel()
	s := start(t)
	for i := range 11 {
		s.do("POST", "/storage/c", list(i*100, 100, 1)).want(200)
	}
	for query, want := range map[string]int{"": 1100, "&limit=1000": 1000, "&limit=1001": 1001, "&limit=1099": 1099, "&limit=1100": 1100, "&limit=1200": 1100} {
		got := s.do("GET", "/storage/c?full=1"+query, "").want(200)
		if n := len(decode[[]wire](got)); n != want || got.Header().Get("X-Weave-Records") != fmt.Sprint(want) || (got.Header().Get("X-Weave-Next-Offset") == "") != (want == 1100) {
			t.Errorf("%q: %d records, %v", query, n, got.Header())
		}
	}
}

func TestFormats(t *testing.T) {
	t.Parallel()
	s := start(t)
	lines := header{"Content-Type": "application/newlines"}
	s.do("POST", "/storage/c", "{\"id\":\"a\",\"payload\":\"x\\ny\"}\r\n{\"id\":\"b\",\"payload\":\"é\"}", lines).want(200)
	s.do("POST", "/storage/c", `[{"id":"c","payload":""}]`, header{"Content-Type": "text/plain;charset=UTF-8"}).want(200)
	s.do("PUT", "/storage/c/d", `{"payload":"z"}`, header{"Content-Type": "text/plain"}).want(200)
	s.do("PUT", "/storage/c/e", `{"payload":"z"}`, lines).refused(415, "0")
	for _, media := range []string{"application/octet-stream", "text/html", ""} {
		s.do("POST", "/storage/c", `[]`, header{"Content-Type": media}).refused(415, "0")
		s.do("PUT", "/storage/c/e", `{}`, header{"Content-Type": media}).refused(415, "0")
	}
	got := s.do("GET", "/storage/c?full=1", "", header{"Accept": "application/newlines"}).want(200)
	if got.Header().Get("Content-Type") != "application/newlines" || strings.Count(got.Body.String(), "\n") != 4 {
		t.Errorf("lines: %s", got.Body)
	}
	var first wire
	if err := json.Unmarshal([]byte(strings.SplitN(got.Body.String(), "\n", 2)[0]), &first); err != nil || first.Payload != "x\ny" {
		t.Errorf("first line: %+v, %v", first, err)
	}
	s.do("GET", "/storage/c", "", header{"Accept": "application/newlines"}).wantBody("\"a\"\n\"b\"\n\"c\"\n\"d\"\n")
	s.do("GET", "/storage/none", "", header{"Accept": "application/newlines"}).wantBody("")
	for accept, want := range map[string]string{
		"application/json":                                   "application/json",
		"*/*":                                                "application/json",
		"application/json;q=0.9,*/*;q=0.2":                   "application/json",
		"application/newlines, application/json":             "application/newlines",
		"application/newlines;q=0.5, application/json":       "application/json",
		"application/json;q=0, Application/Newlines ; q=0.1": "application/newlines",
		"text/html, */*;q=0.1":                               "application/json",
	} {
		if got := s.do("GET", "/storage/c", "", header{"Accept": accept}).want(200); got.Header().Get("Content-Type") != want {
			t.Errorf("%s: got %s", accept, got.Header().Get("Content-Type"))
		}
	}
	for _, path := range []string{"/storage/c", "/storage/c/a", "/info/collections"} {
		s.do("GET", path, "", header{"Accept": "x/yy"}).refused(406, "0")
	}
	// A resource with one form is sent in that form.
	s.do("GET", "/storage/c/a", "", header{"Accept": "application/newlines"}).want(200)
}

func TestSpacesBetweenIDs(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("POST", "/storage/c", `[{"id":"a"},{"id":"b"},{"id":"c"},{"id":"d"}]`).want(200)
	s.do("GET", "/storage/c?sort=index&ids=a,%20b%20,,%20", "").wantBody(`["b","a"]`)
	s.do("DELETE", "/storage/c?ids=a,%20c", "").want(200)
	s.do("GET", "/storage/c?sort=index", "").wantBody(`["d","b"]`)
	s.do("DELETE", "/storage/c?ids=%20", "").want(200)
	s.do("GET", "/storage/c?sort=index", "").wantBody(`["d","b"]`)
}

// An empty Accept header accepts everything.
func TestEmptyAccept(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("PUT", "/storage/c/a", `{}`).want(200)
	for _, accept := range []string{"", " ", ",", ", ,"} {
		s.do("GET", "/storage/c", "", header{"Accept": accept}).wantBody(`["a"]`)
		s.do("GET", "/info/collections", "", header{"Accept": accept}).want(200)
	}
}
