package profile_test

import (
	"context"
	"testing"
	"time"

	"github.com/syncmanager/syncmanager/internal/profile"
)

// BenchmarkOpenStores opens and closes the seven flat stores, each with its file, and one of
// them alone, in turns. "files/file" bounds what a shared file could save: some 6 ms of a
// command on two cores. For that, one damaged file would take all stores with it, and
// engines that sync at the same time would wait for one writer, so each has its file.
func BenchmarkOpenStores(b *testing.B) {
	one := []func(*profile.Profile, context.Context) error{opens((*profile.Profile).Addresses)}
	all := append(one, opens((*profile.Profile).Cards), opens((*profile.Profile).Forms), opens((*profile.Profile).Prefs),
		opens((*profile.Profile).Addons), opens((*profile.Profile).ExtensionStorage), opens((*profile.Profile).Passwords))
	dir := b.TempDir()
	spent := func(stores []func(*profile.Profile, context.Context) error) time.Duration {
		p, err := profile.Open(b.Context(), config(dir))
		if err != nil {
			b.Fatal(err)
		}
		begin := time.Now()
		for _, open := range stores {
			if err := open(p, b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		if err := p.Close(); err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	}
	spent(all)
	var seven, single time.Duration
	for b.Loop() {
		seven += spent(all)
		single += spent(one)
	}
	b.ReportMetric(float64(seven.Microseconds())/float64(b.N), "µs/files")
	b.ReportMetric(float64(single.Microseconds())/float64(b.N), "µs/file")
	b.ReportMetric(float64(seven)/float64(single), "files/file")
}

func opens[E any](open func(*profile.Profile, context.Context) (E, error)) func(*profile.Profile, context.Context) error {
	return func(p *profile.Profile, ctx context.Context) error {
		_, err := open(p, ctx)
		return err
	}
}
