package storage

import (
	"net/http"
	"strconv"

	"github.com/syncmanager/syncmanager/bso"
)

// appendLimits appends the body of info/configuration.
func appendLimits(b []byte, l bso.Limits) []byte {
	for i, item := range []struct {
		name  string
		value int
	}{
		{"max_post_records", l.MaxPostRecords},
		{"max_post_bytes", l.MaxPostBytes},
		{"max_total_records", l.MaxTotalRecords},
		{"max_total_bytes", l.MaxTotalBytes},
		{"max_record_payload_bytes", l.MaxRecordPayloadBytes},
		{"max_request_bytes", l.MaxRequestBytes},
	} {
		b = append(b, "{,"[min(i, 1)])
		b = appendString(b, item.name)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(item.value), 10)
	}
	return append(b, '}')
}

func (s *Service) getConfiguration(a *answer, _ *request) error {
	return a.send(http.StatusOK, 0, s.config)
}

func (s *Service) getTimes(a *answer, q *request) error {
	read := s.collections
	if _, ok := s.backend.Backend.(TimesReader); ok {
		read = s.times
	}
	if s.events != nil {
		a.w.Header().Set(EventsHeader, "1")
	}
	return s.info(a, q, read, func(b []byte, c Collection) []byte { return c.Modified.AppendText(b) })
}

func (s *Service) getCounts(a *answer, q *request) error {
	return s.info(a, q, s.collections, func(b []byte, c Collection) []byte { return strconv.AppendInt(b, c.Records, 10) })
}

func (s *Service) getUsage(a *answer, q *request) error {
	return s.info(a, q, s.collections, func(b []byte, c Collection) []byte { return appendKB(b, c.Bytes) })
}

// info answers with an object that has a member for each collection that read returns.
func (s *Service) info(a *answer, q *request, read func(*request) ([]Collection, bso.Timestamp, error), value func([]byte, Collection) []byte) error {
	all, modified, err := read(q)
	if err != nil {
		return err
	}
	b := []byte{'{'}
	for i, c := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, c.Name)
		b = append(b, ':')
		b = value(b, c)
	}
	a.w.Header().Set("X-Weave-Records", strconv.Itoa(len(all)))
	return a.send(http.StatusOK, modified, append(b, '}'))
}

func (s *Service) getQuota(a *answer, q *request) error {
	all, modified, err := s.collections(q)
	if err != nil {
		return err
	}
	quota, err := s.quota(q.Context(), q.uid)
	if err != nil {
		return err
	}
	var used int64
	for _, c := range all {
		used += c.Bytes + Overhead*(c.Records+1)
	}
	b := appendKB([]byte{'['}, used)
	b = append(b, ',')
	if quota > 0 {
		b = appendKB(b, quota)
	} else {
		b = append(b, "null"...)
	}
	return a.send(http.StatusOK, modified, append(b, ']'))
}

// times reads the collections without their counters, and the storage's last-modified time, from a [TimesReader].
func (s *Service) times(q *request) ([]Collection, bso.Timestamp, error) {
	modified, all, err := s.backend.Times(q.Context(), q.uid)
	if err == nil {
		err = q.check(modified)
	}
	return all, modified, err
}

// collections reads the collections and the storage's last-modified time.
func (s *Service) collections(q *request) (all []Collection, modified bso.Timestamp, err error) {
	err = s.backend.View(q.Context(), q.uid, func(v View) (err error) {
		if modified, err = v.Modified("", ""); err != nil {
			return err
		}
		if err := q.check(modified); err != nil {
			return err
		}
		all, err = v.Collections()
		return err
	})
	return all, modified, err
}
