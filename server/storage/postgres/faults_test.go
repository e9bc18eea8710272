package postgres_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/storage"
	"github.com/syncmanager/syncmanager/server/storage/postgres"
)

func put(tx storage.Tx) error { return putText(tx, "x") }

func putText(tx storage.Tx, text string) error {
	return tx.Put("c", []storage.Change{{ID: "a", Fields: storage.FieldPayload, Payload: []byte(text)}})
}

func stored(t *testing.T, b storage.Backend) (text string, at bso.Timestamp) {
	t.Helper()
	err := b.View(t.Context(), 1, func(v storage.View) error {
		r, err := v.Record("c", "a")
		if r != nil {
			text, at = string(r.Payload), r.Modified
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text, at
}

// A step that goes on after a statement has failed does not seem to have taken effect.
func TestAStepWhoseStatementFailed(t *testing.T) {
	t.Parallel()
	b := open(t, pgtest.Database(t), time.Now)
	err := b.Update(t.Context(), 1, storage.Durable, func(tx storage.Tx) error {
		for range 2 {
			if err := tx.StartBatch("c", "twice", storage.AnyTime); err != nil {
				return err
			}
		}
		if _, err := tx.AppendBatch("c", "twice", nil); err == nil {
			t.Error("a token was used twice")
		}
		return nil
	})
	if err == nil {
		t.Error("the step succeeded")
	}
	err = b.Update(t.Context(), 1, storage.Durable, func(tx storage.Tx) error {
		_, err := tx.AppendBatch("c", "twice", nil)
		return err
	})
	if !errors.Is(err, storage.ErrNoBatch) {
		t.Errorf("the batch of the step that failed: %v", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// Two processes whose clocks differ by a minute write in turn.
func TestTimesGrowWhateverTheClocksSay(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	ahead := open(t, database, func() time.Time { return now.Add(time.Minute) })
	behind := open(t, database, func() time.Time { return now })
	var last bso.Timestamp
	for i := range 6 {
		b := []storage.Backend{ahead, behind}[i%2]
		if err := b.Update(t.Context(), 1, storage.Durable, put); err != nil {
			t.Fatal(err)
		}
		if _, at := stored(t, b); at <= last {
			t.Errorf("write %d has the time %v, after %v", i, at, last)
		} else {
			last = at
		}
	}
	for _, b := range []storage.Backend{ahead, behind} {
		if err := b.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func TestManyProcessesMakeTheTablesOnce(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	var opening sync.WaitGroup
	for range 4 {
		opening.Go(func() {
			b, err := postgres.Open(t.Context(), postgres.Config{Database: database, Now: time.Now, Rand: rand.Reader})
			if err != nil {
				t.Error(err)
				return
			}
			if err := b.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	opening.Wait()
}

func TestANewerDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	if err := open(t, database, time.Now).Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	execute(t, database, "UPDATE versions SET version = 1000, oldest = 1000 WHERE part = 'storage'")
	_, err := postgres.Open(t.Context(), postgres.Config{Database: database, Now: time.Now, Rand: rand.Reader})
	if !errors.Is(err, postgres.ErrNewer) {
		t.Errorf("opened: %v", err)
	}
}

func execute(t *testing.T, database, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestAStandbyIsNotWell(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	b := open(t, database, time.Now)
	if err := b.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b = open(t, database+"&default_transaction_read_only=on", time.Now)
	if err := b.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "can only be read") {
		t.Errorf("a probe: %v", err)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAWrongPasswordIsNotTold(t *testing.T) {
	t.Parallel()
	for _, database := range []string{
		"postgres://user:secret-word@127.0.0.1:1/db?connect_timeout=1",
		"postgres://user:secret-word@127.0.0.1:1/db?sslmode=nonsense",
		"host=127.0.0.1 port=nonsense password=secret-word",
	} {
		_, err := postgres.Open(t.Context(), postgres.Config{Database: database, Now: time.Now, Rand: rand.Reader})
		if err == nil || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("opened: %v", err)
		}
	}
}

// The connections that a backend has are gone after a restart; nothing was acknowledged that is.
func TestARestartOfTheDatabase(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	b := open(t, server.URL(""), time.Now)
	if err := b.Update(t.Context(), 1, storage.Durable, put); err != nil {
		t.Fatal(err)
	}
	_, before := stored(t, b)

	// In the middle of a step: nothing of it is left, and it is run again.
	texts := []string{"lost", "z"}
	err := b.Update(t.Context(), 1, storage.Durable, func(tx storage.Tx) error {
		text := texts[0]
		texts = texts[1:]
		if err := putText(tx, text); err != nil || text != "lost" {
			return err
		}
		return errors.Join(server.Stop(), server.Start())
	})
	if err != nil || len(texts) != 0 {
		t.Errorf("a step whose connection was lost was not repeated: %v", err)
	}
	text, at := stored(t, b)
	if text != "z" || at <= before {
		t.Errorf("stored is %q at %v, after %v", text, at, before)
	}
	before = at

	// Between two steps: the next one opens another connection.
	if err := errors.Join(server.Stop(), server.Start()); err != nil {
		t.Fatal(err)
	}
	if err := b.Update(t.Context(), 1, storage.Durable, func(tx storage.Tx) error { return putText(tx, "y") }); err != nil {
		t.Errorf("the first step after a restart: %v", err)
	}
	if text, at := stored(t, b); text != "y" || at <= before {
		t.Errorf("stored is %q at %v, after %v", text, at, before)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// The connection is cut when the commit has arrived and its answer has not. The step knows what
// became of it.
func TestACommitWhoseAnswerIsLost(t *testing.T) {
	t.Parallel()
	server := pgtest.Own(t)
	relay := listen(t, server)
	b := open(t, relay.url, time.Now)
	for n := range 3 {
		relay.cut.Store(true)
		text := fmt.Sprint("text ", n)
		err := b.Update(t.Context(), 1, storage.Durable, func(tx storage.Tx) error { return putText(tx, text) })
		if err != nil {
			t.Errorf("a step that took effect failed: %v", err)
		}
		if relay.cut.Load() {
			t.Fatal("no commit was cut")
		}
		if got, _ := stored(t, b); got != text {
			t.Errorf("stored is %q, want %q", got, text)
		}
	}

	// Cut before its write arrives, it is run again.
	relay.early.Store(true)
	tries := 0
	err := b.Update(t.Context(), 1, storage.Durable, func(tx storage.Tx) error { tries++; return putText(tx, "lost") })
	if err != nil || tries != 2 {
		t.Errorf("a step whose write did not arrive: after %d tries: %v", tries, err)
	}
	if got, _ := stored(t, b); got != "lost" {
		t.Errorf("stored is %q", got)
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// What became of a step cannot be asked, or it wrote nothing that could be asked for: the client is told to
// come again, and the step is not run twice.
func TestACommitOfWhichNothingIsKnown(t *testing.T) {
	t.Parallel()
	relay := listen(t, pgtest.Own(t))
	b := open(t, relay.url, time.Now)
	if err := b.Update(t.Context(), 1, storage.Durable, put); err != nil {
		t.Fatal(err)
	}
	for name, step := range map[string]func(storage.Tx) error{
		"a write": put,
		"a batch": func(tx storage.Tx) error { return tx.StartBatch("c", "token", storage.AnyTime) },
	} {
		relay.deaf.Store(true)
		relay.cut.Store(true)
		tries := 0
		err := b.Update(t.Context(), 1, storage.Durable, func(tx storage.Tx) error { tries++; return step(tx) })
		if !errors.Is(err, storage.ErrUnreachable) || tries != 1 || relay.cut.Load() {
			t.Errorf("%s: after %d tries: %v", name, tries, err)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// relay cuts connections to a server.
type relay struct {
	url string
	// cut lets the next commit through and cuts the connection before the answer; early cuts
	// before a write arrives. deaf cuts each that asks what became of a step.
	cut, early, deaf atomic.Bool
}

func listen(t *testing.T, server *pgtest.Server) *relay {
	t.Helper()
	r := &relay{}
	r.url = server.Relay(t, func(sent string) bool {
		return strings.Contains(sent, "lost") && r.early.CompareAndSwap(true, false) ||
			strings.Contains(sent, "SELECT step FROM") && r.deaf.Load()
	}, func(answer string) bool {
		return strings.Contains(answer, pgtest.Committed) && r.cut.CompareAndSwap(true, false)
	})
	return r
}
