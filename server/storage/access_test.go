package storage_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOnlyTheOwnerGetsIn(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("PUT", "/storage/c/a", `{"payload":"mine"}`).want(200)
	for _, who := range []string{"2", "", "nobody", "01", "1 expired"} {
		for method, path := range map[string]string{"GET": "/storage/c/a", "PUT": "/storage/c/a", "POST": "/storage/c", "DELETE": ""} {
			got := s.do(method, path, `{}`, header{"Authorization": who})
			if who == "01" { // the number 1, however written
				continue
			}
			if got.refused(401, "0").Header().Get("WWW-Authenticate") == "" {
				t.Error("a 401 that does not say how to authenticate")
			}
		}
	}
	s.do("PUT", "/storage/c/a", `{"payload":"mine"}`).want(200)
	// An expired token is good for reading info/collections only.
	old := header{"Authorization": "1 expired"}
	s.do("GET", "/info/collections", "", old).want(200)
	s.do("GET", "/info/collection_counts", "", old).refused(401, "0")
	s.do("GET", "/info/configuration", "", old).refused(401, "0")
	// A failed check is the server's fault.
	s.do("GET", "/info/collections", "", header{"Authorization": "broken"}).refused(500, "0")
}

func TestPathsThatLeadNowhere(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, path := range []string{
		"/", "/storage", "/storage/", "/storage/1.5", "/storage/1.5/", "/storage/1.5//info/collections", "/storage/1.5/x", "/storage/1.5/-1",
		"/storage/1.5/01/info/collections", "/storage/1.5/+1", "/storage/1.5/1/nonexistent/url", "/storage/1.5/1/info", "/storage/1.5/1/info/",
		"/storage/1.5/1/info/collections/x", "/storage/1.5/1/info/passwd", "/storage/1.5/99999999999999999999/storage/c",
		"/storage/1.5/1/storage/c/a/b", "/storage/1.5/1/../2/storage/c", "/storage/1.5/%31/storage/c", "/storage/1.1/1/storage/c",
		"/storage/1.5/1//storage/c", "/storagex/1.5/1/storage/c",
	} {
		s.raw("GET", path, "").refused(404, "0")
	}
	for _, name := range []string{"", "%2e%2e%2f", "a%2Fb", "%00", "c%20d", "ä", "%zz", strings.Repeat("x", 33), "a+b", "*", "a%0a"} {
		if name == "%zz" {
			continue // no URL at all: net/http refuses it
		}
		s.do("GET", "/storage/"+name, "").refused(400, "13")
	}
	// Dots are part of a name: no path names a file.
	for _, name := range []string{"..", "%2e%2e", ".", "..."} {
		s.do("GET", "/storage/"+name, "").want(200)
		s.do("PUT", "/storage/"+name+"/..", `{"payload":"x"}`).want(200)
	}
	for _, id := range []string{"", "%00", "%0A", "%C3%A9", strings.Repeat("x", 65), "%7F"} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			s.do(method, "/storage/c/"+id, `{}`).refused(400, "0")
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, c := range []struct{ method, path, allow string }{
		{"PUT", "/info/quota", "GET"}, {"GET", "", "DELETE"}, {"GET", "/storage", "DELETE"}, {"PATCH", "/storage/c", "DELETE, GET, POST"},
		{"PUT", "/storage/c", "DELETE, GET, POST"}, {"POST", "/storage/c/a", "DELETE, GET, PUT"}, {"TRACE", "/storage/c/a", "DELETE, GET, PUT"},
		{"DELETE", "/info/configuration", "GET"},
	} {
		if got := s.do(c.method, c.path, `{}`).refused(405, "0"); got.Header().Get("Allow") != c.allow {
			t.Errorf("%s %s: allowed %q", c.method, c.path, got.Header().Get("Allow"))
		}
	}
	s.do("HEAD", "/storage/c", "").want(200).wantBody("")
}

func TestParametersThatMeanNothing(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("PUT", "/storage/c/a", `{"payload":"x"}`).want(200)
	ids := strings.Repeat("x,", 101)
	for _, query := range []string{
		"newer=x", "newer=", "newer=-1", "newer=1e9", "newer=NaN", "older=x", "older=-0.01", "older=1.2.3", "limit=x", "limit=-1", "limit=0", "limit=", "limit=1.5",
		"limit=99999999999999999999", "sort=up", "ids=" + ids, "ids=a%00", "ids=" + strings.Repeat("y", 65), "ids=%C3%A9", "newer=%zz", "%zz=1",
		"offset=x", "offset=", "offset=!!", "offset=AAAA", "offset=bwA", "offset=bwJhYg==", "offset=bgJh", "offset=bwIA", "offset=b_____________w",
	} {
		s.do("GET", "/storage/c?"+query, "").refused(400, "0")
	}
	s.do("DELETE", "/storage/c?ids="+ids, "").refused(400, "0")
	// A forged position lists the user's own records.
	s.do("GET", "/storage/c?offset=bwJh", "").want(200).wantBody(`["a"]`)
	s.do("GET", "/storage/c?ids="+strings.Repeat("x,", 99)+"a", "").want(200).wantBody(`["a"]`)
	s.do("GET", "/storage/c?limit=9223372036854775807&full", "").want(200)
	s.do("GET", "/storage/c?&&=&x&newer=0&newer=junk", "").want(200).wantBody(`["a"]`)
}

// endless is a body that never ends.
type endless struct{ read int }

func (e *endless) Read(b []byte) (int, error) {
	e.read += len(b)
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func TestNoMoreIsReadThanTheLimit(t *testing.T) {
	t.Parallel()
	s := start(t, limited)
	for length, most := range map[int64]int{
		1001: 0,    // it says itself that it is too long
		-1:   8192, // it does not; what is read in vain is no more than a buffer
	} {
		body := &endless{}
		r, err := http.NewRequest("POST", "/storage/1.5/1/storage/c", body)
		if err != nil {
			t.Fatal(err)
		}
		r.ContentLength = length
		r.Header.Set("Authorization", "1")
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 413 || w.Body.String() != "17" || body.read > most {
			t.Errorf("length %d: status %d, body %s, %d bytes read", length, w.Code, w.Body, body.read)
		}
	}
}

func TestStopping(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.do("PUT", "/storage/c/a", `{"payload":"x"}`).want(200)
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.do("GET", "/storage/c/a", "").refused(503, "0"); got.Header().Get("Retry-After") != "10" {
		t.Errorf("Retry-After %q", got.Header().Get("Retry-After"))
	}
	if s.log.Len() != 0 {
		t.Errorf("logged: %s", s.log)
	}
}

func TestAUserIsDeletedWithAllTheirData(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config) { c.files.MaxOpen = 1 })
	other := header{"Authorization": "2"}
	s.do("PUT", "/storage/c/a", `{"payload":"x"}`).want(200)
	s.raw("PUT", "/storage/1.5/2/storage/c/a", `{"payload":"x"}`, other).want(200)
	for range 2 { // once when it is not open, once when nothing is there
		if err := s.DeleteUser(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DeleteUser(t.Context(), 2); err != nil { // while it is open
		t.Fatal(err)
	}
	s.do("GET", "/info/collections", "").wantBody(`{}`)
	s.raw("GET", "/storage/1.5/2/info/collections", "", other).wantBody(`{}`)
	s.raw("PUT", "/storage/1.5/2/storage/c/a", `{"payload":"y"}`, other).want(200)
}
