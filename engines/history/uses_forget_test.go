package history_test

import (
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/engines/history"
)

func TestSearchUses(t *testing.T) {
	t.Parallel()
	d, pass := users(t)
	d.must(retitle(t.Context(), d.Engine, d.page(article).ID, "Kürbissuppe"))
	d.use(history.Use{URL: article, SearchTerm: "autumn soup"})
	pass(time.Hour)
	d.use(history.Use{URL: player})
	pass(time.Hour)
	d.use(history.Use{URL: article})
	for query, want := range map[string]int{"": 3, "kurbis": 2, "soup": 1, "autumn article": 1, "example.org": 3, "soup player": 0} {
		found, err := d.SearchUses(t.Context(), query, 10)
		if err != nil || len(found) != want {
			t.Errorf("%q finds %d uses, %v; want %d", query, len(found), err, want)
		}
	}
	found, err := d.SearchUses(t.Context(), "article", 1)
	if err != nil || len(found) != 1 || found[0].SearchTerm != "" {
		t.Errorf("the first is %+v, %v; want the last one", found, err)
	}
}

// A search goes on beyond the uses that are read at a time, and reads each once.
func TestSearchManyUses(t *testing.T) {
	t.Parallel()
	d, pass := users(t)
	d.use(history.Use{URL: player})
	for range 300 {
		pass(time.Hour)
		d.use(history.Use{URL: article})
	}
	if found, err := d.SearchUses(t.Context(), "player", 10); err != nil || len(found) != 1 {
		t.Errorf("found %+v, %v; want the first use", found, err)
	}
	if found, err := d.SearchUses(t.Context(), "article", 1000); err != nil || len(found) != 300 {
		t.Errorf("found %d, %v; want 300", len(found), err)
	}
}

func TestForgetUse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		forget     func(first time.Time) history.Use
		gone, left int
	}{
		"one key": {func(time.Time) history.Use { return history.Use{URL: article, SearchTerm: "sync", Referrer: results} }, 2, 2},
		"one use": {func(at time.Time) history.Use {
			return history.Use{URL: article, SearchTerm: "sync", Referrer: results, From: at}
		}, 1, 3},
		"without a term":     {func(time.Time) history.Use { return history.Use{URL: article} }, 1, 3},
		"another term":       {func(time.Time) history.Use { return history.Use{URL: article, SearchTerm: "other"} }, 0, 4},
		"no such page":       {func(time.Time) history.Use { return history.Use{URL: "https://nowhere.example/"} }, 0, 4},
		"no such referrer":   {func(time.Time) history.Use { return history.Use{URL: article, Referrer: "https://nowhere.example/"} }, 0, 4},
		"at no use's moment": {func(at time.Time) history.Use { return history.Use{URL: article, From: at.Add(time.Second)} }, 0, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, pass := users(t)
			first := now
			for range 2 {
				d.use(history.Use{URL: article, SearchTerm: "sync", Referrer: results})
				pass(time.Hour)
			}
			d.use(history.Use{URL: article})
			d.use(history.Use{URL: player, SearchTerm: "sync"})
			n, err := d.ForgetUse(t.Context(), c.forget(first))
			if left := d.uses(history.Between{}); err != nil || n != c.gone || len(left) != c.left {
				t.Errorf("forgot %d, %v; left are %+v; want %d and %d", n, err, left, c.gone, c.left)
			}
		})
	}
}

func TestForgetSearchTerms(t *testing.T) {
	t.Parallel()
	d, pass := users(t)
	d.use(history.Use{URL: article, SearchTerm: "sync", Referrer: results, Viewed: time.Minute})
	pass(time.Hour)
	d.use(history.Use{URL: article, SearchTerm: "cloud"})
	d.use(history.Use{URL: player})
	for _, want := range []int{2, 0} {
		if n, err := d.ForgetSearchTerms(t.Context()); err != nil || n != want {
			t.Errorf("forgot %d terms, %v; want %d", n, err, want)
		}
	}
	left := d.uses(history.Between{})
	if len(left) != 3 || left[2].Viewed != time.Minute || left[2].Referrer != results {
		t.Errorf("left are %+v; want all uses", left)
	}
	for _, u := range left {
		if u.SearchTerm != "" {
			t.Errorf("%q is left", u.SearchTerm)
		}
	}
}
