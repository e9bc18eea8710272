// Package picture converts an uploaded picture to a small square one. It decodes and draws
// the picture again, so that metadata, such as the place where a photo was taken, and
// embedded text and scripts are removed.
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

// maxSide bounds a picture's width and height, in pixels. It is checked before decoding,
// because a few bytes can declare a picture larger than the memory.
const maxSide = 1024

// quality is the quality of JPEG output, from 1 to 100.
const quality = 90

var (
	// ErrType means that the type of picture is not accepted.
	ErrType = errors.New("only PNG, JPEG and GIF pictures are accepted")
	// ErrPicture means that the bytes are not a picture of the given type.
	ErrPicture = errors.New("not a readable picture")
	// ErrTooLarge means that the picture is wider or higher than is accepted.
	ErrTooLarge = fmt.Errorf("the picture is wider or higher than %d pixels", maxSide)
)

// format decodes pictures of one type.
type format struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}

var formats = map[string]format{
	"image/png":  {png.DecodeConfig, png.Decode},
	"image/jpeg": {jpeg.DecodeConfig, jpeg.Decode},
	"image/gif":  {gif.DecodeConfig, gif.Decode}, // the first frame of an animation
}

// Square cuts the largest square out of the middle of a picture, and scales it down to at
// most side pixels. contentType is the MIME type of in; outType is that of out: JPEG, or PNG
// if the picture has transparent parts. The error is [ErrType], [ErrPicture] or
// [ErrTooLarge].
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
	// The first frame of a GIF may be smaller than the picture, or even empty.
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
