package main

import (
	"context"
	"flag"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

// storageFlags adds the flags of 'bench storage', and returns what it does.
func storageFlags(flags *flag.FlagSet) func(context.Context, []int) error {
	var o storageOptions
	kinds := flags.String("on", "files,postgres1,postgres2,postgres4", "where records are: files, postgres with a number of servers, or peer")
	flags.IntVar(&o.Active, "active", 500, "users who send requests at once, at most")
	flags.DurationVar(&o.Lasting, "for", 3*time.Second, "how long each load lasts")
	only := flags.String("only", "", "regular expression that chooses requests by their names")
	flags.StringVar(&o.Programs, "postgres", os.Getenv(pgtest.Programs), "folder of PostgreSQL's programs")
	flags.StringVar(&o.Peer.URL, "peer", "", "root of another server's storage, like http://127.0.0.1:8000")
	flags.StringVar(&o.Peer.Secret, "peer-secret", "", "file with that server's master secret")
	flags.IntVar(&o.Peer.Server, "peer-pid", 0, "that server's process")
	flags.IntVar(&o.Peer.Postgres, "peer-postgres-pid", 0, "the first process of its database")
	return func(ctx context.Context, users []int) error {
		o.Users, o.Kinds = users, strings.Split(*kinds, ",")
		if *only != "" {
			var err error
			if o.Only, err = regexp.Compile(*only); err != nil {
				return err
			}
		}
		return measureStorage(ctx, o)
	}
}
