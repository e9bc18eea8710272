//go:build !unix

package stretch

import (
	"runtime/debug"

	"github.com/syncmanager/syncmanager/internal/scrypt"
)

// memory is the memory of one turn.
type memory struct{ kept []scrypt.Block }

// take returns n blocks with unspecified content.
func (m *memory) take(n int) ([]scrypt.Block, error) {
	if len(m.kept) < n {
		m.kept = nil
		m.kept = make([]scrypt.Block, n)
	}
	return m.kept[:n], nil
}

// free gives the memory back to the system.
func (m *memory) free() {
	m.kept = nil
	debug.FreeOSMemory()
}
