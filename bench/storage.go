//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/syncmanager/syncmanager/internal/capacity"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
)

// storageOptions say what measureStorage measures.
type storageOptions struct {
	// Kinds are "files", or "postgres" with a number of servers, like postgres2.
	Kinds []string
	Users []int
	// Active is how many users send requests at once, at most; Lasting how long each load lasts.
	Active  int
	Lasting time.Duration
	// Only, unless nil, chooses among the requests by their names.
	Only *regexp.Regexp
	// Programs is the folder of PostgreSQL's programs.
	Programs string
	Peer     peer
	// Memory is what the servers may use together, in bytes; 0: what the machine has.
	Memory int64
}

// target is a service that is loaded.
type target struct {
	name string
	// nodes are the addresses of its servers; requests are signed for origin.
	nodes  []string
	origin string
	// servers and database are processes whose time is counted; database's children too.
	servers  []int
	database int
	// credentials returns the token of a user.
	credentials func(context.Context, *http.Client, int) (*user, error)
}

// measureStorage loads a storage of so many users with the requests that syncs are made of. A
// load on many users is compared with one on few in the same run, on the same machine.
func measureStorage(ctx context.Context, o storageOptions) error {
	rows := [][]string{{"storage", "users", "active", "request", "requests/s", "p50", "p99", "refused", "server CPU", "database CPU"}}
	for _, n := range o.Users {
		for _, kind := range o.Kinds {
			more, err := measureKind(ctx, o, kind, n)
			if err != nil {
				return fmt.Errorf("%s with %d users: %w", kind, n, err)
			}
			rows = append(rows, more...)
		}
	}
	table(rows)
	return nil
}

func measureKind(ctx context.Context, o storageOptions, kind string, users int) (rows [][]string, err error) {
	var t *target
	if kind == "peer" {
		t, err = o.Peer.target()
	} else {
		var end func() error
		t, end, err = startTarget(ctx, o, kind)
		defer func() {
			if end != nil {
				err = errors.Join(err, end())
			}
		}()
	}
	if err != nil {
		return nil, err
	}
	return t.measure(ctx, o, users)
}

// startTarget starts servers of a kind, each a process, and a database if they need one.
func startTarget(ctx context.Context, o storageOptions, kind string) (t *target, end func() error, err error) {
	var ends []func() error
	end = func() error {
		var errs []error
		for _, f := range slices.Backward(ends) {
			errs = append(errs, f())
		}
		return errors.Join(errs...)
	}
	dir, err := os.MkdirTemp("", "syncmanager-bench")
	if err != nil {
		return nil, end, err
	}
	ends = append(ends, func() error { return os.RemoveAll(dir) })
	accounts := newVouching()
	ends = append(ends, func() error { accounts.Close(); return nil })
	t = &target{name: kind, origin: benchOrigin, credentials: accounts.credentials}
	what, n := task{URL: t.origin, Accounts: accounts.URL}, 1
	if kind != "files" {
		if _, err := fmt.Sscanf(kind, "postgres%d", &n); err != nil || n < 1 {
			return nil, end, fmt.Errorf("%q is neither files, peer nor postgres with a number of servers", kind)
		}
		db, err := pgtest.Start(o.Programs, "fsync=on", "shared_buffers=256MB", "max_wal_size=4GB")
		if err != nil {
			return nil, end, err
		}
		ends = append(ends, db.Remove)
		what.Database, t.database = db.URL(""), db.PID()
	}
	what.Memory = cmp.Or(o.Memory, capacity.Memory(os.DirFS("/"))) / int64(n) // as the command has it
	for i := range n {
		node := what
		node.Dir = fmt.Sprintf("%s/node%d", dir, i)
		p, err := start(ctx, "serve storage", node)
		if err != nil {
			return nil, end, err
		}
		ends = append(ends, func() error { _, err := p.end(); return err })
		if err := p.answer(&node); err != nil {
			return nil, end, err
		}
		t.nodes, t.servers = append(t.nodes, node.URL), append(t.servers, p.cmd.Process.Pid)
	}
	return t, end, nil
}

// client returns a client whose connections go to the servers in turn, each from an address of its
// own (127.x.y.z), since a server bounds what it takes from one.
func (t *target) client(connections int) *http.Client {
	var next atomic.Int64
	return &http.Client{Transport: &http.Transport{
		MaxIdleConns: connections, MaxIdleConnsPerHost: connections,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			n := next.Add(1)
			from := net.TCPAddr{IP: net.IPv4(127, 1+byte(n>>16), byte(n>>8), byte(n))}
			d := net.Dialer{LocalAddr: &from}
			return d.DialContext(ctx, network, t.nodes[int(n)%len(t.nodes)])
		},
	}}
}

