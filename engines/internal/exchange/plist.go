package exchange

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"golang.org/x/net/html/charset"
)

// A plist is a value of one of Apple's property lists. Strings, numbers and dates are text.
// All methods work on nil, an empty value.
type plist struct {
	value string
	dict  map[string]*plist
	items []*plist
}

func (p *plist) text(key string) string {
	if p == nil || p.dict[key] == nil {
		return ""
	}
	return p.dict[key].value
}

func (p *plist) in(key string) *plist {
	if p == nil {
		return nil
	}
	return p.dict[key]
}

func (p *plist) list(key string) []*plist {
	if p == nil || p.dict[key] == nil {
		return nil
	}
	return p.dict[key].items
}

const (
	binaryPlist = "bplist00"
	// maxPlist bounds a binary property list, which is read into memory, in bytes.
	maxPlist = 256 << 20
	// maxValues bounds the values of a list. A bookmark of Safari has some ten.
	maxValues = 4 * MaxItems
)

// readXMLPlist reads a property list in XML.
func readXMLPlist(r io.Reader) (*plist, error) {
	d := xml.NewDecoder(r)
	d.CharsetReader = charset.NewReaderLabel
	d.Strict = false
	x := &xmlReader{open: []openPlist{{value: &plist{}}}}
	for {
		token, err := d.Token()
		if err != nil {
			line, _ := d.InputPos()
			return x.end(err, line)
		}
		if x.values > maxValues || len(x.open) > maxNesting {
			return nil, fmt.Errorf("%w: it has more than %d values", ErrTooLarge, maxValues)
		}
		switch t := token.(type) {
		case xml.StartElement:
			x.startElement(t.Name.Local)
		case xml.CharData:
			if x.text.Len() < 4*MaxURL {
				x.text.Write(t)
			}
		case xml.EndElement:
			x.endElement(t.Name.Local)
		}
	}
}

// xmlReader makes values of the elements of a property list in XML.
type xmlReader struct {
	// open are the arrays and dicts that the reader is in, the outermost first. The first
	// stands for the file and holds its value.
	open   []openPlist
	text   strings.Builder // of the innermost element
	values int
}

// openPlist is an array or dict that is not read to its end. key waits for its value.
type openPlist struct {
	value *plist
	key   string
}

func (x *xmlReader) startElement(name string) {
	x.text.Reset()
	p := &plist{}
	switch name {
	case "dict":
		p.dict = make(map[string]*plist)
	case "array":
	default:
		return
	}
	x.add(p)
	x.open = append(x.open, openPlist{value: p})
}

func (x *xmlReader) endElement(name string) {
	switch name {
	case "dict", "array":
		if len(x.open) > 1 {
			x.open = x.open[:len(x.open)-1]
		}
	case "key":
		x.open[len(x.open)-1].key = x.text.String()
	case "string", "date", "integer", "real":
		x.add(&plist{value: x.text.String()})
	}
	x.text.Reset()
}

// add puts a value into the innermost array or dict.
func (x *xmlReader) add(p *plist) {
	x.values++
	in := x.open[len(x.open)-1]
	in.value.put(in.key, p)
}

// end returns the file's value, or an error if err ended the XML too early, in a line.
func (x *xmlReader) end(err error, line int) (*plist, error) {
	var bad *xml.SyntaxError
	eof := errors.Is(err, io.EOF)
	switch {
	case eof && len(x.open) == 1:
		if top := x.open[0].value; len(top.items) > 0 {
			return top.items[0], nil
		}
		return nil, ErrFormat
	case eof, errors.As(err, &bad):
		return nil, fmt.Errorf("%w: line %d of the XML is not as it should be", ErrDamaged, line)
	}
	return nil, err
}

// put adds a value to a dict under a key, or to an array.
func (p *plist) put(key string, v *plist) {
	if p.dict != nil {
		p.dict[key] = v
	} else {
		p.items = append(p.items, v)
	}
}

// readBinaryPlist reads a binary property list: a header, objects that refer to each
// other by number, the offsets of the objects, and a trailer.
func readBinaryPlist(r io.Reader) (*plist, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPlist+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxPlist {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrTooLarge, maxPlist)
	}
	const trailer = 32
	damaged := fmt.Errorf("%w: its table of objects is not as it should be", ErrDamaged)
	if len(data) < len(binaryPlist)+trailer {
		return nil, damaged
	}
	end := data[len(data)-trailer:]
	b := &binaryReader{data: data[:len(data)-trailer], refSize: int(end[7])}
	offsetSize := int(end[6])
	count, top, table := binary.BigEndian.Uint64(end[8:]), binary.BigEndian.Uint64(end[16:]), binary.BigEndian.Uint64(end[24:])
	if offsetSize < 1 || offsetSize > 8 || b.refSize < 1 || b.refSize > 8 || table > uint64(len(b.data)) ||
		count > (uint64(len(b.data))-table)/uint64(offsetSize) || top >= count {
		return nil, damaged
	}
	b.offsets = make([]uint64, count)
	for i := range b.offsets {
		b.offsets[i] = number64(b.data[int(table)+i*offsetSize:][:offsetSize])
	}
	p, err := b.object(top, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", damaged, err)
	}
	return p, nil
}

