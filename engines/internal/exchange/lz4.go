package exchange

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/pierrec/lz4/v4"
)

// mozLZ4 begins Firefox's packed files. The unpacked length follows in four
// bytes, little-endian, and one LZ4 block without a frame.
const mozLZ4 = "mozLz40\x00"

const (
	// maxUnpacked bounds what a packed file holds. It is unpacked in memory.
	maxUnpacked = 256 << 20
	// maxLZ4Ratio is the number of bytes that a byte of an LZ4 block can unpack to.
	maxLZ4Ratio = 255
)

// unpack reads a jsonlz4 file.
func unpack(r io.Reader) ([]byte, error) {
	// Text that cannot be compressed grows by less than a hundredth.
	packed, err := io.ReadAll(io.LimitReader(r, maxUnpacked+maxUnpacked/100))
	if err != nil {
		return nil, err
	}
	header := len(mozLZ4) + 4
	if len(packed) < header {
		return nil, fmt.Errorf("%w: it ends within its header", ErrDamaged)
	}
	length, block := int64(binary.LittleEndian.Uint32(packed[len(mozLZ4):])), packed[header:]
	switch {
	case length > maxUnpacked:
		return nil, fmt.Errorf("%w: unpacked it would have %d bytes, more than %d", ErrTooLarge, length, maxUnpacked)
	case length > int64(len(block))*maxLZ4Ratio:
		return nil, fmt.Errorf("%w: it should unpack to %d bytes, and there are only %d packed ones", ErrDamaged, length, len(block))
	}
	text := make([]byte, length)
	n, err := lz4.UncompressBlock(block, text)
	if err != nil || int64(n) != length {
		return nil, fmt.Errorf("%w: it does not unpack to the %d bytes that it should", ErrDamaged, length)
	}
	return text, nil
}

// WriteLZ4 writes the output of [WriteJSON], packed as the files in bookmarkbackups of a
// Firefox profile. It builds the file in memory first.
func WriteLZ4(w io.Writer, t *Tree) error {
	var text bytes.Buffer
	if err := WriteJSON(&text, t); err != nil {
		return err
	}
	if text.Len() > maxUnpacked {
		return fmt.Errorf("%w: a jsonlz4 file can hold %d bytes", ErrTooLarge, maxUnpacked)
	}
	packed := make([]byte, lz4.CompressBlockBound(text.Len()))
	n, err := lz4.CompressBlock(text.Bytes(), packed, nil)
	if err != nil {
		return fmt.Errorf("packing bookmarks: %w", err)
	}
	header := binary.LittleEndian.AppendUint32([]byte(mozLZ4), uint32(text.Len()))
	if _, err := w.Write(append(header, packed[:n]...)); err != nil {
		return fmt.Errorf("writing bookmarks: %w", err)
	}
	return nil
}
