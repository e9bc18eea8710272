//go:build unix

// Command bench measures what a benchmark inside one process cannot: a client
// and a server as two processes over loopback, their time, processor and peak
// memory.
//
//	go run ./bench sync -records 1000,100000      first syncs, up and down
//	go run ./bench engines -items 10000           first syncs of all ten engines
//	go run ./bench engines -only 'bookmarks|history' -items 1000000
//	                                              first and later syncs of each of these
//	go run ./bench server -users 1,8,64           requests per second
//	go run ./bench storage -users 1,64,10000      the storage on files and on PostgreSQL (Linux)
//	go run ./bench seconds -edits 200             an edit from device to device, and idle connections (Linux)
//	go run ./bench check                          fails if a record costs more than in baseline.json
//
// Without a word it runs all with small numbers. The figures in README.md
// beside this file come from it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
)

func main() {
	ctx := context.Background()
	if role := os.Getenv(roleVariable); role != "" {
		exit(play(ctx, role))
		return
	}
	words := os.Args[1:]
	if len(words) == 0 {
		exit(measureSyncs(ctx, []int{1000, 10_000}))
		exit(measureEngines(ctx, 1000))
		exit(measureServer(ctx, []int{1, 8}))
		return
	}
	flags := flag.NewFlagSet(words[0], flag.ExitOnError)
	records := flags.String("records", "1000,100000", "numbers of records")
	items := flags.Int("items", 10_000, "number of items of each engine")
	users := flags.String("users", "1,8,64", "numbers of users at once")
	only := flags.String("only", "", "regular expression that chooses requests of a storage, works, or engines to measure by themselves, by their names")
	profiles := flags.String("profiles", "", "engines -only: folder to write profiles of the clients into")
	update := flags.Bool("update", false, "record the costs in "+baselineFile)
	storage := storageFlags(flags)
	seconds := secondsFlags(flags)
	_ = flags.Parse(words[1:])
	var chosen *regexp.Regexp
	if *only != "" {
		var err error
		chosen, err = regexp.Compile(*only)
		exit(err)
	}
	switch words[0] {
	case "sync":
		exit(measureSyncs(ctx, numbers(*records)))
	case "engines":
		if chosen == nil {
			exit(measureEngines(ctx, *items))
		} else {
			exit(measureEachEngine(ctx, chosen, *items, *profiles))
		}
	case "server":
		exit(measureServer(ctx, numbers(*users)))
	case "storage":
		exit(storage(ctx, numbers(*users), chosen))
	case "seconds":
		exit(seconds(ctx))
	case "check":
		exit(checkCosts(ctx, chosen, *update))
	default:
		fmt.Fprintf(os.Stderr, "bench: %q is none of sync, engines, server, storage, seconds and check\n", words[0])
		os.Exit(2)
	}
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func numbers(list string) (all []int) {
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 {
			exit(fmt.Errorf("%q is not a number", word))
		}
		all = append(all, n)
	}
	return all
}

// table prints rows under a header, aligned.
func table(rows [][]string) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
	}
	_ = w.Flush()
}
