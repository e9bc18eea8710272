package jsonnotes

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
)

// Harness tells the conformance suite how to use the engine. of returns the engine behind
// what Open returned. A harness usually is in a test file; this one is also used by the
// suite's own test.
func Harness(of func(engine.Engine) *Engine) enginetest.Harness {
	return enginetest.Harness{
		Open: func(t testing.TB, dir string) engine.Engine {
			e, err := Open(filepath.Join(dir, "notes.json"))
			if err != nil {
				t.Fatal(err)
			}
			return e
		},
		Close: func(testing.TB, engine.Engine) {},
		Incoming: func(i, version int) engine.Incoming {
			id := engine.ID(fmt.Sprintf("remote-%06d", i))
			return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","name":"%d","text":"%d"}`, id, i, version)}
		},
		Add: func(ctx context.Context, e engine.Engine, i int) (engine.ID, error) {
			id := engine.ID(fmt.Sprintf("local-%06d", i))
			return id, of(e).Put(ctx, id, fmt.Appendf(nil, `{"id":"%s","name":"%d","text":"0"}`, id, i))
		},
		Edit: func(ctx context.Context, e engine.Engine, id engine.ID, version int) error {
			var o map[string]json.RawMessage
			err := of(e).Do(ctx, func() error { return json.Unmarshal(of(e).Notes[id].Local, &o) })
			if err != nil {
				return err
			}
			o["text"] = fmt.Appendf(nil, `"%d"`, version)
			payload, err := json.Marshal(o)
			if err != nil {
				return err
			}
			return of(e).Put(ctx, id, payload)
		},
		Delete: func(ctx context.Context, e engine.Engine, id engine.ID) error { return of(e).Delete(ctx, id) },
		Versions: func(ctx context.Context, e engine.Engine) (map[engine.ID]int, error) {
			all := make(map[engine.ID]int)
			err := of(e).Do(ctx, func() error {
				for id, n := range of(e).Notes {
					if n.Local == nil {
						continue
					}
					var version int
					if _, err := fmt.Sscan(Field(n.Local, "text"), &version); err != nil {
						return err
					}
					all[id] = version
				}
				return nil
			})
			return all, err
		},
		Invalid:            []byte(`{"id":"remote-000000"}`),
		Duplicates:         true,
		RemembersDeletions: true,
		Unknown:            true,
		Many:               150, // each transaction writes the whole file
	}
}
