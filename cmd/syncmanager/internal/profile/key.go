package profile

import (
	"context"
	"os"

	"github.com/syncmanager/syncmanager/internal/localkey"
)

// sealed are the files that open with the local key alone.
var sealed = []string{accountFile, stateFile, passwordsFile}

// loadKey loads the local key, and makes it in a profile that holds nothing
// sealed yet.
func (p *Profile) loadKey(ctx context.Context) (localkey.Key, error) {
	o := localkey.Options{Random: p.config.Rand, Service: "syncmanager", Account: p.config.Dir}
	if p.settings.Keyring {
		o.Ring = localkey.System()
	}
	for _, name := range sealed {
		if _, err := os.Stat(p.path(name)); err == nil {
			o.HaveData = true
		}
	}
	return localkey.Load(ctx, p.config.Dir, o)
}
