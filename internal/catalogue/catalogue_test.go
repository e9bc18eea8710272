package catalogue_test

import (
	"slices"
	"testing"

	"github.com/syncmanager/syncmanager/internal/catalogue"
)

func TestCatalogueIsSound(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i, c := range catalogue.All() {
		if seen[c.Name] {
			t.Errorf("%s is listed twice", c.Name)
		}
		seen[c.Name] = true
		if catalogue.Rank(c.Name) != i {
			t.Errorf("the rank of %s is %d, want %d", c.Name, catalogue.Rank(c.Name), i)
		}
		if pair, ok := catalogue.Lookup(c.Pair); c.Pair != "" && (!ok || pair.Pair != c.Name) {
			t.Errorf("%s is paired with %s, which is paired with %q", c.Name, c.Pair, pair.Pair)
		}
		if (c.Engine || c.Default) && c.Version < 1 {
			t.Errorf("%s has no version", c.Name)
		}
	}
	if slices.Contains(catalogue.Engines(), "clients") || !slices.Contains(catalogue.WellKnown(), "clients") {
		t.Error("clients is in every account, and no engine keeps it")
	}
	if catalogue.Rank("example-notes") <= catalogue.Rank("extension-storage") {
		t.Error("an app's own collection comes before one of Firefox's")
	}
}
