package server

import "testing"

// A small machine keeps 64 files open, a large one 1024; neither uses up the descriptors, which
// connections need too.
func TestOpenFilesAreBoundedByTheMachine(t *testing.T) {
	t.Parallel()
	const large = 1 << 20 // descriptors
	for _, c := range []struct {
		memory      int64
		descriptors int
		want        int
	}{
		{64 << 20, large, 64},
		{defaultMemory, large, 64},
		{1 << 30, large, 256},
		{4 << 30, large, 1024},
		{1 << 40, large, 1024},
		{1 << 40, 4096, 256},
		{1 << 40, 256, 16},
		{1 << 40, 1, 1},
		{1 << 30, 0, 256}, // unknown
	} {
		if got := openFiles(c.memory, c.descriptors); got != c.want {
			t.Errorf("%d bytes and %d descriptors: %d files, want %d", c.memory, c.descriptors, got, c.want)
		}
	}
}
