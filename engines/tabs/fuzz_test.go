package tabs

import (
	"os"
	"testing"
)

// FuzzParse: whatever another device sends, what is shown of it is bounded, and can be sent on.
func FuzzParse(f *testing.F) {
	if raw, err := os.ReadFile("testdata/firefox-esr-153.json"); err == nil {
		f.Add(raw)
	}
	f.Add([]byte(`{"id":"a","clientName":"x","tabs":[{"title":"a","urlHistory":["https://a.example/"],"windowId":"w","tabGroupId":"g","index":3}],
		"windows":{"w":{"id":"w","lastUsed":1,"index":0,"windowType":1}},"tabGroups":{"g":{"id":"g","name":"n","color":"blue","collapsed":true}}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		_, all, err := parse(payload)
		if err != nil {
			return
		}
		if err := all.check(); err != nil {
			t.Fatalf("%v: %+v", err, all)
		}
		for _, tab := range all.Tabs {
			if !acceptable(tab.URL()) || len(tab.Title) > maxTitle || len(tab.URLHistory) > maxHistory {
				t.Fatalf("got %+v", tab)
			}
		}
		if _, _, err := build("id", "name", all, maxCleartext); err != nil {
			t.Fatal(err)
		}
	})
}
