package profile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/syncmanager/syncmanager/internal/sealedfile"
)

const (
	settingsFile    = "settings.json"
	settingsVersion = 1
)

// settings are the settings of a profile that are not secret.
type settings struct {
	Version    int    `json:"version"`
	DeviceName string `json:"deviceName"`
	// Keyring is set if the local key is in the system's keyring.
	Keyring bool `json:"keyring,omitempty"`
	// SignedOut is set when the user signs out. After that, no local account is made.
	SignedOut bool `json:"signedOut,omitempty"`
}

func loadSettings(path string) (settings, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return settings{Version: settingsVersion}, nil
	}
	if err != nil {
		return settings{}, fmt.Errorf("cannot read the profile's settings: %w", err)
	}
	var s settings
	if err := json.Unmarshal(b, &s); err != nil || s.Version < 1 {
		return settings{}, fmt.Errorf("%s is damaged; restore it from a backup, or move it away and sign in again", path)
	}
	if s.Version > settingsVersion {
		return settings{}, fmt.Errorf("%s was written by a newer version of this program; update the program", path)
	}
	return s, nil
}

// change changes the settings, and saves them.
func (p *Profile) change(f func(*settings)) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.settings
	f(&s)
	if err := p.saveSettings(s); err != nil {
		return err
	}
	p.settings = s
	return nil
}

func (p *Profile) saveSettings(s settings) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return sealedfile.Write(p.path(settingsFile), append(b, '\n'))
}

func (p *Profile) currentSettings() settings {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.settings
}
