package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/term"
	"github.com/syncmanager/syncmanager/engine"
	"github.com/syncmanager/syncmanager/internal/profile"
)

// A scrubber is a store that can drop what it cannot decrypt.
type scrubber interface {
	Scrub(ctx context.Context) (engine.Scrubbed, error)
}

// scrubCommand is for a store that is encrypted.
func scrubCommand[S scrubber](a *app, name string, open func(*profile.Profile, context.Context) (S, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "scrub",
		Short: "Drop damaged " + name + ", and fetch them again",
		Long: `Drop the ` + name + ` that cannot be decrypted with this device's local key, as after
damage to the disk. The next sync fetches those that the server has. The others are
lost, and counted.`,
		Args: cobra.NoArgs,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, _ []string) error {
			store, err := open(p, ctx)
			if err != nil {
				return err
			}
			done, err := store.Scrub(ctx)
			if err != nil {
				return err
			}
			if a.JSON {
				return a.PrintJSON(struct {
					Again int `json:"again"`
					Lost  int `json:"lost"`
				}{done.Again, done.Lost})
			}
			return a.Print("%s dropped to be fetched with the next sync, %s lost", term.Count(done.Again), term.Count(done.Lost))
		}),
	}
}
