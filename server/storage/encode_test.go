package storage

import (
	"encoding/json"
	"testing"
	"unicode/utf8"
)

func TestADamagedPayloadDoesNotDamageTheAnswer(t *testing.T) {
	t.Parallel()
	b := appendRecord(nil, &Record{ID: "a\xff", Payload: []byte("é\xc3\"\x00b")})
	var back struct{ ID, Payload string }
	if err := json.Unmarshal(b, &back); err != nil || !utf8.Valid(b) || back.ID != "a\ufffd" || back.Payload != "é\ufffd\"\x00b" {
		t.Errorf("%q: %+v, %v", b, back, err)
	}
}
