//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// measureEngines syncs all ten engines, with n items each, from one device up and
// to another down, one engine after the other and several at once.
func measureEngines(ctx context.Context, n int) error {
	rows := [][]string{{"at once", "direction", "sync", "client CPU", "CPU/sync", "client peak", "records", "requests"}}
	for _, parallel := range []int{1, 4} {
		err := withFolders(func(dir string) error {
			more, err := measureEnginesAt(ctx, dir, n, parallel)
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

// withFolders calls f with a temporary folder for a server and two devices.
func withFolders(f func(dir string) error) error {
	dir, err := os.MkdirTemp("", "syncmanager-bench")
	if err != nil {
		return err
	}
	for _, name := range []string{"server", "a", "b"} {
		err = errors.Join(err, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	if err == nil {
		err = f(dir)
	}
	return errors.Join(err, os.RemoveAll(dir))
}

func measureEnginesAt(ctx context.Context, dir string, n, parallel int) (rows [][]string, err error) {
	if _, err := run(ctx, "fill engines", task{Dir: filepath.Join(dir, "a"), Engines: engines, To: n}, new(bool)); err != nil {
		return nil, err
	}
	for _, direction := range []string{"up", "down"} {
		device := task{Dir: filepath.Join(dir, "a"), Create: direction == "up", Engines: engines, Parallel: parallel}
		if direction == "down" {
			device.Dir = filepath.Join(dir, "b")
		}
		got, client, _, err := syncWith(ctx, filepath.Join(dir, "server"), device)
		if err != nil {
			return nil, err
		}
		rows = append(rows, append([]string{fmt.Sprint(parallel), direction}, figures(got, client)...))
	}
	return rows, nil
}

// figures are the columns of a table that tell of one sync.
func figures(got synced, client used) []string {
	return []string{
		got.Took.Round(time.Millisecond).String(), got.CPU.Round(10 * time.Millisecond).String(),
		fmt.Sprintf("%.2f", got.CPU.Seconds()/got.Took.Seconds()), megabytes(client.Peak), fmt.Sprint(got.Uploaded + got.Applied), fmt.Sprint(got.Requests),
	}
}

// few is how many items a small change adds.
const few = 10

// measureEachEngine measures the chosen engines, one by one, each with n items: first syncs of
// two devices, up and down, syncs with a few items more, and one without changes. Profiles of the
// clients are written into the folder profiles, unless it is "".
func measureEachEngine(ctx context.Context, chosen *regexp.Regexp, n int, profiles string) error {
	rows := [][]string{{"engine", "items", "work", "sync", "client CPU", "CPU/sync", "client peak", "records", "requests"}}
	for _, name := range engines {
		if !chosen.MatchString(name) {
			continue
		}
		err := withFolders(func(dir string) error {
			return measureEngine(ctx, dir, name, n, profiles, func(work string, got synced, client used) {
				rows = append(rows, append([]string{name, fmt.Sprint(n), work}, figures(got, client)...))
			})
		})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	table(rows)
	return nil
}

func measureEngine(ctx context.Context, dir, name string, n int, profiles string, note func(work string, got synced, client used)) error {
	add := func(device string, from, to int) error {
		_, err := run(ctx, "fill engines", task{Dir: filepath.Join(dir, device), Engines: []string{name}, From: from, To: to}, new(bool))
		return err
	}
	if err := add("a", 0, n); err != nil {
		return err
	}
	srv, err := start(ctx, "serve", task{Dir: filepath.Join(dir, "server")})
	if err != nil {
		return err
	}
	var at task
	if err := srv.answer(&at); err != nil {
		return err
	}
	create := true
	sync := func(work, device string) error {
		profile := ""
		if profiles != "" {
			profile = filepath.Join(profiles, name+"-"+strings.ReplaceAll(work, " ", "-"))
		}
		var got synced
		client, err := run(ctx, "sync", task{
			Dir: filepath.Join(dir, device), URL: at.URL, Email: email, Create: create, Engines: []string{name}, Parallel: 1,
			Profile: profile,
		}, &got)
		create = false
		if err == nil {
			note(work, got, client)
		}
		return err
	}
	err = syncs(add, sync, n)
	_, ended := srv.end()
	return errors.Join(err, ended)
}

// syncs makes the syncs that measureEngine measures.
func syncs(add func(device string, from, to int) error, sync func(work, device string) error, n int) error {
	if err := sync("first upload", "a"); err != nil {
		return err
	}
	if err := sync("nothing", "a"); err != nil {
		return err
	}
	if err := sync("first download", "b"); err != nil {
		return err
	}
	if err := add("a", n, n+few); err != nil {
		return err
	}
	if err := sync("a few up", "a"); err != nil {
		return err
	}
	return sync("a few down", "b")
}
