package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/syncmanager/syncmanager/server/admin"
)

// healthTimeout bounds how long a sick server may think about its health.
const healthTimeout = 10 * time.Second

func (o *operator) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Tell whether the running server can do its work",
		Long: `Tell whether the running server can do its work. Exits with 0 if it can, and
with 1 if it cannot or does not run, as the health check of a container wants it.
Over HTTP, GET /__heartbeat__ tells the same.`,
		Args: cobra.NoArgs,
		RunE: o.do(func(c *cobra.Command, _ []string) (err error) {
			if o.dir, err = o.dataFolder(o.dir); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(c.Context(), healthTimeout)
			defer cancel()
			running, err := admin.Dial(ctx, o.dir)
			if err != nil {
				return err
			}
			h, err := running.Health(ctx)
			if err != nil {
				return err
			}
			if o.json {
				err = o.printJSON(h)
			} else {
				for _, name := range slices.Sorted(maps.Keys(h.Checks)) {
					err = errors.Join(err, o.print("%s: %s", name, h.Checks[name]))
				}
			}
			if err == nil && !h.OK {
				err = errors.New("the server cannot do its work; its log says why")
			}
			return err
		}),
	}
}
