// Package random makes the accounts server's random values from a source that is given.
package random

import (
	"encoding/hex"
	"fmt"
	"io"
)

// Bytes reads n bytes from a source.
func Bytes(source io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(source, b); err != nil {
		return nil, fmt.Errorf("no randomness: %w", err)
	}
	return b, nil
}

// Hex is [Bytes] in hexadecimal.
func Hex(source io.Reader, n int) (string, error) {
	b, err := Bytes(source, n)
	return hex.EncodeToString(b), err
}
