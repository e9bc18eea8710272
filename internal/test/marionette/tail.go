package marionette

import (
	"strings"
	"sync"
)

// tail keeps the end of a process's output, for the error that says why it failed. It is safe
// for concurrent use.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

// tailBytes is enough for some twenty lines.
const tailBytes = 2 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailBytes; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

// String returns the end of the output, or says that there was none.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "?"))
	if s == "" {
		return "it printed nothing"
	}
	return "it printed: " + s
}
