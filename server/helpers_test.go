package server_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/syncmanager/syncmanager/internal/onepw"
)

// post makes a request that must succeed.
func post(t *testing.T, h http.Handler, path string, in any) []byte {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "POST", root+path, bytes.NewReader(body)))
	if rec.Code != http.StatusOK {
		t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
	}
	return rec.Body.Bytes()
}

// stretched is the account's authPW.
func stretched(t *testing.T, salt string) string {
	t.Helper()
	s, err := onepw.StretchV2(salt, password)
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(s.AuthPW)
}
