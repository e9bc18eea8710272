package interop_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// envPyFxA names a Python that has PyFxA; script/pyfxa.sh finds one.
const envPyFxA = "SYNCMANAGER_PYFXA"

// TestPyFxA uses an account with Mozilla's own client library, with either stretching of the
// password: sign-up, sign-in, keys, tokens, profile, a changed password, and deletion.
func TestPyFxA(t *testing.T) {
	t.Parallel()
	python := os.Getenv(envPyFxA)
	if python == "" {
		t.Skip(envPyFxA + " names no Python that has PyFxA; script/pyfxa.sh finds one")
	}
	w := testenv.Listen(t)
	for _, version := range []string{"1", "2"} {
		t.Run("version "+version, func(t *testing.T) {
			c := exec.CommandContext(t.Context(), python, "testdata/pyfxa.py", w.URL, version)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
