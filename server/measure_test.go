package server_test

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"flag"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"github.com/syncmanager/syncmanager/internal/inproc"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/accounts"
)

var measured = flag.Int("users", 0, "measure what so many users take of the disk and of memory")

// TestMeasureUsers prints what deploy/README.md says of disk and memory: users with 500
// bookmarks each, and then fifty of them at once who read all of theirs and write fifty.
// Client and server are in one process, so the memory is that of both.
func TestMeasureUsers(t *testing.T) {
	if *measured == 0 {
		t.Skip("a measurement: run it with -args -users 1000")
	}
	w := newEnv(t, func(c *server.Config) { c.SignIn = accounts.Limits{PerAddress: 1 << 30} })
	// A sealed bookmark is some 500 bytes.
	payload := func() string {
		raw := make([]byte, 375)
		rand.Read(raw)
		return base64.StdEncoding.EncodeToString(raw)
	}
	post := func(d *device, from, n int) {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `%c{"id":"bookmark%04d","sortindex":%d,"payload":%q}`, "[,"[min(i, 1)], from+i, i, payload())
		}
		if code, answer := d.do("POST", "/storage/bookmarks", b.String()+"]"); code != http.StatusOK {
			t.Errorf("post: %d %s", code, answer)
		}
	}
	var some []*device
	for n := range *measured {
		d := &device{w: w, via: inproc.New(w.server.Handler())}
		var err error
		if d.account, err = w.accounts(d.via).CreateAccount(t.Context(), fmt.Sprintf("user%d@example.org", n), password); err != nil {
			t.Fatal(err)
		}
		d.renew()
		for i := range 5 {
			post(d, 100*i, 100)
		}
		if len(some) < 50 {
			some = append(some, d)
		}
	}
	var users, rest int64
	err := filepath.WalkDir(w.cfg.Dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err == nil && strings.Contains(path, "storage/") && !strings.Contains(path, "index.sqlite") {
			users += info.Size()
		} else if err == nil {
			rest += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	debug.FreeOSMemory()
	t.Logf("%d users: %d bytes each in their files, %d each in those of all; resident %s", *measured, users/int64(*measured), rest/int64(*measured), resident(t))
	var active sync.WaitGroup
	for _, d := range some {
		active.Go(func() {
			d.do("GET", "/storage/bookmarks?full=1", "")
			post(d, 0, 50)
		})
	}
	active.Wait()
	t.Logf("with %d active: resident %s", len(some), resident(t))
}

// resident is the process's resident memory, as Linux tells it.
func resident(t *testing.T) string {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return "not known here"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			return strings.TrimSpace(value)
		}
	}
	return "not known here"
}
