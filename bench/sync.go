//go:build unix

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// logins is the engine of the first table.
var logins = []string{"passwords"}

// measureSyncs uploads n logins from one device and downloads them to another,
// each in a process of its own, for each n.
func measureSyncs(ctx context.Context, counts []int) error {
	rows := [][]string{{"records", "direction", "sync", "records/s", "client CPU", "CPU/sync", "client peak", "server CPU", "server peak", "requests"}}
	for _, n := range counts {
		err := withFolders(func(dir string) error {
			more, err := measureSync(ctx, dir, n)
			rows = append(rows, more...)
			return err
		})
		if err != nil {
			return err
		}
	}
	table(rows)
	return nil
}

func measureSync(ctx context.Context, dir string, n int) (rows [][]string, err error) {
	if _, err := run(ctx, "fill engines", task{Dir: filepath.Join(dir, "a"), Engines: logins, To: n}, new(bool)); err != nil {
		return nil, err
	}
	// The server is started again for each direction, to measure its peak separately.
	for _, direction := range []string{"up", "down"} {
		device := task{Dir: filepath.Join(dir, "a"), Create: direction == "up", Engines: logins}
		if direction == "down" {
			device.Dir = filepath.Join(dir, "b")
		}
		got, client, served, err := syncWith(ctx, filepath.Join(dir, "server"), device)
		if err != nil {
			return nil, err
		}
		if got.Uploaded+got.Applied != n {
			return nil, fmt.Errorf("%s: %d up and %d down of %d", direction, got.Uploaded, got.Applied, n)
		}
		rows = append(rows, []string{
			fmt.Sprint(n), direction, got.Took.Round(time.Millisecond).String(), fmt.Sprintf("%.0f", float64(n)/got.Took.Seconds()),
			got.CPU.Round(10 * time.Millisecond).String(), fmt.Sprintf("%.2f", got.CPU.Seconds()/got.Took.Seconds()),
			megabytes(client.Peak), served.CPU.Round(10 * time.Millisecond).String(), megabytes(served.Peak), fmt.Sprint(got.Requests),
		})
	}
	return rows, nil
}

// syncWith has a device sync once with a server that is started for it on its folder,
// and tells what the two used.
func syncWith(ctx context.Context, server string, device task) (got synced, client, served used, err error) {
	srv, err := start(ctx, "serve", task{Dir: server})
	if err != nil {
		return got, client, served, err
	}
	var at task
	if err = srv.answer(&at); err != nil {
		return got, client, served, err
	}
	device.URL, device.Email = at.URL, email
	if client, err = run(ctx, "sync", device, &got); err != nil {
		return got, client, served, err
	}
	served, err = srv.end()
	return got, client, served, err
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.0f MB", float64(bytes)/1e6) }
