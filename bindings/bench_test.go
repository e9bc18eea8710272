package bindings_test

import (
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/syncmanager/syncmanager/internal/test/testenv"
)

// BenchmarkCalls measures how many calls a second each client makes in each way, one after
// the other, of the verb that does least.
func BenchmarkCalls(b *testing.B) {
	for _, language := range languages {
		for _, by := range language.ways[:2] {
			b.Run(language.name+" "+string(by), func(b *testing.B) {
				i := language.install(b, by)
				calls(b, i.folder, append(append(i.command, language.rate), device(b, by)...))
			})
		}
	}
	b.Run("C", func(b *testing.B) {
		needs(b, "cc")
		folder, lib := b.TempDir(), built(b, "libsyncmanager.*")
		command(b, ".", nil, "cc", "-O2", "-D_GNU_SOURCE", "-I", filepath.Dir(lib), "-o", filepath.Join(folder, "rate"), "testdata/rate/rate.c", lib, "-Wl,-rpath,"+filepath.Dir(lib))
		calls(b, folder, []string{filepath.Join(folder, "rate"), "library", b.TempDir()})
	})
}

// device is a device of devices.
func device(b *testing.B, by way) []string {
	if by == agent {
		return []string{"http", serve(b, testenv.New(b), "Laptop")}
	}
	return []string{"library", built(b, "libsyncmanager.*"), b.TempDir()}
}

// calls runs a program that makes b.N calls and prints how many nanoseconds they took.
func calls(b *testing.B, folder string, words []string) {
	out := command(b, folder, nil, append(words, strconv.Itoa(b.N))...)
	ns, err := strconv.ParseFloat(strings.TrimSpace(out), 64)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(ns/float64(b.N), "ns/op")
	b.ReportMetric(float64(b.N)/ns*1e9, "calls/s")
}
