package events_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/events"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// node is a server's part in a relay, with one device.
type node struct {
	*env
	relay *events.Relay
	lines chan string
}

func newNode(t *testing.T, database string, read func(context.Context) (map[string]bso.Timestamp, bso.Timestamp, error)) *node {
	n := &node{env: newEnv(t, 10), lines: make(chan string, 1000)}
	var err error
	n.relay, err = events.OpenRelay(t.Context(), events.RelayConfig{Database: database, Hub: n.Hub, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.relay.Close)
	l := listener(1, "")
	if read != nil {
		l.Read = read
	}
	conn, err := n.connect(t, l, "")
	if err != nil {
		t.Fatal(err)
	}
	go n.read(conn)
	return n
}

func (n *node) read(conn net.Conn) {
	defer close(n.lines)
	b := make([]byte, 1<<16)
	for {
		size, err := conn.Read(b)
		if err != nil {
			return
		}
		n.lines <- string(b[:size])
	}
}

// hears waits until the device is told of something. again is called in between: whether the servers hear each other already is not known.
func (n *node) hears(t *testing.T, what string, again func()) {
	t.Helper()
	for range 200 {
		again()
		select {
		case line := <-n.lines:
			if strings.Contains(line, what) {
				return
			}
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatalf("nothing was heard of %s", what)
}

// What moved at one server is told at the others, not at the same one twice; and what was missed while the connection was lost is
// read from the storage.
func TestServersTellEachOther(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	one := newNode(t, database, nil)
	two := newNode(t, database, func(context.Context) (map[string]bso.Timestamp, bso.Timestamp, error) {
		return map[string]bso.Timestamp{"storage": 900}, 900, nil
	})
	two.hears(t, `"forms":7.00`, func() { one.relay.Moved(1, "forms", 700) })
	two.hears(t, `"meta":7.01`, func() { one.relay.Moved(1, "", 701) })
	// Many at once are several notes.
	for i := range 2000 {
		one.relay.Moved(int64(1+i%2), fmt.Sprintf("c%d", i), 800)
	}
	two.hears(t, `8.00`, func() {})
	// More than it keeps for the others have them look for themselves.
	for i := range 20_000 {
		one.relay.Moved(int64(i), "forms", 800)
	}
	two.hears(t, `"storage":9.00`, func() {})

	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	cut := func() {
		_, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database() AND query LIKE 'LISTEN%'`)
		if err != nil {
			t.Fatal(err)
		}
	}
	cut()
	two.hears(t, `"storage":9.00`, func() {})
	two.hears(t, `"tabs":9.01`, func() { one.relay.Moved(1, "tabs", 901) })
	select {
	case line := <-one.lines:
		if !strings.Contains(line, ":") || strings.Contains(line, "tabs") {
			t.Errorf("a server hears its own note: %s", line)
		}
	default:
	}
}
