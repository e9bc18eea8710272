package addresses_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/internal/test/flattest"
)

func street(i, version int) string { return fmt.Sprintf("%d Main St\nfloor %d", i, version) }

var kind = flattest.Kind[*addresses.Engine, addresses.Address]{
	Open: func(ctx context.Context, path string, now func() time.Time) (*addresses.Engine, error) {
		return addresses.Open(ctx, addresses.Config{Path: path, Now: now, Rand: rand.Reader})
	},
	Incoming: func(i, version int) engine.Incoming {
		id := engine.ID(fmt.Sprintf("%012x", i))
		return engine.Incoming{ID: id, Payload: fmt.Appendf(nil, `{"id":"%s","entry":{"street-address":"%s","version":1,`+
			`"timeCreated":1795360000000,"timeLastModified":1795360000000,"timeLastUsed":0,"timesUsed":0}}`,
			id, strings.ReplaceAll(street(i, version), "\n", `\n`))}
	},
	New: func(i int) addresses.Address {
		return addresses.Address{Entry: addresses.Entry{StreetAddress: street(i, 0)}}
	},
	ID: func(r addresses.Address) engine.ID { return r.ID },
	SetVersion: func(r *addresses.Address, version int) {
		line, _, _ := strings.Cut(r.StreetAddress, "\n")
		r.StreetAddress = fmt.Sprintf("%s\nfloor %d", line, version)
	},
	Version: func(r addresses.Address) (version int, err error) {
		var i int
		_, err = fmt.Sscanf(r.StreetAddress, "%d Main St\nfloor %d", &i, &version)
		return version, err
	},
	Invalid: []byte(`{"id":"000000000000","entry":{"name":"Ann","version":0}}`),
}

func TestContract(t *testing.T) {
	t.Parallel()
	enginetest.Run(t, kind.Harness())
}
