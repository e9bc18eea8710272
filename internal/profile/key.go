package profile

import (
	"context"
	"os"

	"github.com/syncmanager/syncmanager/internal/keyring"
	"github.com/syncmanager/syncmanager/internal/localkey"
)

// sealedFiles are the files that only the local key can decrypt.
func sealedFiles() []string {
	files := []string{accountFile, stateFile}
	for _, s := range stores {
		if s.sealed {
			files = append(files, s.path())
		}
	}
	return files
}

// localKey returns the local key.
func (p *Profile) localKey() (localkey.Key, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.key == nil {
		key, err := p.loadKey(context.Background(), p.settings.Keyring)
		if err != nil {
			return localkey.Key{}, err
		}
		p.key = &key
	}
	return *p.key, nil
}

// loadKey loads the local key. It makes one in a profile without sealed files.
func (p *Profile) loadKey(ctx context.Context, inKeyring bool) (localkey.Key, error) {
	o := localkey.Options{Random: p.config.Rand, Service: "syncmanager", Account: p.config.Dir}
	if inKeyring {
		o.Ring = keyring.System()
	}
	for _, name := range p.sealedFiles {
		if _, err := os.Stat(p.path(name)); err == nil {
			o.HaveData = true
		}
	}
	return localkey.Load(ctx, p.config.Dir, o)
}
