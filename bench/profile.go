//go:build unix

package main

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/pprof"
	"sync"
	"time"
)

// profiled calls f, and writes what it did as profiles of the processor and of the memory whose
// names begin with prefix; "" means none. The memory is that of the moment when it was most.
func profiled(prefix string, f func() error) (err error) {
	if prefix == "" {
		return f()
	}
	cpu, err := os.Create(prefix + ".cpu.pprof")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cpu.Close()) }()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	ctx, cancel := context.WithCancel(context.Background())
	var watched error
	var watcher sync.WaitGroup
	watcher.Go(func() { watched = watchMemory(ctx, prefix+".memory.pprof") })
	err = f()
	cancel()
	watcher.Wait()
	return errors.Join(err, watched)
}

// watchMemory writes a profile of the memory whenever a tenth more of it is used than before.
func watchMemory(ctx context.Context, name string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	most := uint64(0)
	for {
		var m runtime.MemStats
		if runtime.ReadMemStats(&m); m.HeapAlloc > most+most/10 {
			most = m.HeapAlloc
			if err := writeMemory(name); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func writeMemory(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}
