package articles_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	articles "github.com/syncmanager/syncmanager/examples/flat"
	_ "github.com/syncmanager/syncmanager/internal/test/cheapkeys" // signs in often
	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

func TestContract(t *testing.T) {
	t.Parallel()
	of := func(e engine.Engine) *articles.Engine { return e.(*articles.Engine) }
	enginetest.Run(t, enginetest.Harness{
		Open: func(t testing.TB, dir string) engine.Engine {
			e, err := articles.Open(context.Background(), engine.StoreConfig{
				Path: filepath.Join(dir, "articles.db"), Key: [32]byte{1}, Now: func() time.Time { return time.UnixMilli(1_795_370_000_000) },
			})
			check(t, err)
			return e
		},
		Close: func(t testing.TB, e engine.Engine) { check(t, of(e).Close()) },
		Incoming: func(i, version int) engine.Incoming {
			id := engine.ID(fmt.Sprintf("remote-%06d", i))
			return engine.Incoming{ID: id, Payload: fmt.Appendf(nil,
				`{"id":"%s","url":"https://example.org/%d","added":1795370000,"state":{"read":false,"progress":%d}}`, id, i, version)}
		},
		Add: func(ctx context.Context, e engine.Engine, i int) (engine.ID, error) {
			a, err := of(e).Add(ctx, articles.Article{URL: fmt.Sprintf("https://example.org/%d", i)})
			return a.ID, err
		},
		Edit: func(ctx context.Context, e engine.Engine, id engine.ID, version int) error {
			a, err := of(e).Get(ctx, id)
			if err != nil {
				return err
			}
			a.Progress = version
			_, err = of(e).Update(ctx, a)
			return err
		},
		Delete: func(ctx context.Context, e engine.Engine, id engine.ID) error { return of(e).Delete(ctx, id) },
		Versions: func(ctx context.Context, e engine.Engine) (map[engine.ID]int, error) {
			all := make(map[engine.ID]int)
			for a, err := range of(e).List(ctx) {
				if err != nil {
					return nil, err
				}
				all[a.ID] = a.Progress
			}
			return all, nil
		},
		Invalid:            []byte(`{"id":"remote-000000","url":"javascript:0"}`),
		Duplicates:         true,
		RemembersDeletions: true,
		Unknown:            true,
		Many:               300,
	})
}

func TestArticlesOfTwoDevices(t *testing.T) {
	t.Parallel()
	w := testenv.New(t)
	a, b := w.Device("a", "ann@example.org"), w.Device("b", "ann@example.org")
	open := func(c engine.StoreConfig) (*articles.Engine, error) { return articles.Open(context.Background(), c) }
	onA, onB := testenv.Open(a, open), testenv.Open(b, open)

	long, err := onA.Add(t.Context(), articles.Article{URL: "https://example.org/long", Title: "A long one"})
	check(t, err)
	_, err = onB.Add(t.Context(), articles.Article{URL: "https://example.org/long"})
	check(t, err)
	_, err = onB.Add(t.Context(), articles.Article{URL: "file:///etc/passwd"})
	if !errors.Is(err, engine.ErrInvalid) {
		t.Errorf("a file is added: %v", err)
	}
	a.Sync()
	b.Sync() // the two are one

	// Each changes another field of the same article.
	w.Clock.Pass(time.Minute)
	check(t, onA.MarkRead(t.Context(), long.ID))
	renamed, err := onB.Get(t.Context(), long.ID)
	check(t, err)
	renamed.Title = "A very long one"
	_, err = onB.Update(t.Context(), renamed)
	check(t, err)
	a.Sync()
	b.Sync()
	a.Sync()
	want := articles.Article{ID: long.ID, URL: long.URL, Title: "A very long one", Added: long.Added, Read: true, Progress: 100}
	for name, e := range map[string]*articles.Engine{"a": onA, "b": onB} {
		n, err := e.Count(t.Context())
		if got, err2 := e.Get(t.Context(), long.ID); got != want || n != 1 || err != nil || err2 != nil {
			t.Errorf("%s has %d, and %+v, %v, %v; want %+v", name, n, got, err, err2, want)
		}
	}
	undone, err := onA.Undo(t.Context(), "")
	if err != nil || undone.Reverted != 1 {
		t.Errorf("undoing a's last sync gives %+v, %v", undone, err)
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
