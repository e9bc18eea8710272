package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Every command initializes the packages of all others before it begins. What they do then,
// such as compiling regular expressions, is left to their first use.
func TestPackagesDoLittleAtTheStart(t *testing.T) {
	t.Parallel()
	test := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	test.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	out, err := test.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	line := regexp.MustCompile(`(?m)^init (\S+) .* (\d+) bytes, (\d+) allocs$`)
	packages, bytes, allocs := 0, 0, 0
	for _, found := range line.FindAllStringSubmatch(string(out), -1) {
		name, own := strings.CutPrefix(found[1], "github.com/syncmanager/syncmanager/")
		if !own || name == "cmd/syncmanager" || strings.HasPrefix(name, "internal/test/") { // the tests themselves
			continue
		}
		b, _ := strconv.Atoi(found[2])
		n, _ := strconv.Atoi(found[3])
		if packages++; n > 100 {
			t.Errorf("%s allocates %d times, %d bytes", name, n, b)
		}
		bytes, allocs = bytes+b, allocs+n
	}
	t.Logf("%d packages allocate %d times, %d bytes", packages, allocs, bytes)
	if packages < 20 || allocs > 700 || bytes > 150_000 {
		t.Errorf("%d packages of this module allocate %d times, %d bytes", packages, allocs, bytes)
	}
}

// The help of some 150 commands is not made for a command that shows none.
func TestTheCommandsAreMadeWithoutTheirHelp(t *testing.T) {
	allocs := testing.AllocsPerRun(3, func() { (&app{}).rootCommand() })
	t.Logf("%.0f allocations", allocs)
	if allocs > 4_000 {
		t.Errorf("%.0f allocations", allocs)
	}
}
