// Package picture makes a small square picture of one that a stranger sends. What
// comes out was drawn here: nothing of what came in is left but its look, no place
// where it was taken, no text, no script.
package picture

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/draw"
)

// maxSide bounds a picture's width and height, in pixels, before it is decoded:
// a few bytes can claim to be larger than any memory.
const maxSide = 1024

// quality is what JPEG is written with, of 100.
const quality = 90

var (
	// ErrType means a type of picture that is not taken.
	ErrType = errors.New("only PNG, JPEG and GIF pictures are taken")
	// ErrPicture means that the bytes are no picture of their type.
	ErrPicture = errors.New("it is not a picture that can be read")
	// ErrTooLarge means more pixels than are decoded.
	ErrTooLarge = fmt.Errorf("the picture is wider or higher than %d pixels", maxSide)
)

// format reads pictures of one type.
type format struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

var formats = map[string]format{
	"image/png":  {png.DecodeConfig, png.Decode},
	"image/jpeg": {jpeg.DecodeConfig, jpeg.Decode},
	"image/gif":  {gif.DecodeConfig, gif.Decode}, // of a moving one, the first picture
}

// Square makes of a picture the largest square in its middle, at most side pixels
// wide, as a JPEG, or a PNG if one can see through it. contentType says what came
// in, and returns what comes out. The error is ErrType, ErrPicture or ErrTooLarge.
func Square(in []byte, contentType string, side int) (out []byte, outType string, err error) {
	f, ok := formats[contentType]
	if !ok {
		return nil, "", ErrType
	}
	c, err := f.config(bytes.NewReader(in))
	switch {
	case err != nil || c.Width < 1 || c.Height < 1:
		return nil, "", ErrPicture
	case c.Width > maxSide || c.Height > maxSide:
		return nil, "", ErrTooLarge
	}
	from, err := f.decode(bytes.NewReader(in))
	if err != nil {
		return nil, "", ErrPicture
	}
	// A GIF's first picture may be smaller than the whole, down to nothing.
	b := from.Bounds()
	middle := min(b.Dx(), b.Dy())
	if middle < 1 {
		return nil, "", ErrPicture
	}
	corner := b.Min.Add(image.Pt((b.Dx()-middle)/2, (b.Dy()-middle)/2))
	side = min(side, middle)
	to := image.NewNRGBA(image.Rect(0, 0, side, side))
	draw.CatmullRom.Scale(to, to.Bounds(), from, image.Rectangle{corner, corner.Add(image.Pt(middle, middle))}, draw.Src, nil)
	var w bytes.Buffer
	if to.Opaque() {
		outType, err = "image/jpeg", jpeg.Encode(&w, to, &jpeg.Options{Quality: quality})
	} else {
		outType, err = "image/png", png.Encode(&w, to)
	}
	return w.Bytes(), outType, err
}
