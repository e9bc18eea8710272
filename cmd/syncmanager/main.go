// Command syncmanager syncs bookmarks, history, passwords, tabs and more with Firefox
// and with other devices, over the Firefox Sync protocol, and serves the accounts
// and the storage that this needs.
//
//	syncmanager sync            the main job; needs no set-up
//	syncmanager serve           a server that Firefox signs in to
//	syncmanager help            all commands
//
// Exit codes: 0 done, 1 failed, or an import that could take nothing, 2 wrong usage, 3
// some engines failed, or kinds of an import, or a file of a server is damaged, 4 sign
// in again, 5 the server asked to be left alone for a while.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	forbidCoreDumps()
	// A second signal kills: stop restores the default once the first one came.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}
