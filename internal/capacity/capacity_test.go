package capacity_test

import (
	"path/filepath"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/syncmanager/syncmanager/internal/capacity"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	const meminfo = "MemTotal:        1024000 kB\nMemFree:          123 kB\n"
	const machine = 1024000 << 10
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"nothing known": {nil, 0},
		"no group":      {map[string]string{"proc/meminfo": meminfo}, machine},
		"version 2": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/system.slice/sync.service\n",
			"sys/fs/cgroup/system.slice/sync.service/memory.max": "268435456\n",
		}, 256 << 20},
		"version 2, no bound": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n",
		}, machine},
		"version 2, soft bound": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "max\n", "sys/fs/cgroup/a/memory.high": "1000",
		}, 1000},
		"a group above": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": "5000", "sys/fs/cgroup/a/b/memory.max": "max",
		}, 5000},
		"in a container, version 2": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.max": "134217728",
		}, 128 << 20},
		"version 1": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "5:cpu,cpuacct:/y\n4:memory:/docker/abc\n0::/\n",
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "67108864", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
		}, 64 << 20},
		"in a container, version 1": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "4:memory:/docker/abc\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "67108864",
		}, 64 << 20},
		"more than the machine has": {map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "99999999999999",
		}, machine},
		"nonsense": {map[string]string{
			"proc/meminfo": "MemTotal: lots", "proc/self/cgroup": "x\n:\n::\n0::/a\n", "sys/fs/cgroup/a/memory.max": "-5",
		}, 0},
	} {
		root := fstest.MapFS{}
		for path, text := range c.files {
			root[path] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := capacity.Memory(root); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestDisk(t *testing.T) {
	t.Parallel()
	left, size, err := capacity.Disk(t.TempDir())
	if err != nil || left < 0 || size < left {
		t.Errorf("%d of %d, %v", left, size, err)
	}
	if left, size, err := capacity.Disk(filepath.Join(t.TempDir(), "none")); err == nil && size != 0 {
		t.Errorf("of a folder that is not there: %d of %d", left, size)
	}
}

func TestDescriptors(t *testing.T) {
	t.Parallel()
	if n := capacity.Descriptors(); n < 64 && (runtime.GOOS == "linux" || runtime.GOOS == "darwin") {
		t.Errorf("%d descriptors", n)
	}
}
