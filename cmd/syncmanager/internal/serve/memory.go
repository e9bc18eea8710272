package serve

import (
	"errors"
	"os"
	"runtime/debug"

	"github.com/syncmanager/syncmanager/cmd/syncmanager/internal/usage"
	"github.com/syncmanager/syncmanager/internal/capacity"
)

// leastMemory is the least memory that a server needs.
const leastMemory = 64e6

// gcPercent lets the heap grow to five times of what is in use before it is collected. What a request allocates
// is much beside what stays, and with Go's 100 collecting it took a sixth of the processor time of uploads.
const gcPercent = 400

// parseMemory reads how much memory the server may use, and limits Go's heap to a part
// of it, unless GOMEMLIMIT does. A heap with a limit is collected less often, unless GOGC says how often. It returns
// 0 if the memory is unknown.
func parseMemory(text string, getenv func(string) string) (int64, error) {
	memory := capacity.Memory(os.DirFS("/"))
	if text != "auto" {
		var err error
		if memory, err = usage.ParseSize(text); err != nil {
			return 0, usage.Errorf("--memory: %w", err)
		}
		if memory < leastMemory {
			return 0, usage.Errorf("--memory: a server needs at least %s", usage.FormatSize(leastMemory))
		}
	}
	if memory > 0 && getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(heapOf(memory))
	}
	if memory > 0 && getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	return memory, nil
}

// heapOf returns the limit of Go's heap. scrypt, SQLite, the program itself and the
// system need the rest.
func heapOf(memory int64) int64 { return memory / 2 }

// parseReserve reads how much of the disk stays free, as [server.Config] has it.
func parseReserve(text string) (int64, error) {
	switch text {
	case "auto":
		return 0, nil
	case "none":
		return -1, nil
	}
	n, err := usage.ParseSize(text)
	if err != nil {
		return 0, usage.Errorf("--disk-reserve: %w", err)
	}
	if n == 0 {
		return -1, nil
	}
	return n, nil
}

// ParseQuota reads a size, or "none" for 0, or "default" for nil.
func ParseQuota(text string) (*int64, error) {
	var n int64
	switch text {
	case "default":
		return nil, nil
	case "none":
		return &n, nil
	}
	n, err := usage.ParseSize(text)
	if err == nil && n == 0 {
		err = errors.New("0 is not a quota: use none for no limit")
	}
	return &n, err
}
