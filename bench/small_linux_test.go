package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// memoryGroup makes a control group whose processes get no more than so many bytes of
// memory, and returns its folder. It skips the test where that is not allowed.
func memoryGroup(t *testing.T, bytes int) string {
	t.Helper()
	for _, v := range []struct{ root, limit string }{
		{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, // version 1
		{"/sys/fs/cgroup", "memory.max"},
	} {
		dir := filepath.Join(v.root, fmt.Sprintf("syncmanager-test-%d", os.Getpid()))
		if os.Mkdir(dir, 0o700) != nil {
			continue
		}
		t.Cleanup(func() { _ = os.Remove(dir) })
		if os.WriteFile(filepath.Join(dir, v.limit), []byte(strconv.Itoa(bytes)), 0) == nil {
			return dir
		}
	}
	t.Skip("no memory control group can be made here: the server is not tried in little memory")
	return ""
}

// startIn starts the program in a control group, and returns the address that it serves.
func startIn(t *testing.T, group, program string, args ...string) (url string, c *exec.Cmd) {
	t.Helper()
	c = exec.Command("sh", append([]string{"-c", `echo $$ >"$0" && exec "$@"`, filepath.Join(group, "cgroup.procs"), program}, args...)...)
	var log bytes.Buffer
	c.Stderr = &log
	out, err := c.StdoutPipe()
	check(t, err)
	check(t, c.Start())
	lines := bufio.NewReader(out)
	line, err := lines.ReadBytes('\n')
	var ready struct{ URL string }
	if err == nil {
		err = json.Unmarshal(line, &ready)
	}
	if err != nil {
		_ = c.Wait()
		t.Fatalf("the server did not start: %v\n%s", err, &log)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	t.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt)
		if err := c.Wait(); err != nil {
			t.Errorf("the server ended with %v\n%.4000s", err, &log)
		}
	})
	return ready.URL, c
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestServerInLittleMemory runs the real program in a control group, as a container or a
// systemd unit is: it outlives strangers' wrong passwords, all at once, and serves whole
// collections. That is the least memory that --memory takes.
func TestServerInLittleMemory(t *testing.T) {
	program := filepath.Join(t.TempDir(), "syncmanager")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../cmd/syncmanager")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dir := t.TempDir()
	for _, name := range []string{"server", "a", "b"} {
		check(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	group := memoryGroup(t, 64<<20)
	url, _ := startIn(t, group, program, "serve", "--json", "--addr", "127.0.0.1:0", "--sign-up", "open", "--data", filepath.Join(dir, "server"))

	records := 5000
	_, err := run(t.Context(), "fill engines", task{Dir: filepath.Join(dir, "a"), Engines: logins, To: records}, new(bool))
	check(t, err)
	var got synced
	_, err = run(t.Context(), "sync", task{Dir: filepath.Join(dir, "a"), URL: url, Email: email, Create: true, Engines: logins}, &got)
	check(t, err)
	if got.Uploaded != records {
		t.Errorf("%+v", got)
	}

	statuses := wrongPasswords(t, url, 100)
	for status, n := range statuses {
		// Wrong, too many tries, or no memory for one more just now.
		if !slices.Contains([]int{http.StatusBadRequest, http.StatusTooManyRequests, http.StatusServiceUnavailable}, status) {
			t.Errorf("%d of the wrong passwords were answered %d", n, status)
		}
	}
	if statuses[http.StatusBadRequest] == 0 {
		t.Errorf("no wrong password was looked at: %v", statuses)
	}

	_, err = run(t.Context(), "sync", task{Dir: filepath.Join(dir, "b"), URL: url, Email: email, Engines: logins}, &got)
	check(t, err)
	if got.Applied != records {
		t.Errorf("%+v", got)
	}
	if peak, err := os.ReadFile(filepath.Join(group, "memory.max_usage_in_bytes")); err == nil {
		t.Logf("%v answers; the group's peak is %s bytes", statuses, strings.TrimSpace(string(peak)))
	}
}

// wrongPasswords signs in n times at once, as n strangers, and counts the answers.
func wrongPasswords(t *testing.T, url string, n int) map[int]int {
	var mu sync.Mutex
	statuses := map[int]int{}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			body := fmt.Sprintf(`{"email": "stranger%d@example.org", "authPW": "%064x"}`, i, i)
			resp, err := http.Post(url+"/auth/v1/account/login", "application/json", strings.NewReader(body))
			if err != nil {
				t.Errorf("stranger %d: %v", i, err)
				return
			}
			_ = resp.Body.Close()
			mu.Lock()
			statuses[resp.StatusCode]++
			mu.Unlock()
		})
	}
	all.Wait()
	return statuses
}
