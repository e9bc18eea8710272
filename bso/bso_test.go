package bso_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/bso"
)

func TestIDs(t *testing.T) {
	t.Parallel()
	for _, id := range []bso.ID{"a", "/DxrbGUjRCqNUiqn", "{8a6f0000-0000-4000-8000-000000000000}", "x y~", bso.ID(strings.Repeat("i", 64))} {
		if !id.Valid() {
			t.Errorf("%q is a valid ID", id)
		}
	}
	for _, id := range []bso.ID{"", "é", "a\n", "\x7f", bso.ID(strings.Repeat("i", 65))} {
		if id.Valid() {
			t.Errorf("%q is no valid ID", id)
		}
	}
	if a := bso.NewGUID(strings.NewReader("123456789")); a != "MTIzNDU2Nzg5" || !a.Valid() {
		t.Errorf("a GUID of known bytes is %q", a)
	}
}

func TestCollections(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"passwords", "extension-storage", "A.b_9", strings.Repeat("c", 32)} {
		if !bso.ValidCollection(name) {
			t.Errorf("%q is a valid collection", name)
		}
	}
	for _, name := range []string{"", "a/b", "..%2f", "a b", "ü", strings.Repeat("c", 33)} {
		if bso.ValidCollection(name) {
			t.Errorf("%q is no valid collection", name)
		}
	}
}

func TestTimestamps(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bso.Timestamp{
		"1795372560.22": 179537256022, "1795372560.2": 179537256020, "1795372560": 179537256000, "0.00": 0, "0.01": 1,
		"1795372560.999": 179537256099, // cut, not rounded: never later than the server said
	} {
		got, err := bso.ParseTimestamp(text)
		if err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1.00", "+1", "1e9", "NaN", "1.2x", ".5", "0x10", " 1", "99999999999999999999", strings.Repeat("9", 400)} {
		if got, err := bso.ParseTimestamp(text); !errors.Is(err, bso.ErrTimestamp) {
			t.Errorf("%.20q is %d, %v", text, got, err)
		}
	}
	at := bso.Timestamp(179537256005)
	if at.String() != "1795372560.05" || bso.TimestampOf(at.Time()) != at || !at.Time().Equal(time.UnixMilli(1795372560050)) {
		t.Errorf("%s, %v", at, at.Time())
	}
}

func TestTimestampsInJSON(t *testing.T) {
	t.Parallel()
	var got map[string]bso.Timestamp
	if err := json.Unmarshal([]byte(`{"a":1795372560.22,"b":1.79537256022e9,"c":null,"d":5}`), &got); err != nil {
		t.Fatal(err)
	}
	if got["a"] != 179537256022 || got["b"] != 179537256022 || got["c"] != 0 || got["d"] != 500 {
		t.Errorf("read %v", got)
	}
	if text, _ := json.Marshal(got["a"]); string(text) != "1795372560.22" {
		t.Errorf("wrote %s", text)
	}
	for _, bad := range []string{`"1.00"`, `-1`, `-1e3`, `1e300`, `true`, `{}`} {
		var at bso.Timestamp
		if err := json.Unmarshal([]byte(bad), &at); err == nil {
			t.Errorf("%s was read as %s", bad, at)
		}
	}
}

// FuzzTimestamp: what is read writes itself back as the same time.
func FuzzTimestamp(f *testing.F) {
	f.Add("1795372560.22")
	f.Add("0")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := bso.ParseTimestamp(text)
		if err != nil {
			return
		}
		if again, err := bso.ParseTimestamp(at.String()); err != nil || again != at {
			t.Errorf("%q is %s, and that is %s, %v", text, at, again, err)
		}
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	silent := bso.SilentLimits()
	for name, c := range map[string]struct {
		body string
		want func(*bso.Limits)
	}{
		"nothing":       {`{}`, func(*bso.Limits) {}},
		"what is given": {`{"max_post_records":7,"max_request_bytes":9000}`, func(l *bso.Limits) { l.MaxPostRecords, l.MaxRequestBytes = 7, 9000 }},
		"odd values":    {`{"max_post_records":-1,"max_post_bytes":"x","max_total_records":null,"max_total_bytes":1.5,"max_request_bytes":0}`, func(*bso.Limits) {}},
		"others' keys":  {`{"collections":{"tabs":{"max":1}},"max_quota_limit":2,"max_total_bytes":777}`, func(l *bso.Limits) { l.MaxTotalBytes = 777 }},
		"far too large": {`{"max_post_records":1e300,"max_post_bytes":9223372036854775807,"max_total_records":99999999999999999999,"max_total_bytes":1e18,"max_record_payload_bytes":4294967296,"max_request_bytes":1e11}`,
			func(l *bso.Limits) {
				*l = bso.Limits{MaxPostRecords: 10_000, MaxPostBytes: 64 << 20, MaxTotalRecords: 1_000_000, MaxTotalBytes: 1 << 30, MaxRecordPayloadBytes: 16 << 20, MaxRequestBytes: 64 << 20}
			}},
		"far too small": {`{"max_record_payload_bytes":1,"max_request_bytes":9,"max_post_bytes":100}`, func(*bso.Limits) {}},
	} {
		want := silent
		c.want(&want)
		if got, err := bso.ParseLimits([]byte(c.body)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, body := range []string{"", "[]", "<html>", "7", `{"max_post_records":`} {
		if _, err := bso.ParseLimits([]byte(body)); err == nil {
			t.Errorf("%q was read", body)
		}
	}
	text, err := json.Marshal(bso.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := bso.ParseLimits(text); err != nil || got != bso.DefaultLimits() {
		t.Errorf("the defaults came back as %+v, %v", got, err)
	}
}

// An ID that begins with a dash would pass for a flag on a command line.
func TestNewGUIDHasNoLeadingDash(t *testing.T) {
	t.Parallel()
	for first := range 256 {
		id := bso.NewGUID(bytes.NewReader(append([]byte{byte(first)}, make([]byte, 8)...)))
		if !id.Valid() || len(id) != 12 || id[0] == '-' {
			t.Errorf("%#x gives %s", first, id)
		}
	}
}
