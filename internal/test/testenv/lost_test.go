package testenv_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// Collections that are deleted on the server while meta/global stays are restored completely,
// no matter which device fills them first: one that had all records, one that missed the
// newest, or one that never had any.
func TestLostCollectionsComeBack(t *testing.T) {
	for _, order := range [][]int{{0, 1, 2}, {1, 2, 0}, {2, 1, 0}} {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			t.Parallel()
			w := testenv.New(t)
			devices := []*flat{whole(w, "a"), whole(w, "b"), whole(w, "c")}
			a, b, c := devices[0], devices[1], devices[2]
			// All devices sync the empty account first; c is offline from then on.
			agree(t, devices...)
			names := a.fill()
			for range 2 {
				a.Sync()
				b.Sync()
			}
			a.add("newest")
			a.Sync()
			w.Clock.Pass(time.Second)
			for _, name := range append(names, "bookmarks", "history") {
				// Some are not there.
				_ = a.Manager.Records().DeleteCollection(t.Context(), name)
			}
			w.Clock.Pass(time.Second)
			b.add("of-b")
			c.add("of-c")
			var sorted []*flat
			for _, i := range order {
				sorted = append(sorted, devices[i])
			}
			all := agree(t, sorted...)
			for _, word := range []string{"newest", "of-b", "of-c"} {
				n := 0
				for _, line := range all {
					if strings.Contains(line, word) {
						n++
					}
				}
				if n != 5 {
					t.Errorf("%d things are named %q in\n%s", n, word, strings.Join(all, "\n"))
				}
			}
			// What is on the server is enough for a new device.
			d := whole(w, "d")
			d.Sync()
			if !slices.Equal(d.items(), all) {
				t.Errorf("a new device has\n%v\nand the others\n%v", d.items(), all)
			}
		})
	}
}
