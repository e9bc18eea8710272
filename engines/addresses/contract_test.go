package addresses_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

func street(i, version int) string { return fmt.Sprintf("%d Main St\nfloor %d", i, version) }

func harness() enginetest.Harness {
	return enginetest.Harness{
		Many: long.Of(2000, 10_000),
		Open: func(t testing.TB, dir string) engine.Engine {
			now := func() time.Time { return time.UnixMilli(1_795_370_000_000) }
			return openAt(t, filepath.Join(dir, "addresses.db"), now)
		},
		Close: func(t testing.TB, e engine.Engine) {
			if err := e.(*addresses.Engine).Close(); err != nil {
				t.Error(err)
			}
		},
		Incoming: func(i, version int) engine.Incoming {
			id := engine.ID(fmt.Sprintf("%012x", i))
			return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","entry":{"street-address":"%s","version":1,`+
				`"timeCreated":1795360000000,"timeLastModified":1795360000000,"timeLastUsed":0,"timesUsed":0}}`,
				id, strings.ReplaceAll(street(i, version), "\n", `\n`))}
		},
		Add: func(ctx context.Context, e engine.Engine, i int) (engine.ID, error) {
			a, err := e.(*addresses.Engine).Add(ctx, addresses.Address{Entry: addresses.Entry{StreetAddress: street(i, 0)}})
			return a.ID, err
		},
		Edit: func(ctx context.Context, e engine.Engine, id engine.ID, version int) error {
			a, err := e.(*addresses.Engine).Get(ctx, id)
			if err != nil {
				return err
			}
			line, _, _ := strings.Cut(a.StreetAddress, "\n")
			a.StreetAddress = fmt.Sprintf("%s\nfloor %d", line, version)
			_, err = e.(*addresses.Engine).Update(ctx, a)
			return err
		},
		Delete: func(ctx context.Context, e engine.Engine, id engine.ID) error {
			return e.(*addresses.Engine).Delete(ctx, id)
		},
		Versions: func(ctx context.Context, e engine.Engine) (map[engine.ID]int, error) {
			all := make(map[engine.ID]int)
			for a, err := range e.(*addresses.Engine).List(ctx) {
				if err != nil {
					return nil, err
				}
				var i, version int
				if _, err := fmt.Sscanf(a.StreetAddress, "%d Main St\nfloor %d", &i, &version); err != nil {
					return nil, err
				}
				all[a.ID] = version
			}
			return all, nil
		},
		Invalid:    []byte(`{"id":"000000000000","entry":{"name":"Ann","version":0}}`),
		Duplicates: true,
		Unknown:    true,
	}
}

func TestContract(t *testing.T) { enginetest.Run(t, harness()) }
