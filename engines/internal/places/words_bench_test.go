package places

import "testing"

// BenchmarkWords is what the index gets of one place.
func BenchmarkWords(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if terms(words("https://www.example.org/a/path/of-some/page-12345.html?q=what+is+it", "A title as pages have it, of ten words or so", "Tagged")) == "" {
			b.Fatal("no words")
		}
	}
}
