//go:build unix && !linux

package main

import (
	"context"
	"errors"
	"flag"
)

// storageFlags returns what 'bench storage' does: it reads the times of processes as Linux tells them.
func storageFlags(*flag.FlagSet) func(context.Context, []int) error {
	return func(context.Context, []int) error { return errors.New("the storage is measured on Linux only") }
}
