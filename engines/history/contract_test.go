package history_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/history"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

var now = time.UnixMicro(1_795_370_000_000_000).UTC()

func open(t testing.TB, dir string) *history.Engine {
	t.Helper()
	e, err := openWith(dir, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func openWith(dir string, clock func() time.Time) (*history.Engine, error) {
	return history.Open(context.Background(), history.Config{Path: filepath.Join(dir, "places.sqlite"), Now: clock, Rand: rand.Reader})
}

func site(i int) string { return fmt.Sprintf("https://site-%d.example/", i) }

// visited is when page i was visited.
func visited(i int) time.Time { return now.Add(-time.Duration(i+1) * time.Second) }

func harness() enginetest.Harness {
	return enginetest.Harness{
		Open: func(t testing.TB, dir string) engine.Engine { return open(t, dir) },
		Close: func(t testing.TB, e engine.Engine) {
			if err := e.(*history.Engine).Close(); err != nil {
				t.Error(err)
			}
		},
		Incoming: func(i, version int) engine.Incoming {
			id := engine.ID(fmt.Sprintf("page%08d", i))
			return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","histUri":"%s","title":"title %d","visits":[{"date":%d,"type":1}]}`,
				id, site(i), version, visited(i).UnixMicro())}
		},
		Add: func(ctx context.Context, e engine.Engine, i int) (engine.ID, error) {
			p, err := e.(*history.Engine).AddVisit(ctx, site(i), "title 0", history.Visit{At: visited(i)})
			return p.ID, err
		},
		Edit: func(ctx context.Context, e engine.Engine, id engine.ID, version int) error {
			return retitle(ctx, e.(*history.Engine), id, fmt.Sprintf("title %d", version))
		},
		Delete: func(ctx context.Context, e engine.Engine, id engine.ID) error {
			return e.(*history.Engine).Delete(ctx, id)
		},
		Versions: func(ctx context.Context, e engine.Engine) (map[engine.ID]int, error) {
			all := make(map[engine.ID]int)
			for p, err := range e.(*history.Engine).List(ctx) {
				if err != nil {
					return nil, err
				}
				var version int
				if _, err := fmt.Sscanf(p.Title, "title %d", &version); err != nil {
					return nil, err
				}
				all[p.ID] = version
			}
			return all, nil
		},
		Invalid:            []byte(`{"id":"page00000000","title":"title 0","visits":[]}`),
		Duplicates:         true,
		RemembersDeletions: true,
		Unknown:            true,
		Many:               long.Of(1500, 5000), // 5000 are as many as one sync sends
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, harness())
}
