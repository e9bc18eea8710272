// Package capacity determines how much memory and disk space this process may use.
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

// Memory returns how many bytes of memory this process may use: the machine's memory, or less
// if a control group (version 1 or 2) limits it, such as that of a container or a systemd
// unit. root is the root of the file system. Memory returns 0 if it is unknown, as on all
// systems except Linux.
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
		// "0::/path" in version 2; "4:memory:/path", also with other controllers, in version
		// 1.
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
		// Parent groups limit a group too. In a container the path may be the host's, of
		// which only the top is visible.
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

// total returns the machine's memory, in bytes.
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

// number reads a limit; "max" means that there is none.
func number(root fs.FS, name string) (int64, bool) {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return n, err == nil
}
