package places

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// benchPlaces is how many places the search is measured with. PLACES=1000000 is
// what the target speaks of; making them takes some minutes, so a smaller number is
// the default.
func benchPlaces(b *testing.B) int {
	text := os.Getenv("PLACES")
	if text == "" {
		return 100_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatalf("PLACES=%q: %v", text, err)
	}
	return n
}

// vocabulary is words of which some are frequent and most are rare, as in a
// language.
type vocabulary struct {
	words []string
	zipf  *rand.Zipf
}

func newVocabulary() *vocabulary {
	r := rand.New(rand.NewPCG(1, 2))
	v := &vocabulary{words: make([]string, 100_000)}
	for i := range v.words {
		var w strings.Builder
		for range 2 + r.IntN(4) {
			w.WriteByte("bdfgklmnprstvz"[r.IntN(14)])
			w.WriteByte("aeiou"[r.IntN(5)])
		}
		v.words[i] = w.String()
	}
	v.zipf = rand.NewZipf(r, 1.1, 4, uint64(len(v.words)-1))
	return v
}

func (v *vocabulary) text(words int) string {
	var t []string
	for range words {
		t = append(t, v.words[v.zipf.Uint64()])
	}
	return strings.Join(t, " ")
}

// BenchmarkSearch reports the 50th and the 95th percentile of a search as each
// letter of the query is typed.
func BenchmarkSearch(b *testing.B) {
	db := openTest(b)
	n := benchPlaces(b)
	v := newVocabulary()
	r := rand.New(rand.NewPCG(3, 4))
	started := time.Now()
	fill(b, db, n, func(i int) (string, string, time.Duration) {
		host := v.words[r.IntN(2000)]
		url := fmt.Sprintf("https://www.%s.example/%s/%d", host, strings.ReplaceAll(v.text(3), " ", "/"), i)
		return url, v.text(6), time.Duration(r.IntN(365*24)) * time.Hour
	})
	b.Logf("made %d places, %v each", n, time.Since(started)/time.Duration(n))
	queries := map[string][]string{
		"common": {v.words[0], v.words[1], v.words[2] + " " + v.words[0], "example", "example " + v.words[3]},
		"middle": {v.words[300], v.words[900], v.words[1900], v.words[5] + " " + v.words[700]},
		"rare":   {v.words[60_000], v.words[80_000], v.words[99_999], strconv.Itoa(n / 3), "example " + v.words[70_000]},
		"absent": {"xyzzyxyz", "qqqq", "example xyzzy", v.words[0] + " " + v.words[1] + " xyzzy", "wwwwwwwwwwww"},
	}
	for _, kind := range []string{"common", "middle", "rare", "absent"} {
		var typed []string
		for _, q := range queries[kind] {
			for i := 1; i <= len(q); i++ {
				typed = append(typed, q[:i])
			}
		}
		if kind == "absent" || kind == "rare" {
			typed = queries[kind] // their first letters are common
		}
		b.Run(kind, func(b *testing.B) {
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				at := time.Now()
				if _, err := db.Search(b.Context(), typed[i%len(typed)], Anything, 20); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(at))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds()), "µs-p50")
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds()), "µs-p95")
			b.ReportMetric(float64(took[len(took)-1].Microseconds()), "µs-max")
		})
	}
}
