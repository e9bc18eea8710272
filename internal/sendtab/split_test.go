package sendtab_test

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/ece"
	"github.com/syncmanager/syncmanager/internal/sendtab"
)

// TestSplitURLs: each list can be sealed, one more URL could not, and nothing is lost or sent twice.
func TestSplitURLs(t *testing.T) {
	t.Parallel()
	var urls []string
	for i := range 400 {
		// & and < take six bytes each in JSON.
		urls = append(urls, fmt.Sprintf("https://page.example/%d?a&b<%s", i, strings.Repeat("x", i)))
	}
	long := "https://long.example/" + strings.Repeat("x", sendtab.MaxCleartext)
	in := append([]string{urls[3], long}, urls...)
	messages, rest := sendtab.SplitURLs(in, 20)
	if !slices.Equal(rest, []string{long}) {
		t.Fatalf("%d are left", len(rest))
	}
	want := append([]string{urls[3]}, slices.Delete(slices.Clone(urls), 3, 4)...)
	if got := slices.Concat(messages...); !slices.Equal(got, want) {
		t.Fatalf("%d URLs of %d", len(got), len(want))
	}
	k, err := ece.GenerateKeys(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sync := sendtab.SyncKey{ID: "1-" + strings.Repeat("A", 22), Key: make([]byte, 64)}
	value, err := sendtab.Publish(k, sync, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range messages {
		if _, err := sendtab.SealURLs(m, value, sync, rand.Reader); err != nil {
			t.Errorf("message %d of %d URLs: %v", i, len(m), err)
		}
		if i+1 < len(messages) {
			if _, err := sendtab.SealURLs(append(slices.Clone(m), messages[i+1][0]), value, sync, rand.Reader); err == nil {
				t.Errorf("message %d has room for another", i)
			}
		}
	}
	some, left := sendtab.SplitURLs(urls, 2)
	if len(some) != 2 || len(slices.Concat(some...))+len(left) != len(urls) {
		t.Errorf("with two messages: %d, and %d are left", len(some), len(left))
	}
	if none, rest := sendtab.SplitURLs(nil, 2); none != nil || rest != nil {
		t.Errorf("nothing makes %v, %v", none, rest)
	}
}