// measure makes the users, and loads the target with each kind of request.
func (t *target) measure(ctx context.Context, o storageOptions, users int) (rows [][]string, err error) {
	active := min(users, o.Active)
	client := t.client(active)
	all := make([]*user, users)
	if err := t.nameCollections(ctx, client, users); err != nil {
		return nil, err
	}
	err = parallel(users, 16, func(i int) (err error) {
		if all[i], err = t.credentials(ctx, client, i); err == nil {
			err = all[i].send(ctx, http.MethodPost, "/storage/stored", records(0, 10), nil)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	// The active ones are spread over all, so that they are not those that were made last.
	busy := make([]*user, active)
	for i := range busy {
		busy[i] = all[i*users/active]
	}
	for _, r := range requests {
		if o.Only != nil && !o.Only.MatchString(r.name) {
			continue
		}
		senders := busy[:min(active, r.most)]
		if r.before != nil {
			if err := parallel(len(senders), 8, func(i int) error { return r.before(ctx, senders[i]) }); err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
		}
		m, err := t.load(ctx, senders, o.Lasting, r)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", r.name, err)
		}
		rows = append(rows, append([]string{t.name, fmt.Sprint(users), fmt.Sprint(len(senders)), r.name}, m.cells()...))
	}
	return rows, nil
}

// nameCollections makes each collection once, as one more user. syncstorage-rs keeps the names of
// all users in one table, and answers 500 to all but one who bring the same new name at once.
func (t *target) nameCollections(ctx context.Context, client *http.Client, i int) error {
	u, err := t.credentials(ctx, client, i)
	for _, name := range collections {
		if err == nil {
			err = u.send(ctx, http.MethodPost, "/storage/"+name, records(0, 1), nil)
		}
	}
	return err
}

// measured is the result of a load.
type measured struct {
	took time.Duration
	// times are those of each, without the waits after a refusal.
	times            []time.Duration
	refused          int
	server, database time.Duration
}

func (m *measured) cells() []string {
	slices.Sort(m.times)
	n := len(m.times)
	each := func(d time.Duration) string { return (d / time.Duration(max(n, 1))).Round(time.Microsecond).String() }
	return []string{
		fmt.Sprintf("%.0f", float64(n)/m.took.Seconds()),
		m.times[n/2].Round(10 * time.Microsecond).String(), m.times[n*99/100].Round(10 * time.Microsecond).String(),
		fmt.Sprint(m.refused),
		each(m.server), each(m.database),
	}
}

// load lets each user make a request over and over.
func (t *target) load(ctx context.Context, senders []*user, lasting time.Duration, r request) (*measured, error) {
	var mu sync.Mutex
	var errs error
	m := &measured{}
	serverBefore, databaseBefore := t.used()
	began := time.Now()
	var group sync.WaitGroup
	for _, u := range senders {
		group.Go(func() {
			var own []time.Duration
			var err error
			before := u.refused
			for n := 0; err == nil && (n == 0 || time.Since(began) < lasting); n++ {
				at, waited := time.Now(), u.waited
				err = r.do(ctx, u, n)
				own = append(own, time.Since(at)-(u.waited-waited))
			}
			mu.Lock()
			defer mu.Unlock()
			m.times, errs = append(m.times, own...), errors.Join(errs, err)
			m.refused += u.refused - before
		})
	}
	group.Wait()
	m.took = time.Since(began)
	serverAfter, databaseAfter := t.used()
	m.server, m.database = serverAfter-serverBefore, databaseAfter-databaseBefore
	if errs != nil {
		return nil, errors.New(strings.SplitN(errs.Error(), "\n", 2)[0])
	}
	return m, nil
}

// used is the time that the servers, and the database with all its processes, have used so far.
func (t *target) used() (servers, database time.Duration) {
	for _, pid := range t.servers {
		servers += processTime(pid, false)
	}
	return servers, processTime(t.database, true)
}

// parallel calls f with 0 to n-1, some at a time, and returns the first error.
func parallel(n, width int, f func(int) error) error {
	var next, failed atomic.Int64
	errs := make(chan error, width)
	var group sync.WaitGroup
	for range width {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failed.Load() == 0; i = int(next.Add(1)) - 1 {
				if err := f(i); err != nil {
					failed.Store(1)
					errs <- err
					return
				}
			}
		})
	}
	group.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return nil
	}
}
