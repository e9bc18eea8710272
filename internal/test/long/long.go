// Package long has the flag -long, with which tests try more random cases and larger inputs.
// Only the packages that import it have the flag; make long runs their tests with it.
package long

import (
	"flag"
	"strconv"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

var long = flag.Bool("long", false, "try more random cases and larger inputs")

// Of returns the size for a test: few, or many with -long.
func Of(few, many int) int {
	if *long {
		return many
	}
	return few
}

// more is how many times as many random cases are tried with -long.
const more = 20

var (
	mu sync.Mutex
	// given reports whether the command line sets the number of cases.
	given = sync.OnceValue(func() bool {
		f := flag.Lookup("rapid.checks")
		return f.Value.String() != f.DefValue
	})
)

// Check is rapid.Check with that many random cases, 20 times as many with -long,
// or as many as -rapid.checks says. The number is rapid's flag: tests that run in
// parallel ask for the same one.
func Check(t *testing.T, cases int, property func(*rapid.T)) {
	t.Helper()
	set(t, strconv.Itoa(Of(cases, more*cases)))
	rapid.Check(t, property)
}

func set(t *testing.T, cases string) {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	if given() || flag.Lookup("rapid.checks").Value.String() == cases {
		return
	}
	if err := flag.Set("rapid.checks", cases); err != nil {
		t.Fatal(err)
	}
}
