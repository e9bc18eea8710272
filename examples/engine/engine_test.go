package jsonnotes_test

import (
	"testing"

	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/engine/enginetest"
	jsonnotes "github.com/syncmanager/syncmanager/examples/engine"
)

func TestContract(t *testing.T) {
	enginetest.Run(t, jsonnotes.Harness(func(e engine.Engine) *jsonnotes.Engine { return e.(*jsonnotes.Engine) }))
}
