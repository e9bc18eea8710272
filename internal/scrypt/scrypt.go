// Package scrypt implements scrypt with a block size of 8, in memory that the caller
// provides.
//
// With N = 2^c it fills 2^c KiB. golang.org/x/crypto allocates that memory for each call and
// leaves it to the garbage collector, so that a few calls exhaust a small machine. Here the
// memory can be reused, and may be smaller than scrypt requires: only one of stride blocks is
// stored, and the others are computed again when they are needed. The result is the same.
//
// Source: RFC 7914.
package scrypt

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/bits"
)

const (
	blockSize = 8              // r of the RFC
	words     = 32 * blockSize // in a block
	// BlockBytes is the size of a block.
	BlockBytes = 4 * words
	lastPart   = (2*blockSize - 1) * 16 // where a block's last 64 bytes begin
	// MaxCost bounds the cost: 1 GiB.
	MaxCost = 20
	// MaxStride bounds how much is computed again. With 16, a call takes a sixteenth of the
	// memory and about three times as long.
	MaxStride = 16
)

// Block is a unit of scrypt's memory.
type Block [words]uint32

var errCost = errors.New("scrypt: the cost must be from 1 to 20")

// Blocks returns the number of blocks and the stride for [Derive], so that the blocks fit
// into most bytes if [MaxStride] allows that.
func Blocks(cost int, most int64) (n, stride int, err error) {
	if cost < 1 || cost > MaxCost {
		return 0, 0, errCost
	}
	n, stride = 1<<cost, 1
	for stride < MaxStride && n > 2 && int64(n)*BlockBytes > most {
		n, stride = n/2, stride*2
	}
	return n, stride, nil
}

// Derive is scrypt with N = 2^cost, r = 8 and p = 1, in the memory v. It stores one of stride
// blocks; see [Blocks]. v is used exclusively until Derive returns.
func Derive(password, salt []byte, cost, keyLen int, v []Block, stride int) ([]byte, error) {
	b, err := pbkdf2.Key(sha256.New, string(password), salt, 1, BlockBytes)
	if err != nil {
		return nil, err
	}
	var x Block
	for i := range x {
		x[i] = binary.LittleEndian.Uint32(b[4*i:])
	}
	fill(&x, 1<<cost, v, stride)
	for i, w := range x {
		binary.LittleEndian.PutUint32(b[4*i:], w)
	}
	return pbkdf2.Key(sha256.New, string(password), b, 1, keyLen)
}

// fill is the RFC's scryptROMix.
func fill(first *Block, n int, v []Block, stride int) {
	var a, b, c, d Block
	a = *first
	x, y := &a, &b
	for i := range n {
		if i%stride == 0 {
			v[i/stride] = *x
		}
		mix(y, x)
		x, y = y, x
	}
	for range n {
		j := int(x[lastPart]) & (n - 1)
		kept := &v[j/stride]
		for range j % stride {
			// Write to the one of c and d that is not being read.
			to := &c
			if kept == to {
				to = &d
			}
			mix(to, kept)
			kept = to
		}
		for i := range x {
			x[i] ^= kept[i]
		}
		mix(y, x)
		x, y = y, x
	}
	*first = *x
}

// mix is the RFC's scryptBlockMix: the even parts of 64 bytes become the first half, and the
// odd ones the second.
func mix(out, in *Block) {
	s := [16]uint32(in[lastPart:])
	for i := 0; i < 2*blockSize; i += 2 {
		salsa(&s, (*[16]uint32)(in[16*i:]), (*[16]uint32)(out[8*i:]))
		salsa(&s, (*[16]uint32)(in[16*i+16:]), (*[16]uint32)(out[8*i+16*blockSize:]))
	}
}

// salsa is Salsa20/8 of s xor in; the result goes to s and to out.
func salsa(s, in, out *[16]uint32) {
	for i := range s {
		s[i] ^= in[i]
	}
	x0, x1, x2, x3 := s[0], s[1], s[2], s[3]
	x4, x5, x6, x7 := s[4], s[5], s[6], s[7]
	x8, x9, x10, x11 := s[8], s[9], s[10], s[11]
	x12, x13, x14, x15 := s[12], s[13], s[14], s[15]
	for range 4 {
		x0, x4, x8, x12 = quarter(x0, x4, x8, x12)
		x5, x9, x13, x1 = quarter(x5, x9, x13, x1)
		x10, x14, x2, x6 = quarter(x10, x14, x2, x6)
		x15, x3, x7, x11 = quarter(x15, x3, x7, x11)
		x0, x1, x2, x3 = quarter(x0, x1, x2, x3)
		x5, x6, x7, x4 = quarter(x5, x6, x7, x4)
		x10, x11, x8, x9 = quarter(x10, x11, x8, x9)
		x15, x12, x13, x14 = quarter(x15, x12, x13, x14)
	}
	s[0] += x0
	s[1] += x1
	s[2] += x2
	s[3] += x3
	s[4] += x4
	s[5] += x5
	s[6] += x6
	s[7] += x7
	s[8] += x8
	s[9] += x9
	s[10] += x10
	s[11] += x11
	s[12] += x12
	s[13] += x13
	s[14] += x14
	s[15] += x15
	*out = *s
}

// quarter is Salsa20's quarter round.
func quarter(a, b, c, d uint32) (_, _, _, _ uint32) {
	b ^= bits.RotateLeft32(a+d, 7)
	c ^= bits.RotateLeft32(b+a, 9)
	d ^= bits.RotateLeft32(c+b, 13)
	a ^= bits.RotateLeft32(d+c, 18)
	return a, b, c, d
}