type binaryReader struct {
	data    []byte
	offsets []uint64
	refSize int
	// values counts the values that were read. A sound file has at most as many as bytes,
	// since a reference takes one at least.
	values int
}

var (
	errPlist     = errors.New("an object is cut off")
	errPlistDeep = errors.New("its objects nest too deep, or within themselves")
)

// maxPlistDepth bounds how deep objects nest: each folder is two.
const maxPlistDepth = 2*MaxDepth + 100

// object reads the object with a number.
func (b *binaryReader) object(n uint64, depth int) (*plist, error) {
	if b.values++; b.values > min(maxValues, len(b.data)) || depth > maxPlistDepth {
		return nil, errPlistDeep
	}
	if n >= uint64(len(b.offsets)) || b.offsets[n] >= uint64(len(b.data)) {
		return nil, errPlist
	}
	kind, size, rest, err := header(b.data[b.offsets[n]:])
	if err != nil {
		return nil, err
	}
	switch kind {
	case 0x1, 0x2, 0x3:
		if size > 3 && kind != 1 || size > 4 || len(rest) < 1<<size {
			return nil, errPlist
		}
		return scalar(kind, rest[:1<<size]), nil
	case 0x5:
		return &plist{value: string(rest[:size])}, nil
	case 0x6:
		return utf16Text(rest, size)
	case 0xa, 0xc:
		return b.array(rest, size, depth)
	case 0xd:
		return b.dict(rest, size, depth)
	}
	return &plist{}, nil // null, a truth value, data, or a UID, which are not used
}

// header splits an object into its kind, its size and the rest. Kinds from 4 on have a
// length, in four bits or in a number that follows.
func header(object []byte) (kind byte, size uint64, rest []byte, err error) {
	kind, size, rest = object[0]>>4, uint64(object[0]&0xf), object[1:]
	if kind < 4 {
		return kind, size, rest, nil
	}
	if size == 0xf {
		if len(rest) == 0 || rest[0]>>4 != 1 || rest[0]&0xf > 3 || len(rest) < 1+1<<(rest[0]&0xf) {
			return 0, 0, nil, errPlist
		}
		bytes := 1 << (rest[0] & 0xf)
		size, rest = number64(rest[1:1+bytes]), rest[1+bytes:]
	}
	if size > uint64(len(rest)) {
		return 0, 0, nil, errPlist
	}
	return kind, size, rest, nil
}

// utf16Text reads a text of size UTF-16 code units.
func utf16Text(raw []byte, size uint64) (*plist, error) {
	if 2*size > uint64(len(raw)) {
		return nil, errPlist
	}
	units := make([]uint16, size)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(raw[2*i:])
	}
	return &plist{value: string(utf16.Decode(units))}, nil
}

func (b *binaryReader) array(refs []byte, size uint64, depth int) (*plist, error) {
	p := &plist{}
	for i := range size {
		ref, err := b.ref(refs, i)
		if err != nil {
			return nil, err
		}
		item, err := b.object(ref, depth+1)
		if err != nil {
			return nil, err
		}
		p.items = append(p.items, item)
	}
	return p, nil
}

func (b *binaryReader) ref(refs []byte, i uint64) (uint64, error) {
	at := i * uint64(b.refSize)
	if at+uint64(b.refSize) > uint64(len(refs)) {
		return 0, errPlist
	}
	return number64(refs[at:][:b.refSize]), nil
}

func (b *binaryReader) dict(refs []byte, size uint64, depth int) (*plist, error) {
	p := &plist{dict: make(map[string]*plist)}
	for i := range size {
		var pair [2]*plist
		for j, at := range []uint64{i, size + i} {
			ref, err := b.ref(refs, at)
			if err != nil {
				return nil, err
			}
			if pair[j], err = b.object(ref, depth+1); err != nil {
				return nil, err
			}
		}
		p.dict[pair[0].value] = pair[1]
	}
	return p, nil
}

// scalar reads a number, or a date in seconds since 2001.
func scalar(kind byte, raw []byte) *plist {
	if kind == 1 {
		return &plist{value: strconv.FormatInt(int64(number64(raw[max(0, len(raw)-8):])), 10)}
	}
	var f float64
	switch len(raw) {
	case 4:
		f = float64(math.Float32frombits(binary.BigEndian.Uint32(raw)))
	case 8:
		f = math.Float64frombits(binary.BigEndian.Uint64(raw))
	}
	const most = 1e10 // seconds: three centuries
	if kind == 2 || math.IsNaN(f) || math.Abs(f) > most {
		return &plist{value: strconv.FormatFloat(f, 'g', -1, 64)}
	}
	t := time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(f * float64(time.Second)))
	return &plist{value: t.Format(time.RFC3339Nano)}
}

func number64(raw []byte) (n uint64) {
	for _, c := range raw {
		n = n<<8 | uint64(c)
	}
	return n
}

// isXMLPlist reports whether a text begins as a property list in XML.
func isXMLPlist(start []byte) bool {
	return bytes.Contains(start, []byte("<plist")) || bytes.Contains(start, []byte("<!DOCTYPE plist"))
}
