package storage_test

import "testing"

func TestARecordComesBackAsItWasPut(t *testing.T) {
	s := start(t)
	put := s.do("PUT", "/storage/meta/global", `{"id":"global","payload":"{\"a\":\"é\"}","sortindex":-3,"ttl":60,"modified":1}`).want(200)
	if put.Body.String() != put.modified() || put.modified() != put.Header().Get("X-Weave-Timestamp") {
		t.Fatalf("put answered %s, %v", put.Body, put.Header())
	}
	got := s.do("GET", "/storage/meta/global", "").want(200)
	got.wantBody(`{"id":"global","modified":` + put.modified() + `,"sortindex":-3,"payload":"{\"a\":\"é\"}"}`)
	if got.modified() != put.modified() {
		t.Errorf("X-Last-Modified %s, want %s", got.modified(), put.modified())
	}
}
