package main

import (
	"context"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/syncmanager/syncmanager/internal/test/mailtest"
)

// mailhost NAME             starts a mail host, and sets $NAME to its URL
// mailhost URL code NAME    waits for the next message, and sets $NAME to the code in it
// mailhost URL down         stops it
func cmdMailHost(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 3 {
		ts.Fatalf("usage: mailhost NAME | mailhost URL code NAME | mailhost URL down")
	}
	if len(args) == 1 {
		h, err := mailtest.Start(mailtest.Options{})
		ts.Check(err)
		ts.Defer(h.Close)
		ts.Setenv(args[0], h.URL)
		background.Store(h.URL, h)
		return
	}
	known, ok := background.Load(args[0])
	if !ok {
		ts.Fatalf("no mail host at %s", args[0])
	}
	h := known.(*mailtest.Host)
	if args[1] == "down" {
		h.Close()
		return
	}
	m, err := h.Next(context.Background())
	ts.Check(err)
	ts.Setenv(args[2], m.Code())
}
