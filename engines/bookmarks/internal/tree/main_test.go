package tree_test

import (
	"flag"
	"os"
	"testing"
)

// A property is tried with 2,000 random worlds unless the command line asks for
// another number: 100 were too few to find a bug that was real.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "2000"); err != nil {
		panic(err)
	}
	flag.Parse() // what the command line says stands
	os.Exit(m.Run())
}
