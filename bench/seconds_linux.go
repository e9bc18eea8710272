//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
)

// secondsFlags adds the flags of 'bench seconds', and returns what it does.
func secondsFlags(flags *flag.FlagSet) func(context.Context) error {
	edits := flags.Int("edits", 200, "seconds: number of edits")
	idle := flags.String("idle", "1000,10000", "seconds: numbers of idle connections")
	return func(ctx context.Context) error { return measureSeconds(ctx, *edits, numbers(*idle)) }
}

const (
	// idleFor is how long idle connections are watched.
	idleFor = 30 * time.Second
	// idleMemory is what the server of idle connections may use: that of a small machine.
	idleMemory = 256 << 20
)

// measureSeconds measures how long an edit takes from one running device to another, and what connections cost that wait.
func measureSeconds(ctx context.Context, edits int, connections []int) error {
	if err := withFolders(func(dir string) error { return measureEdits(ctx, dir, edits) }); err != nil {
		return err
	}
	rows := [][]string{{"idle connections", "server before", "with them", "each", "CPU of heartbeats, per connection and hour", "write and event of each"}}
	for _, n := range connections {
		row, err := measureIdle(ctx, n)
		if err != nil {
			return fmt.Errorf("%d connections: %w", n, err)
		}
		rows = append(rows, row)
	}
	table(rows)
	return nil
}

func measureEdits(ctx context.Context, dir string, edits int) error {
	srv, err := start(ctx, "serve", task{Dir: filepath.Join(dir, "server")})
	if err != nil {
		return err
	}
	var at task
	if err := srv.answer(&at); err != nil {
		return err
	}
	device := task{Dir: filepath.Join(dir, "a"), URL: at.URL, Email: email, Create: true, Engines: logins}
	if _, err := run(ctx, "sync", device, new(synced)); err != nil {
		return err
	}
	device.Create, device.To = false, edits
	devices := make([]*process, 2)
	for i := range devices {
		device.Dir, device.From = filepath.Join(dir, string(rune('b'+i))), i
		if devices[i], err = start(ctx, "run", device); err != nil {
			return err
		}
	}
	var times [2]map[string]int64 // when a login was made on one device, and when it came to the other
	for i, p := range devices {
		if err := p.answer(&times[i]); err != nil {
			return err
		}
	}
	for _, p := range devices {
		if _, err := p.end(); err != nil {
			return err
		}
	}
	var took []time.Duration
	for site, made := range times[0] {
		came, ok := times[1][site]
		if !ok {
			return fmt.Errorf("%s did not arrive", site)
		}
		took = append(took, time.Duration(came-made))
	}
	used, err := srv.end()
	if err != nil {
		return err
	}
	slices.Sort(took)
	n := len(took)
	each := func(d time.Duration) string { return d.Round(time.Millisecond).String() }
	table([][]string{
		{"edits", "p50", "p90", "p99", "longest", "server CPU"},
		{fmt.Sprint(n), each(took[n/2]), each(took[n*9/10]), each(took[n*99/100]), each(took[n-1]), each(used.CPU)},
	})
	return nil
}

// measureIdle opens so many connections for events, each of another user, to one server.
func measureIdle(ctx context.Context, n int) (row []string, err error) {
	t, end, err := startTarget(ctx, storageOptions{Memory: idleMemory}, "files")
	defer func() { err = errors.Join(err, end()) }()
	if err != nil {
		return nil, err
	}
	client := t.client(16)
	users := make([]*user, n)
	err = parallel(n, 16, func(i int) (err error) {
		if users[i], err = t.credentials(ctx, client, i); err == nil {
			err = users[i].send(ctx, http.MethodPost, "/storage/stored", records(0, 1), nil)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	client.CloseIdleConnections()
	time.Sleep(settleTime)
	before := resident(t.servers[0])
	conns := make([]*bufio.Reader, n)
	err = parallel(n, 16, func(i int) (err error) {
		conns[i], err = t.listen(ctx, users[i], i)
		return err
	})
	if err != nil {
		return nil, err
	}
	cpuBefore, _ := t.used()
	time.Sleep(idleFor)
	cpuAfter, _ := t.used()
	with := resident(t.servers[0])
	began := time.Now()
	err = parallel(n, 16, func(i int) error {
		if err := users[i].send(ctx, http.MethodPost, "/storage/stored", records(1, 2), nil); err != nil {
			return err
		}
		for {
			line, err := conns[i].ReadString('\n')
			if err != nil || strings.HasPrefix(line, `data: {"stored":`) {
				return err
			}
		}
	})
	if err != nil {
		return nil, err
	}
	hour := time.Duration(float64(cpuAfter-cpuBefore) / float64(n) * float64(time.Hour) / float64(idleFor))
	return []string{
		fmt.Sprint(n), megabytes(before), megabytes(with), fmt.Sprintf("%.1f KB", float64(with-before)/float64(n)/1000),
		hour.Round(time.Microsecond).String(), time.Since(began).Round(time.Millisecond).String(),
	}, nil
}

// listen opens events of a user, from an address of its own, and returns what comes after the first.
func (t *target) listen(ctx context.Context, u *user, i int) (*bufio.Reader, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.endpoint+"/info/events?heartbeat=20", nil)
	if err != nil {
		return nil, err
	}
	nonce, err := hawk.Nonce(rand.Reader)
	if err != nil {
		return nil, err
	}
	hawk.Sign(r, u.creds, time.Now().Unix(), nonce, "")
	from := net.TCPAddr{IP: net.IPv4(127, 2+byte(i>>16), byte(i>>8), byte(i))}
	d := net.Dialer{LocalAddr: &from}
	conn, err := d.DialContext(ctx, "tcp", t.nodes[0])
	if err != nil {
		return nil, err
	}
	if err := r.Write(conn); err != nil {
		return nil, err
	}
	in := bufio.NewReaderSize(conn, 512)
	status, err := in.ReadString('\n')
	if err != nil || !strings.Contains(status, " 200 ") {
		return nil, fmt.Errorf("events: %q, %w", status, err)
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(line, "data: ") {
			return in, nil
		}
	}
}

// resident is the memory of a process that is in use now, in bytes.
func resident(pid int) int64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	var size, pages int64
	_, _ = fmt.Sscan(string(text), &size, &pages)
	return pages * int64(os.Getpagesize())
}
