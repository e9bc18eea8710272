package pg

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

// What is sent is what the codec of pgx sends, with one allocation however many there are.
func TestByteaArrays(t *testing.T) {
	usual, own := pgtype.NewMap(), pgtype.NewMap()
	registerByteaArrays(own)
	many := make([][]byte, 100)
	for i := range many {
		many[i] = bytes.Repeat([]byte{byte(i)}, i*10)
	}
	encode := func(m *pgtype.Map, all [][]byte) []byte {
		b, err := m.Encode(pgtype.ByteaArrayOID, pgtype.BinaryFormatCode, all, []byte("before"))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for _, all := range [][][]byte{nil, {}, {{}}, {{1}, nil, {2, 0}}, many} {
		if got, want := encode(own, all), encode(usual, all); !bytes.Equal(got, want) || (got == nil) != (want == nil) {
			t.Errorf("%d elements: %x, want %x", len(all), got, want)
		}
	}
	if n := testing.AllocsPerRun(10, func() { encode(own, many) }); n > 4 {
		t.Errorf("%g allocations for %d elements", n, len(many))
	}
	var back [][]byte
	if err := own.Scan(pgtype.ByteaArrayOID, pgtype.BinaryFormatCode, encode(own, many)[len("before"):], &back); err != nil || len(back) != len(many) || !bytes.Equal(back[99], many[99]) {
		t.Errorf("read back: %d elements, %v", len(back), err)
	}
}
