//go:build unix && !linux

package main

import (
	"context"
	"errors"
	"flag"
)

// secondsFlags returns what 'bench seconds' does: it reads the memory of processes as Linux tells it.
func secondsFlags(*flag.FlagSet) func(context.Context) error {
	return func(context.Context) error { return errors.New("seconds are measured on Linux only") }
}
