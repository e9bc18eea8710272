package passwords_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/passwords"
	"github.com/syncmanager/syncmanager/internal/test/flattest"
)

func site(i int) string { return fmt.Sprintf("https://site-%d.example", i) }

var kind = flattest.Kind[*passwords.Engine, passwords.Login]{
	Open: func(ctx context.Context, path string, now func() time.Time) (*passwords.Engine, error) {
		return passwords.Open(ctx, config(path, now))
	},
	Incoming: func(i, version int) engine.Incoming {
		id := engine.ID(fmt.Sprintf("{00000000-0000-4000-8000-%012d}", i))
		return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","hostname":"%s","formSubmitURL":"","httpRealm":null,`+
			`"username":"ann","password":"pw %d","usernameField":"","passwordField":"","timeCreated":1795360000000,"timePasswordChanged":1795360000000}`,
			id, site(i), version)}
	},
	New: func(i int) passwords.Login {
		return passwords.Login{Hostname: site(i), Username: "ann", Password: "pw 0"}
	},
	ID:         func(r passwords.Login) engine.ID { return r.ID },
	SetVersion: func(r *passwords.Login, version int) { r.Password = fmt.Sprintf("pw %d", version) },
	Version: func(r passwords.Login) (version int, err error) {
		_, err = fmt.Sscanf(r.Password, "pw %d", &version)
		return version, err
	},
	Invalid: []byte(`{"id":"{00000000-0000-4000-8000-000000000000}","hostname":"https://site-0.example","username":"ann"}`),
}

func TestContract(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, kind.Harness())
}
