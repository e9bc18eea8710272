package exchange

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestAFileThatIsTooLarge(t *testing.T) {
	read := func(left int64) error {
		_, err := io.ReadAll(&boundedReader{ctx: t.Context(), r: strings.NewReader("12345"), left: left})
		return err
	}
	if err := read(5); err != nil {
		t.Errorf("as large as may be: %v", err)
	}
	if err := read(4); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
}
