//go:build unix

package stretch

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/syncmanager/syncmanager/internal/scrypt"
)

// memory is the memory of one turn. It is mapped outside of Go's heap, because the garbage
// collector would let the heap grow to twice the size and release it late.
type memory struct{ mapped []byte }

// take returns n blocks with unspecified content.
func (m *memory) take(n int) ([]scrypt.Block, error) {
	if size := n * scrypt.BlockBytes; len(m.mapped) < size {
		m.free()
		mapped, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
		if err != nil {
			return nil, fmt.Errorf("%w: no memory: %w", ErrBusy, err)
		}
		m.mapped = mapped
	}
	return unsafe.Slice((*scrypt.Block)(unsafe.Pointer(&m.mapped[0])), n), nil
}

// free gives the memory back to the system.
func (m *memory) free() {
	if m.mapped != nil {
		_ = unix.Munmap(m.mapped) // fails only if it was not mapped
		m.mapped = nil
	}
}
