package pg

import (
	"encoding/binary"
	"slices"

	"github.com/jackc/pgx/v5/pgtype"
)

// byteaArrays is the codec of bytea[], which sends a [][]byte by one loop, into space that is made
// once. The codec of pgx goes through reflection for each element, and doubles the space again and again.
type byteaArrays struct{ *pgtype.ArrayCodec }

// registerByteaArrays makes byteaArrays the codec of bytea[].
func registerByteaArrays(m *pgtype.Map) {
	usual, ok := m.TypeForOID(pgtype.ByteaArrayOID)
	if !ok {
		return
	}
	if codec, ok := usual.Codec.(*pgtype.ArrayCodec); ok {
		m.RegisterType(&pgtype.Type{Name: usual.Name, OID: usual.OID, Codec: byteaArrays{codec}})
	}
}

// PlanEncode implements [pgtype.Codec].
func (c byteaArrays) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.([][]byte); ok && format == pgtype.BinaryFormatCode {
		return encodeByteaArray{}
	}
	return c.ArrayCodec.PlanEncode(m, oid, format, value)
}

type encodeByteaArray struct{}

// Encode implements [pgtype.EncodePlan], in the format of PostgreSQL's array_send: a nil element is NULL.
func (encodeByteaArray) Encode(value any, b []byte) ([]byte, error) {
	all := value.([][]byte)
	if all == nil {
		return nil, nil
	}
	size, nulls := 20+4*len(all), uint32(0)
	for _, e := range all {
		size += len(e)
		if e == nil {
			nulls = 1
		}
	}
	b = slices.Grow(b, size)
	// One dimension, which begins at 1.
	for _, n := range []uint32{1, nulls, pgtype.ByteaOID, uint32(len(all)), 1} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	for _, e := range all {
		if e == nil {
			b = binary.BigEndian.AppendUint32(b, 1<<32-1)
			continue
		}
		b = append(binary.BigEndian.AppendUint32(b, uint32(len(e))), e...)
	}
	return b, nil
}
