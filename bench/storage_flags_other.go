//go:build unix && !linux

package main

import (
	"context"
	"errors"
	"flag"
	"regexp"
)

// storageFlags returns what 'bench storage' does: it reads the times of processes as Linux tells them.
func storageFlags(*flag.FlagSet) func(context.Context, []int, *regexp.Regexp) error {
	return func(context.Context, []int, *regexp.Regexp) error {
		return errors.New("the storage is measured on Linux only")
	}
}
