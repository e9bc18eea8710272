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
func storageFlags(flags *flag.FlagSet) func(context.Context, []int, *regexp.Regexp) error {
	var o storageOptions
	kinds := flags.String("on", "files,postgres1,postgres2,postgres4", "where records are: files, postgres with a number of servers, or peer")
	flags.IntVar(&o.Active, "active", 500, "users who send requests at once, at most")
	flags.DurationVar(&o.Lasting, "for", 3*time.Second, "how long each load lasts")
	flags.StringVar(&o.Programs, "postgres", os.Getenv(pgtest.Programs), "folder of PostgreSQL's programs")
	flags.StringVar(&o.Peer.URL, "peer", "", "root of another server's storage, like http://127.0.0.1:8000")
	flags.StringVar(&o.Peer.Secret, "peer-secret", "", "file with that server's master secret")
	flags.IntVar(&o.Peer.Server, "peer-pid", 0, "that server's process")
	flags.IntVar(&o.Peer.Postgres, "peer-postgres-pid", 0, "the first process of its database")
	return func(ctx context.Context, users []int, only *regexp.Regexp) error {
		o.Users, o.Kinds, o.Only = users, strings.Split(*kinds, ","), only
		return measureStorage(ctx, o)
	}
}
