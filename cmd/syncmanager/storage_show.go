package main

import (
	"context"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/profile"
)

func (a *app) storageShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show EXT [KEY]",
		Short:             "Show what one add-on keeps, or the value of one key",
		Args:              cobra.RangeArgs(1, 2),
		ValidArgsFunction: a.completeKeys,
		RunE: a.with(func(ctx context.Context, p *profile.Profile, args []string) error {
			_, r, err := findExtension(ctx, p, args[0])
			if err != nil {
				return err
			}
			if len(args) == 2 {
				if err := hasKey(&r, args[1]); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(r.Data[args[1]])
				}
				return a.print("%s", r.Data[args[1]])
			}
			if a.json {
				return a.printJSON(r)
			}
			t := table{head: []string{"KEY", "VALUE"}, width: a.width()}
			for _, key := range slices.Sorted(maps.Keys(r.Data)) {
				t.add(key, string(r.Data[key]))
			}
			return t.print(a.stdout)
		}),
	}
}
