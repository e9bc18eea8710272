package events

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/server/internal/pg"
)

const (
	// topic is what servers that share a database tell each other: see [pg.Notify].
	topic = "moved"
	// gather is how long a server gathers what it tells the others, so that they are told 20 times a second at most, and
	// no write waits for it.
	gather = 50 * time.Millisecond
	// maxGathered is how many moves wait to be told to the others. If there are more, these look for themselves what moved.
	maxGathered = 10_000
	// tryAgain is the pause after an error of the database.
	tryAgain = 2 * time.Second
	// missedAll is the note that says so.
	missedAll = "*"
)

// RelayConfig says how a [Relay] works. All fields must be set.
type RelayConfig struct {
	// Database is the PostgreSQL database that the servers share.
	Database string
	// Hub has the connections of this server.
	Hub  *Hub
	Rand io.Reader
	Log  *slog.Logger
}

// move is a collection of a user that moved.
type move struct {
	uid        int64
	collection string
}

// Relay tells the other servers on a PostgreSQL database which collections moved, and this one's devices what the others
// tell. Nothing is stored.
type Relay struct {
	cfg     RelayConfig
	pool    *pgxpool.Pool
	name    string // of this server among the others
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	gathered map[move]bso.Timestamp
	lost     bool // more moved than is gathered
	wake     chan struct{}

	reread chan struct{}
}

// OpenRelay returns a Relay. The caller must call [Relay.Close].
func OpenRelay(ctx context.Context, cfg RelayConfig) (*Relay, error) {
	name := make([]byte, 8)
	if _, err := io.ReadFull(cfg.Rand, name); err != nil {
		return nil, fmt.Errorf("no randomness: %w", err)
	}
	// One connection listens, and one sends.
	pool, err := pg.Open(ctx, cfg.Database, pg.Options{MaxConns: 2})
	if err != nil {
		return nil, err
	}
	r := &Relay{cfg: cfg, pool: pool, name: hex.EncodeToString(name), gathered: make(map[move]bso.Timestamp), wake: make(chan struct{}, 1), reread: make(chan struct{}, 1)}
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.running.Go(func() { r.listen(ctx) })
	r.running.Go(func() { r.send(ctx) })
	r.running.Go(func() { r.rereadAll(ctx) })
	return r, nil
}

// Close ends the relay. It does not end the hub.
func (r *Relay) Close() {
	r.cancel()
	r.running.Wait()
	r.pool.Close()
}

// Moved tells the other servers soon that a collection moved. It does not block.
func (r *Relay) Moved(uid int64, collection string, modified bso.Timestamp) {
	if collection == "" {
		collection = everything
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	m := move{uid, collection}
	if _, there := r.gathered[m]; !there && len(r.gathered) >= maxGathered {
		r.lost = true
	} else {
		r.gathered[m] = max(r.gathered[m], modified)
	}
	signal(r.wake)
}

// signal makes who receives from a channel with room for one look again.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// rereadAll makes up for notes that were missed, until ctx ends.
func (r *Relay) rereadAll(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.reread:
			r.cfg.Hub.Reread(ctx)
		}
	}
}

// send tells the others what was gathered, until ctx ends.
func (r *Relay) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		if !sleep(ctx, gather) {
			return
		}
		for _, note := range r.take() {
			for {
				err := pg.Notify(ctx, r.pool, topic, note)
				if err == nil {
					break
				}
				if ctx.Err() != nil {
					return
				}
				r.cfg.Log.DebugContext(ctx, "the other servers could not be told what moved; it is tried again", "err", err)
				if !sleep(ctx, tryAgain) {
					return
				}
			}
		}
	}
}

// take returns what was gathered, as notes: the name of this server, and a line for each move.
func (r *Relay) take() (notes []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost {
		notes = []string{r.name + "\n" + missedAll}
	}
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			notes = append(notes, b.String())
			b.Reset()
		}
	}
	for m, at := range r.gathered {
		if r.lost {
			break
		}
		line := "\n" + strconv.FormatInt(m.uid, 10) + " " + m.collection + " " + at.String()
		if b.Len()+len(line) > pg.MaxPayload {
			flush()
		}
		if b.Len() == 0 {
			b.WriteString(r.name)
		}
		b.WriteString(line)
	}
	flush()
	clear(r.gathered)
	r.lost = false
	return notes
}

// listen hears what the others tell, until ctx ends. What was told while the connection was lost is read from the storage.
func (r *Relay) listen(ctx context.Context) {
	for first := true; ; first = false {
		err := pg.Listen(ctx, r.pool, topic, func() {
			if !first {
				signal(r.reread)
			}
		}, r.heard)
		if ctx.Err() != nil {
			return
		}
		r.cfg.Log.DebugContext(ctx, "the other servers are not heard; they will be again", "err", err)
		if !sleep(ctx, tryAgain) {
			return
		}
	}
}

// heard passes a note of a server on to the devices. What a newer server may add is ignored.
func (r *Relay) heard(note string) {
	from, lines, _ := strings.Cut(note, "\n")
	if from == r.name {
		return
	}
	for line := range strings.SplitSeq(lines, "\n") {
		if line == missedAll {
			signal(r.reread)
			continue
		}
		part := strings.Split(line, " ")
		if len(part) != 3 || !bso.ValidCollection(part[1]) {
			continue
		}
		uid, err := strconv.ParseInt(part[0], 10, 64)
		at, err2 := bso.ParseTimestamp(part[2])
		if err == nil && err2 == nil {
			r.cfg.Hub.Moved(uid, part[1], at)
		}
	}
}

// sleep waits, and reports whether ctx has not ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
