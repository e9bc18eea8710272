package history

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/syncmanager/syncmanager/engine"
)

// snapshot writes what goes up. Pages that the user visits meanwhile wait for
// the next sync, or this might never end.
func (s *session) snapshot(ctx context.Context) error {
	if err := s.e.ledger.DropOutgoing(ctx); err != nil {
		return err
	}
	if err := s.settleAhead(ctx); err != nil {
		return err
	}
	var pages []int64
	err := s.e.update(ctx, func(tx *tx) error {
		n, err := tx.Exec(sqlSendTombstones, maxOutgoing)
		if err != nil {
			return err
		}
		s.Result.Outgoing = int(n)
		pages, err = tx.numbers(sqlToSend, maxOutgoing-n)
		return err
	})
	if err != nil {
		return err
	}
	for part := range slices.Chunk(pages, s.e.chunk) {
		var sent int
		err := s.e.update(ctx, func(tx *tx) (err error) {
			sent, err = tx.send(part)
			return err
		})
		if err != nil {
			return err
		}
		s.Result.Outgoing += sent
	}
	return nil
}

// settleAhead dates the visits that a clock far ahead gave a date which no other device
// would believe: they happened now at the latest. See parseRecord.
func (s *session) settleAhead(ctx context.Context) error {
	for n := 1; n > 0; {
		err := s.e.update(ctx, func(tx *tx) error {
			now := tx.Now().Add(s.Start.Skew).UnixMicro()
			limit := now + clockSkew - slack
			pages, err := tx.numbers(sqlAhead, limit, s.e.chunk)
			n = len(pages)
			for _, id := range pages {
				if err == nil {
					err = tx.bringBack(id, limit, now)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// bringBack gives the visits of a page that are after limit another date.
func (t *tx) bringBack(id, limit, date int64) error {
	for _, query := range []string{sqlSettleAhead, sqlDropAhead} {
		if _, err := t.Exec(query, id, limit, date); err != nil {
			return err
		}
	}
	r, err := t.byID(id)
	if err != nil {
		return err
	}
	var shown, sent int
	if err := t.QueryRow(sqlTally, id).Scan(&r.visits, &r.lastVisit, &r.typed, &shown, &sent); err != nil {
		return err
	}
	return t.save(r, true, false)
}

// going is a page that goes up.
type going struct {
	id         int64
	guid       engine.ID
	url, title string
	unknown    []byte
	changes    int
	sortIndex  int64
	visits     []visit
}

// send puts pages into the snapshot, and returns how many there are.
func (t *tx) send(pages []int64) (sent int, err error) {
	list, err := json.Marshal(pages)
	if err != nil {
		return 0, err
	}
	all, err := t.going(string(list))
	if err != nil || len(all) == 0 {
		return 0, err
	}
	const columns = 5
	args := make([]any, 0, len(all)*columns)
	for i := range all {
		p := &all[i]
		visits := newest(p.visits, maxVisits)
		args = append(args, p.guid, appendRecord(nil, p.guid, p.url, p.title, visits, p.unknown), p.title, p.changes, p.sortIndex)
	}
	return len(all), t.InsertMany(sqlSend, columns, args)
}

// going reads those pages of a list, a JSON array of their IDs, that still go up, each with its
// newest visits.
func (t *tx) going(list string) (all []going, err error) {
	rows, err := t.Query(sqlGoing, list)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	at := make(map[int64]int) // in all, by ID
	for rows.Next() {
		var p going
		if err := rows.Scan(&p.id, &p.guid, &p.url, &p.title, &p.unknown, &p.changes, &p.sortIndex); err != nil {
			return nil, err
		}
		at[p.id] = len(all)
		all = append(all, p)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || len(all) == 0 {
		return nil, err
	}
	visits, err := t.Query(sqlGoingVisits, list, maxVisits-1)
	if err != nil {
		return nil, err
	}
	defer visits.Close()
	for visits.Next() {
		var place int64
		var v visit
		if err := visits.Scan(&place, &v.date, &v.kind, &v.unknown); err != nil {
			return nil, err
		}
		if i, ok := at[place]; ok {
			all[i].visits = append(all[i].visits, v)
		}
	}
	return all, visits.Err()
}

func (t *tx) numbers(query string, args ...any) (all []int64, err error) {
	rows, err := t.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, rows.Err()
}
