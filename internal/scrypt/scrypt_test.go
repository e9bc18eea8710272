package scrypt

import (
	"bytes"
	"fmt"
	"testing"

	reference "golang.org/x/crypto/scrypt"
)

// Whatever memory it has, the result is that of golang.org/x/crypto.
func TestDerive(t *testing.T) {
	t.Parallel()
	for cost := 1; cost <= 10; cost++ {
		for most := int64(BlockBytes); most <= BlockBytes<<cost; most *= 2 {
			password, salt := fmt.Appendf(nil, "password %d", cost), fmt.Appendf(nil, "salt %d", most)
			want, err := reference.Key(password, salt, 1<<cost, 8, 1, 32)
			if err != nil {
				t.Fatal(err)
			}
			n, stride, err := Blocks(cost, most)
			if err != nil || n*stride != 1<<cost || int64(n)*BlockBytes > most && stride < MaxStride && n > 2 {
				t.Errorf("cost %d in %d bytes: %d blocks, stride %d", cost, most, n, stride)
			}
			got, err := Derive(password, salt, cost, 32, make([]Block, n), stride)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("cost %d, stride %d: %x, %v, want %x", cost, stride, got, err, want)
			}
		}
	}
}

// The cost of a server's passwords, once.
func TestDeriveAtFullCost(t *testing.T) {
	t.Parallel()
	want, err := reference.Key([]byte("pleaseletmein"), []byte("SodiumChloride"), 1<<14, 8, 1, 64)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Derive([]byte("pleaseletmein"), []byte("SodiumChloride"), 14, 64, make([]Block, 1<<12), 4)
	// The RFC's own vector begins with these bytes.
	if err != nil || !bytes.Equal(got, want) || !bytes.HasPrefix(got, []byte{0x70, 0x23, 0xbd, 0xcb}) {
		t.Errorf("%x, %v, want %x", got, err, want)
	}
}

func TestCostIsBounded(t *testing.T) {
	t.Parallel()
	for _, cost := range []int{0, -1, MaxCost + 1, 64} {
		if _, _, err := Blocks(cost, 1<<20); err == nil {
			t.Errorf("cost %d is taken", cost)
		}
	}
}

func BenchmarkReference(b *testing.B) {
	for b.Loop() {
		if _, err := reference.Key([]byte("p"), []byte("s"), 1<<16, 8, 1, 32); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDerive(b *testing.B) {
	for stride := 1; stride <= MaxStride; stride *= 2 {
		b.Run(fmt.Sprintf("stride %d", stride), func(b *testing.B) {
			v := make([]Block, 1<<16/stride)
			for b.Loop() {
				if _, err := Derive([]byte("p"), []byte("s"), 16, 32, v, stride); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
