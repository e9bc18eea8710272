package postgres

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/syncmanager/syncmanager/bso"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/storage"
)

// BenchmarkNewRecords compares what stores records that are all new: the upsert of arrays, which
// stores any, the insert of arrays into a collection that the step knows to be new, and COPY.
func BenchmarkNewRecords(b *testing.B) {
	for _, n := range []int{100, 1000, 5000} {
		for _, way := range []struct {
			name  string
			store func(*testing.B, *transaction, []storage.Change) error
		}{{"upsert", putNew}, {"insert", insertNew}, {"copy", copyNew}} {
			b.Run(fmt.Sprint(way.name, "/", n), func(b *testing.B) {
				backend, err := Open(b.Context(), Config{Database: pgtest.Database(b), Now: time.Now, Rand: rand.Reader})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = backend.Close(context.WithoutCancel(b.Context())) }()
				changes := make([]storage.Change, n)
				payload := make([]byte, 400)
				if _, err := rand.Read(payload); err != nil {
					b.Fatal(err)
				}
				for i := range changes {
					changes[i] = storage.Change{ID: bso.ID(fmt.Sprintf("record%06d", i)), Fields: storage.FieldPayload, Payload: payload}
				}
				for uid := int64(1); b.Loop(); uid++ {
					err := backend.Update(b.Context(), uid, storage.Durable, func(tx storage.Tx) error {
						return way.store(b, tx.(*transaction), changes)
					})
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/record")
			})
		}
	}
}

func putNew(_ *testing.B, t *transaction, changes []storage.Change) error { return t.Put("c", changes) }

func insertNew(_ *testing.B, t *transaction, changes []storage.Change) error {
	t.collection("c").fresh = false
	return t.Put("c", changes)
}

func copyNew(b *testing.B, t *transaction, changes []storage.Change) error {
	now, c := t.stamp(), t.collection("c")
	c.modified = now
	rows := pgx.CopyFromSlice(len(changes), func(i int) ([]any, error) {
		from := &changes[i]
		c.records++
		c.bytes += int64(len(from.Payload))
		return []any{t.uid, c.number, string(from.ID), int64(now), nil, nil, -1, from.Payload}, nil
	})
	_, err := t.conn.CopyFrom(b.Context(), pgx.Identifier{"storage_records"},
		[]string{"uid", "collection", "id", "modified", "sortindex", "expires", "replaced", "payload"}, rows)
	return err
}
