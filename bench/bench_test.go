//go:build unix

package main

import (
	"context"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		exit(play(context.Background(), role))
		return
	}
	os.Exit(m.Run())
}

// peak is what a client may take, in bytes, whatever the number of records.
const peak = 200_000_000

// TestAMillionRows imports a CSV file of a million rows and counts the logins
// and the memory.
func TestAMillionRows(t *testing.T) {
	const rows = 1_000_000
	var added int
	u, err := run(t.Context(), "fill", task{Dir: t.TempDir(), Records: rows}, &added)
	if err != nil || added != rows || u.Peak > peak {
		t.Errorf("%d of %d rows, %d bytes at the peak: %v", added, rows, u.Peak, err)
	}
}

// TestMemoryDoesNotGrowWithTheCollection: neither side holds it.
func TestMemoryDoesNotGrowWithTheCollection(t *testing.T) {
	const records = 50_000
	dir := t.TempDir()
	for _, name := range []string{"server", "a", "b"} {
		if err := os.Mkdir(dir+"/"+name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	var added int
	if _, err := run(ctx, "fill", task{Dir: dir + "/a", Records: records}, &added); err != nil {
		t.Fatal(err)
	}
	srv, err := start(ctx, "serve", task{Dir: dir + "/server"})
	if err != nil {
		t.Fatal(err)
	}
	var at task
	if err := srv.answer(&at); err != nil {
		t.Fatal(err)
	}
	for _, device := range []string{"a", "b"} {
		var got synced
		u, err := run(ctx, "sync", task{Dir: dir + "/" + device, URL: at.URL, Email: email, Create: device == "a"}, &got)
		if err != nil || got.Uploaded+got.Applied != records || u.Peak > 100_000_000 {
			t.Errorf("%s: %+v, %d bytes at the peak: %v", device, got, u.Peak, err)
		}
	}
	u, err := srv.end()
	if err != nil || u.Peak > 400_000_000 {
		t.Errorf("the server: %d bytes at the peak: %v", u.Peak, err)
	}
}
