package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/hawk"
	"github.com/syncmanager/syncmanager/internal/test/pgtest"
	"github.com/syncmanager/syncmanager/server/token"
)

// Each load does what it says, on files and on two servers with PostgreSQL, and takes time of both.
func TestStorageIsMeasured(t *testing.T) {
	o := storageOptions{Active: 2, Lasting: 20 * time.Millisecond, Programs: os.Getenv(pgtest.Programs)}
	for _, kind := range []string{"files", "postgres2"} {
		if kind != "files" && o.Programs == "" {
			t.Log("without PostgreSQL: " + pgtest.Programs + " is not set")
			continue
		}
		rows, err := measureKind(t.Context(), o, kind, 3)
		if err != nil || len(rows) != len(requests) {
			t.Errorf("%s: %d rows: %v", kind, len(rows), err)
		}
		for _, row := range rows {
			if row[2] != "2" || row[4] == "0" {
				t.Errorf("%s: %v", kind, row)
			}
		}
	}
	if _, err := measureKind(t.Context(), o, "mysql", 1); err == nil {
		t.Error("an unknown storage was measured")
	}
}

// A peer's token is one that Mozilla's code, and so this server's, accepts.
func TestPeerToken(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("master\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	at, err := (&peer{URL: "http://127.0.0.1:8000", Secret: secret}).target()
	if err != nil {
		t.Fatal(err)
	}
	u, err := at.credentials(context.Background(), http.DefaultClient, 41)
	if err != nil {
		t.Fatal(err)
	}
	grant, key, err := token.NewSigner([]byte("master")).Parse(u.creds.ID)
	if err != nil || grant.UID != 42 || string(key) != string(u.creds.Key) || u.endpoint != "http://127.0.0.1:8000/1.5/42" {
		t.Errorf("%+v, %v", grant, err)
	}
}

// A request that was refused since a server has too much to do is sent again, and counted.
func TestRefused(t *testing.T) {
	sent := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if sent++; sent < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	u := &user{http: server.Client(), creds: hawk.Credentials{ID: "id", Key: []byte("key")}, endpoint: server.URL, again: time.Nanosecond}
	if err := u.send(t.Context(), http.MethodPost, "/storage/stored", records(0, 1), nil); err != nil || sent != 3 || u.refused != 2 || u.waited != 2 {
		t.Errorf("%d requests: %v", sent, err)
	}
	sent, u.again = 0, 0
	if err := u.send(t.Context(), http.MethodPost, "/storage/stored", records(0, 1), nil); err == nil || sent != 1 {
		t.Errorf("%d requests: %v", sent, err)
	}
}
