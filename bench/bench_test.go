//go:build unix

package main

import (
	"context"
	"os"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/long"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		exit(play(context.Background(), role))
		return
	}
	os.Exit(m.Run())
}

// TestVeryManyRows imports a CSV file of very many rows and counts the logins and
// the memory.
func TestVeryManyRows(t *testing.T) {
	// Both allow less than 200 bytes a row, beside the 41 MB that any number takes.
	rows, peak := long.Of(100_000, 1_000_000), int64(long.Of(60_000_000, 200_000_000))
	dir := t.TempDir()
	u, err := run(t.Context(), "fill engines", task{Dir: dir, Engines: logins, To: rows}, new(bool))
	t.Logf("%d bytes at the peak", u.Peak)
	if err != nil || u.Peak > peak {
		t.Errorf("%d bytes at the peak: %v", u.Peak, err)
	}
	e, err := openPasswords(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = e.Close() }()
	if added, err := e.Count(t.Context()); err != nil || added != rows {
		t.Errorf("%d of %d rows: %v", added, rows, err)
	}
}

// TestMemoryDoesNotGrowWithTheCollection: neither side holds it.
func TestMemoryDoesNotGrowWithTheCollection(t *testing.T) {
	records := long.Of(20_000, 50_000)
	clientPeak, serverPeak := int64(long.Of(70_000_000, 100_000_000)), int64(long.Of(220_000_000, 400_000_000))
	dir := t.TempDir()
	for _, name := range []string{"server", "a", "b"} {
		if err := os.Mkdir(dir+"/"+name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	if _, err := run(ctx, "fill engines", task{Dir: dir + "/a", Engines: logins, To: records}, new(bool)); err != nil {
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
		u, err := run(ctx, "sync", task{Dir: dir + "/" + device, URL: at.URL, Email: email, Create: device == "a", Engines: logins}, &got)
		t.Logf("%s: %d bytes at the peak", device, u.Peak)
		if err != nil || got.Uploaded+got.Applied != records || u.Peak > clientPeak {
			t.Errorf("%s: %+v, %d bytes at the peak: %v", device, got, u.Peak, err)
		}
	}
	u, err := srv.end()
	t.Logf("the server: %d bytes at the peak", u.Peak)
	if err != nil || u.Peak > serverPeak {
		t.Errorf("the server: %d bytes at the peak: %v", u.Peak, err)
	}
}
