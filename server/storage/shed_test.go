package storage_test

import (
	"strconv"
	"testing"
)

// With much to do, the service asks clients to come less often; with too much, it sends them away
// with a time. One user does not take the place of the others.
func TestShedding(t *testing.T) {
	t.Parallel()
	s := start(t, func(c *config) { c.MaxWaiting = 4 })
	as := func(user string) (string, header) { return "/storage/1.5/" + user, header{"Authorization": user} }
	for user := range 4 {
		at, who := as(strconv.Itoa(user + 1))
		s.raw("POST", at+"/storage/c", list(0, 100, 20_000), who).want(200) // more than goes out at once
	}
	get := func(user string) *response {
		at, who := as(user)
		return s.raw("GET", at+"/info/collections", "", who)
	}
	seconds := func(r *response, name string) int {
		n, _ := strconv.Atoi(r.Header().Get(name))
		return n
	}
	if got := get("9").want(200); got.Header().Get("X-Weave-Backoff") != "" {
		t.Error("asked to come less often without a reason")
	}
	var slow []*slowReader
	read := func(user string) { slow = append(slow, s.readSlowlyAs(user, "/storage/c?full=1")) }
	read("1")
	if got := get("1").refused(503, "0"); seconds(got, "Retry-After") < 30 {
		t.Errorf("a user with too many requests: %v", got.Header())
	}
	if got := get("9").want(200); got.Header().Get("X-Weave-Backoff") != "" {
		t.Error("asked to come less often because of another user")
	}
	read("2")
	if got := get("9").want(200); seconds(got, "X-Weave-Backoff") < 30 {
		t.Errorf("with half of what is possible in progress: %v", got.Header())
	}
	read("3")
	read("4")
	got := get("9").refused(503, "0")
	if seconds(got, "Retry-After") < 30 || got.Header().Get("X-Weave-Backoff") != "" {
		t.Errorf("with all that is possible in progress: %v", got.Header())
	}
	// Not even the proof is checked.
	s.raw("GET", "/storage/1.5/9/info/collections", "", header{"Authorization": "nobody"}).refused(503, "0")
	if n := s.Steps(); n.InProgress != 4 || n.Refused != 3 {
		t.Errorf("%+v", n)
	}
	for _, reader := range slow {
		close(reader.proceed)
		<-reader.done
	}
	get("1").want(200)
	if n := s.Steps(); n.InProgress != 0 {
		t.Errorf("%+v", n)
	}
}
