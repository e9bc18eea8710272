package creditcards_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engines/creditcards"
)

// FuzzCard reads any bytes: a valid record reads the same after it was written, and Masked
// shows only the end of its number.
func FuzzCard(f *testing.F) {
	f.Add(recorded(f)[0].Payload)
	f.Add([]byte(`{"entry":{"version":9,"cc-number":[4111]}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var c, again creditcards.Card
		if err := json.Unmarshal(raw, &c); err != nil {
			return
		}
		written, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(written, &again); err != nil || again != c {
			t.Fatalf("%q is %+v, and again %+v, %v", raw, c, again, err)
		}
		if shown := []rune(strings.TrimPrefix(c.Masked(), "•••• ")); len(shown) > 4 {
			t.Fatalf("%q is shown as %q", c.Number, c.Masked())
		}
	})
}

func FuzzExpires(f *testing.F) {
	f.Add("04/2031")
	f.Add("2031-04")
	f.Fuzz(func(t *testing.T, text string) {
		month, year, err := creditcards.ParseExpires(text)
		if err == nil && strings.TrimSpace(text) != "" && (month < 1 || month > 12 || year < 2000 || year > 9999) {
			t.Errorf("%q is %d/%d", text, month, year)
		}
	})
}
