// Package capacity tells how much memory and disk there is for this process.
package capacity

import (
	"bufio"
	"bytes"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Memory is how many bytes of memory this process may use: what the machine has, or
// less if a control group (version 1 or 2), as of a container or a systemd unit, says
// so. root is the file system's root. It is 0 where that cannot be told, which is
// everywhere but on Linux.
func Memory(root fs.FS) int64 {
	least := int64(math.MaxInt64)
	bound := func(n int64, ok bool) {
		if ok && n > 0 {
			least = min(least, n)
		}
	}
	bound(total(root))
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		groups = nil
	}
	for line := range strings.Lines(string(groups)) {
		// "0::/path" in version 2; "4:memory:/path", with other controllers too, in 1.
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, found := strings.Cut(rest, ":")
		dir, files := "sys/fs/cgroup", []string{"memory.max", "memory.high"}
		switch {
		case !found:
			continue
		case controllers == "":
		case slices.Contains(strings.Split(controllers, ","), "memory"):
			dir, files = "sys/fs/cgroup/memory", []string{"memory.limit_in_bytes"}
		default:
			continue
		}
		// A group is bound by those above it too. In a container the path may be the
		// host's, and what is visible of it is the top.
		for at := path.Clean("/" + group); ; at = path.Dir(at) {
			for _, file := range files {
				bound(number(root, path.Join(dir, at, file)))
			}
			if at == "/" {
				break
			}
		}
	}
	if least == math.MaxInt64 {
		return 0
	}
	return least
}

// total is the machine's memory.
func total(root fs.FS) (int64, bool) {
	text, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0, false
	}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		if f := strings.Fields(s.Text()); len(f) >= 2 && f[0] == "MemTotal:" {
			n, err := strconv.ParseInt(f[1], 10, 64)
			return n << 10, err == nil && n < math.MaxInt64>>10
		}
	}
	return 0, false
}

// number reads a bound; "max" is none.
func number(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
