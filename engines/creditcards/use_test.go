package creditcards_test

import (
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/creditcards"
	"github.com/syncmanager/syncmanager/internal/test/flattest"
)

var uses = flattest.Uses[*creditcards.Engine, creditcards.Card]{
	Kind: kind,
	Use: func(r *creditcards.Card, times int64, last time.Time) {
		r.TimesUsed, r.TimeLastUsed = r.TimesUsed+times, last
	},
	Modified: func(r creditcards.Card) time.Time { return r.TimeLastModified },
}

func TestTouch(t *testing.T) {
	t.Parallel()
	uses.TestTouch(t)
}

func TestDeleteAllAndMaintain(t *testing.T) {
	t.Parallel()
	uses.TestDeleteAllAndMaintain(t)
}
