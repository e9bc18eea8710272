package passwords_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/internal/test/long"
)

func site(i int) string { return fmt.Sprintf("https://site-%d.example", i) }

func harness() enginetest.Harness {
	return enginetest.Harness{
		Many: long.Of(2000, 10_000),
		Open: func(t testing.TB, dir string) engine.Engine {
			now := func() time.Time { return time.UnixMilli(1_795_370_000_000) }
			e, err := passwords.Open(context.Background(), config(filepath.Join(dir, "passwords.db"), now))
			if err != nil {
				t.Fatal(err)
			}
			return e
		},
		Close: func(t testing.TB, e engine.Engine) {
			if err := e.(*passwords.Engine).Close(); err != nil {
				t.Error(err)
			}
		},
		Incoming: func(i, version int) engine.Incoming {
			id := engine.ID(fmt.Sprintf("{00000000-0000-4000-8000-%012d}", i))
			return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","hostname":"%s","formSubmitURL":"","httpRealm":null,`+
				`"username":"ann","password":"pw %d","usernameField":"","passwordField":"","timeCreated":1795360000000,"timePasswordChanged":1795360000000}`,
				id, site(i), version)}
		},
		Add: func(ctx context.Context, e engine.Engine, i int) (engine.ID, error) {
			l, err := e.(*passwords.Engine).Add(ctx, passwords.Login{Hostname: site(i), Username: "ann", Password: "pw 0"})
			return l.ID, err
		},
		Edit: func(ctx context.Context, e engine.Engine, id engine.ID, version int) error {
			l, err := e.(*passwords.Engine).Get(ctx, id)
			if err != nil {
				return err
			}
			l.Password = fmt.Sprintf("pw %d", version)
			_, err = e.(*passwords.Engine).Update(ctx, l)
			return err
		},
		Delete: func(ctx context.Context, e engine.Engine, id engine.ID) error {
			return e.(*passwords.Engine).Delete(ctx, id)
		},
		Versions: func(ctx context.Context, e engine.Engine) (map[engine.ID]int, error) {
			all := make(map[engine.ID]int)
			for l, err := range e.(*passwords.Engine).List(ctx) {
				if err != nil {
					return nil, err
				}
				var version int
				if _, err := fmt.Sscanf(l.Password, "pw %d", &version); err != nil {
					return nil, err
				}
				all[l.ID] = version
			}
			return all, nil
		},
		Invalid:    []byte(`{"id":"{00000000-0000-4000-8000-000000000000}","hostname":"https://site-0.example","username":"ann"}`),
		Duplicates: true,
		Unknown:    true,
	}
}

func TestContract(t *testing.T) { enginetest.Run(t, harness()) }
