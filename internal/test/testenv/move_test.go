package testenv_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/internal/test/testenv"
	"github.com/syncmanager/syncmanager/server"
	"github.com/syncmanager/syncmanager/server/move"
)

// A server moves to PostgreSQL and back. A device has nothing to do then: it asks once.
func TestAServerMovesUnderItsDevices(t *testing.T) {
	pgtest.OnFiles(t)
	t.Parallel()
	var at move.Place
	w := testenv.New(t, func(c *server.Config) {
		if at != (move.Place{}) {
			c.Dir, c.Database = at.Dir, at.Database
			if c.Dir == "" {
				c.Dir = filepath.Join(t.TempDir(), "node")
			}
		}
	})
	d := w.Device("laptop", ann)
	d.Add("https://one.example", "ann", "first")
	d.Sync()
	d.Sync()
	from := move.Place{Dir: w.Dir}
	for _, to := range []move.Place{{Database: pgtest.Database(t)}, {Dir: filepath.Join(t.TempDir(), "back")}} {
		w.Restart(func() {
			r, err := move.Run(t.Context(), move.Config{From: from, To: to, Now: w.Clock.Now})
			if err != nil || r.Users != 1 {
				t.Fatalf("%+v, %v", r, err)
			}
			at = to
		})
		from = to
		w.Net.Asked()
		d.Sync()
		if asked := w.Net.Asked(); len(asked) != 1 || !strings.HasSuffix(asked[0], "/info/collections") {
			t.Errorf("a device with nothing to do asked %v", asked)
		}
		d.Add("https://after"+strconv.Itoa(len(to.Dir))+"x.example", "ann", "next")
		d.Sync()
	}
	fresh := w.Device("phone", ann)
	fresh.Sync()
	if got := fresh.Logins(); len(got) != 3 {
		t.Errorf("a new device has %v", got)
	}
}
