package lazyre_test

import (
	"testing"

	"github.com/syncmanager/syncmanager/internal/lazyre"
)

// A text that is not a regular expression panics where it is used, and not before.
func TestItIsCompiledAtItsFirstUse(t *testing.T) {
	t.Parallel()
	r := lazyre.New(`(`)
	defer func() {
		if recover() == nil {
			t.Error("a text that is not a regular expression matched")
		}
	}()
	r.MatchString("")
}
