package addresses_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/engine/enginetest"
	"github.com/syncmanager/syncmanager/engines/addresses"
)

// FuzzAddress reads any bytes: a valid record reads the same after it was written.
func FuzzAddress(f *testing.F) {
	f.Add(enginetest.Records(f, "testdata/firefox-esr-153.json")[0].Payload)
	f.Add([]byte(`{"entry":{"version":2,"name":{"a":1},"given-name":"A"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var a, again addresses.Address
		if json.Unmarshal(raw, &a) != nil {
			return
		}
		written, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(written, &again); err != nil || again != a {
			t.Fatalf("%q is %+v, and again %+v, %v", raw, a, again, err)
		}
	})
}

func FuzzNameAndTelephone(f *testing.F) {
	f.Add("Dr. Ann B. van Dyke, Jr.", "+44 (0)20 7946 0000", "GB")
	f.Add("欧阳修", "8 (812) 123-45-67", "RU")
	e164 := regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	f.Fuzz(func(t *testing.T, name, tel, country string) {
		given, additional, family := addresses.SplitName(name)
		for _, part := range []string{given, additional, family} {
			for word := range strings.FieldsSeq(part) {
				if !strings.Contains(name, word) {
					t.Errorf("%q has no %q", name, word)
				}
			}
		}
		if got := addresses.International(tel, country); got != tel && !e164.MatchString(got) {
			t.Errorf("%q dialled in %q is %q", tel, country, got)
		}
	})
}
