// Command syncmanager syncs bookmarks, history, passwords, tabs and more with Firefox
// and with other devices, over the Firefox Sync protocol, and serves the accounts
// and the storage that this needs.
//
//	syncmanager sync            syncs now; it needs no set-up
//	syncmanager serve           runs a server that Firefox can sign in to
//	syncmanager help            lists all commands
//
// Exit codes: 0 success; 1 failure, or an import that could import nothing; 2 wrong
// usage; 3 some engines or some kinds of an import failed, or a server's file is
// damaged; 4 sign in again; 5 the server asked to wait.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	forbidCoreDumps()
	// stop restores the default, so that a second signal kills.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	code := run(ctx, startedByBrowser(os.Args[1:]), os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}
