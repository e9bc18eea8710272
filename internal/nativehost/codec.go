package nativehost

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	// maxIn bounds a message of the extension, in bytes. Browsers allow 64 MiB; the extension sends
	// long lists in parts.
	maxIn = 4 << 20
	// maxOut bounds a message to the extension, in bytes: browsers end a host that sends more than
	// 1 MiB.
	maxOut = 1 << 20
)

// errTooLong means that a message is longer than either side may send.
var errTooLong = errors.New("the message is too long")

// readMessage reads a message: its length as 32 bits in the machine's byte order, and JSON in
// UTF-8. It returns io.EOF at the end of the input, and another error if the input ends within a
// message.
func readMessage(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("the browser's message was cut off: %w", err)
		}
		return nil, err
	}
	n := binary.NativeEndian.Uint32(head[:])
	if n > maxIn {
		return nil, fmt.Errorf("%w: %d bytes, where %d are allowed", errTooLong, n, maxIn)
	}
	// A length that is a lie costs no memory: the buffer grows with what arrives.
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err != nil {
		return nil, err
	}
	if len(b) < int(n) {
		return nil, fmt.Errorf("the browser's message was cut off: %w", io.ErrUnexpectedEOF)
	}
	return b, nil
}

// writeMessage writes a message in one write.
func writeMessage(w io.Writer, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > maxOut {
		return fmt.Errorf("%w: %d bytes, where %d are allowed", errTooLong, len(b), maxOut)
	}
	_, err = w.Write(append(binary.NativeEndian.AppendUint32(nil, uint32(len(b))), b...))
	return err
}
