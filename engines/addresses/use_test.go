package addresses_test

import (
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/addresses"
	"github.com/syncmanager/syncmanager/internal/test/flattest"
)

var uses = flattest.Uses[*addresses.Engine, addresses.Address]{
	Kind: kind,
	Use: func(r *addresses.Address, times int64, last time.Time) {
		r.TimesUsed, r.TimeLastUsed = r.TimesUsed+times, last
	},
	Modified: func(r addresses.Address) time.Time { return r.TimeLastModified },
}

func TestTouch(t *testing.T) {
	t.Parallel()
	uses.TestTouch(t)
}

func TestDeleteAllAndMaintain(t *testing.T) {
	t.Parallel()
	uses.TestDeleteAllAndMaintain(t)
}
