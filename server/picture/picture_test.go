package picture_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"runtime"
	"testing"

	"github.com/syncmanager/syncmanager/server/picture"
)

var red, blue = color.NRGBA{200, 20, 20, 255}, color.NRGBA{20, 20, 200, 255}

// painted is blue, with a red square in its middle.
func painted(width, height int, ground color.Color) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	side := min(width, height)
	for y := range height {
		for x := range width {
			m.Set(x, y, ground)
			if x >= (width-side)/2 && x < (width+side)/2 && y >= (height-side)/2 && y < (height+side)/2 {
				m.Set(x, y, red)
			}
		}
	}
	return m
}

func asPNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asGIF(t testing.TB, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := gif.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// is reports whether a color is near another one, as JPEG is not exact.
func is(a, b color.Color) bool {
	x, y := color.NRGBAModel.Convert(a).(color.NRGBA), color.NRGBAModel.Convert(b).(color.NRGBA)
	near := func(a, b uint8) bool { return max(a, b)-min(a, b) < 40 }
	return near(x.R, y.R) && near(x.G, y.G) && near(x.B, y.B) && near(x.A, y.A)
}

// The middle of a picture comes out, as large as it was or as large as it may be.
func TestSquare(t *testing.T) {
	clear := color.NRGBA{}
	for name, c := range map[string]struct {
		in       []byte
		kind     string
		wantKind string
		side     int
	}{
		"a wide PNG":     {asPNG(t, painted(300, 120, blue)), "image/png", "image/jpeg", 100},
		"a high JPEG":    {asJPEG(t, painted(120, 300, blue)), "image/jpeg", "image/jpeg", 100},
		"a GIF":          {asGIF(t, painted(120, 120, blue)), "image/gif", "image/jpeg", 100},
		"a small PNG":    {asPNG(t, painted(40, 30, blue)), "image/png", "image/jpeg", 30},
		"one pixel":      {asPNG(t, painted(1, 1, blue)), "image/png", "image/jpeg", 1},
		"a thin line":    {asPNG(t, painted(1024, 1, blue)), "image/png", "image/jpeg", 1},
		"a see-through":  {asPNG(t, image.NewNRGBA(image.Rect(0, 0, 200, 200))), "image/png", "image/png", 100},
		"as large as is": {asPNG(t, image.NewPaletted(image.Rect(0, 0, 1024, 1024), color.Palette{red})), "image/png", "image/jpeg", 100},
	} {
		out, kind, err := picture.Square(c.in, c.kind, 100)
		if err != nil || kind != c.wantKind {
			t.Errorf("%s: %s, %v", name, kind, err)
			continue
		}
		m, format, err := image.Decode(bytes.NewReader(out))
		if err != nil || "image/"+format != kind || m.Bounds() != image.Rect(0, 0, c.side, c.side) {
			t.Errorf("%s: %s, %v", name, format, err)
			continue
		}
		want := color.Color(red)
		if kind == "image/png" {
			want = clear
		}
		for _, at := range []image.Point{{}, {c.side / 2, c.side / 2}, {c.side - 1, c.side - 1}} {
			if got := m.At(at.X, at.Y); !is(got, want) {
				t.Errorf("%s: %v at %v", name, got, at)
			}
		}
	}
}

// claiming is a PNG whose header claims another size, with a right checksum.
func claiming(t testing.TB, width, height uint32) []byte {
	b := asPNG(t, painted(1, 1, blue))
	binary.BigEndian.PutUint32(b[16:], width)
	binary.BigEndian.PutUint32(b[20:], height)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

// What claims to be large is not decoded, and so takes no memory.
func TestBomb(t *testing.T) {
	wide := asGIF(t, painted(4, 4, blue))
	binary.LittleEndian.PutUint16(wide[6:], 65535)
	binary.LittleEndian.PutUint16(wide[8:], 65535)
	for name, c := range map[string]struct {
		in   []byte
		kind string
	}{
		"a PNG of 2^62 pixels": {claiming(t, 1<<31-1, 1<<31-1), "image/png"},
		"a high PNG":           {claiming(t, 1, 1025), "image/png"},
		"a wide PNG":           {claiming(t, 1025, 1), "image/png"},
		"a GIF of 2^32 pixels": {wide, "image/gif"},
		"a real one":           {asPNG(t, image.NewPaletted(image.Rect(0, 0, 4000, 4000), color.Palette{red})), "image/png"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := picture.Square(c.in, c.kind, 100)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, picture.ErrTooLarge) && !errors.Is(err, picture.ErrPicture) {
			t.Errorf("%s: %v", name, err)
		}
		if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
			t.Errorf("%s: %d bytes of memory", name, allocated)
		}
	}
	// One that claims what it may, and then has nothing of it.
	if _, _, err := picture.Square(claiming(t, 1024, 1024), "image/png", 100); !errors.Is(err, picture.ErrPicture) {
		t.Errorf("an empty picture: %v", err)
	}
}

// No type but the three is taken, whatever it says it is.
func TestTypes(t *testing.T) {
	good := asPNG(t, painted(10, 10, blue))
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
	for name, c := range map[string]struct {
		in   []byte
		kind string
		err  error
	}{
		"SVG":             {svg, "image/svg+xml", picture.ErrType},
		"SVG as PNG":      {svg, "image/png", picture.ErrPicture},
		"PNG as JPEG":     {good, "image/jpeg", picture.ErrPicture},
		"PNG as text":     {good, "text/html", picture.ErrType},
		"PNG as nothing":  {good, "", picture.ErrType},
		"nothing":         {nil, "image/gif", picture.ErrPicture},
		"half a PNG":      {good[:len(good)/2], "image/png", picture.ErrPicture},
		"HTML with a PNG": {append([]byte("<!doctype html>"), good...), "image/png", picture.ErrPicture},
	} {
		if out, _, err := picture.Square(c.in, c.kind, 100); !errors.Is(err, c.err) || out != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// What stands behind a picture does not come out again.
	out, _, err := picture.Square(append(good, svg...), "image/png", 100)
	if err != nil || bytes.Contains(out, []byte("script")) {
		t.Errorf("%v, %q", err, out)
	}
}

func FuzzSquare(f *testing.F) {
	f.Add(asPNG(f, painted(3, 2, blue)), "image/png")
	f.Add(asJPEG(f, painted(3, 2, blue)), "image/jpeg")
	f.Add(asGIF(f, painted(3, 2, blue)), "image/gif")
	f.Add(claiming(f, 1024, 1024), "image/png")
	f.Fuzz(func(t *testing.T, in []byte, kind string) {
		out, outType, err := picture.Square(in, kind, 20)
		if err != nil {
			return
		}
		again, _, err := picture.Square(out, outType, 20)
		if err != nil || len(again) == 0 {
			t.Errorf("what came out is no picture: %v", err)
		}
	})
}
