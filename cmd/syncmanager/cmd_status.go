package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager"
	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// statusJSON is what status --json prints.
type statusJSON struct {
	Profile string           `json:"profile"`
	Account *profile.Account `json:"account"`
	Device  struct {
		ID   string `json:"id,omitempty"`
		Name string `json:"name"`
	} `json:"device"`
	Engines      []syncmanager.EngineStatus `json:"engines"`
	LastSync     *time.Time                 `json:"lastSync"`
	BackoffUntil *time.Time                 `json:"backoffUntil"`
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the account, this device and the engines",
		Args:  cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			m, err := p.Manager(ctx)
			if err != nil {
				return err
			}
			s := statusJSON{Profile: p.Dir(), Account: p.Account(), LastSync: some(m.LastSync()), BackoffUntil: some(m.BackoffUntil())}
			s.Device.Name = p.DeviceName()
			for _, d := range m.Devices() {
				if d.Local {
					s.Device.ID = string(d.ID)
				}
			}
			if s.Engines, err = m.Engines(ctx); err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(s)
			}
			return a.printStatus(p, s)
		}),
	}
}

func (a *app) printStatus(p *profile.Profile, s statusJSON) error {
	var t term.Table
	switch {
	case s.Account == nil && p.SignedOut():
		t.Add("Account", "none: this profile signed out; 'syncmanager login' signs in")
	case s.Account == nil:
		t.Add("Account", "none yet: 'syncmanager sync' makes one, 'syncmanager login' signs in to one")
	case s.Account.Local:
		t.Add("Account", "local, on a server inside the profile")
	default:
		t.Add("Account", s.Account.Email+" at "+s.Account.Server)
	}
	t.Add("Profile", s.Profile)
	t.Add("Device", s.Device.Name)
	t.Add("Last sync", a.moment(s.LastSync))
	if s.BackoffUntil != nil {
		t.Add("Waiting until", a.moment(s.BackoffUntil)+", as the server asked")
	}
	if err := t.Print(a.Out); err != nil {
		return err
	}
	if err := a.Print(""); err != nil {
		return err
	}
	return a.printEngineStatus(s.Engines)
}

// some returns a pointer to t in UTC; nil, which is null in JSON, for the zero time.
func some(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// moment writes a time in the user's zone.
func (a *app) moment(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04")
}
