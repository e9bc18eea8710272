package serve

import (
	"math"
	"runtime/debug"
	"testing"
)

// A heap that has a limit is collected seldom. What the environment says counts.
func TestMemoryOfTheHeap(t *testing.T) {
	limit, percent := debug.SetMemoryLimit(-1), debug.SetGCPercent(100)
	defer func() {
		debug.SetMemoryLimit(limit)
		debug.SetGCPercent(percent)
	}()
	const memory = 512e6
	for name, c := range map[string]struct {
		environment map[string]string
		limit       int64
		percent     int
	}{
		"nothing set":    {nil, memory / 2, gcPercent},
		"GOGC set":       {map[string]string{"GOGC": "100"}, memory / 2, 100},
		"GOMEMLIMIT set": {map[string]string{"GOMEMLIMIT": "1GiB"}, math.MaxInt64, gcPercent},
	} {
		debug.SetMemoryLimit(math.MaxInt64)
		debug.SetGCPercent(100)
		got, err := parseMemory("512MB", func(name string) string { return c.environment[name] })
		if err != nil || got != memory {
			t.Fatalf("%s: %d, %v", name, got, err)
		}
		if l, p := debug.SetMemoryLimit(-1), debug.SetGCPercent(100); l != c.limit || p != c.percent {
			t.Errorf("%s: the heap's limit is %d, and it grows by %d percent", name, l, p)
		}
	}
}
