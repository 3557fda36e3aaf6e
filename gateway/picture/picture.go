// Package picture makes small pictures of large ones.
package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/gif" // is read
	"image/jpeg"
	_ "image/png" // is read
	"math"
	"slices"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // is read
)

const (
	maxPixels = 50_000_000 // of a picture that is read
	maxMemory = 256 << 20  // bytes, while it is
	firstSide = 1600       // of the longer side, at first
	leastSide = 160
)

// Errors of Shrink.
var (
	ErrNoPicture = errors.New("it is no picture that can be read")
	ErrHuge      = errors.New("the picture has too many pixels")
	ErrAnimated  = errors.New("the picture moves")
	ErrTooSmall  = errors.New("the picture can't be made so small")
)

// Shrink makes a JPEG of no more than so many bytes of a picture. It stands as
// the original's orientation says, and nothing else of what cameras note goes
// along: neither the place nor the time.
func Shrink(content []byte, limit int) ([]byte, error) {
	c, format, err := measure(content, maxPixels, maxMemory)
	switch {
	case err != nil:
		return nil, err
	case format == "gif" && moves(content):
		return nil, ErrAnimated
	}
	whole, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	turn := orientation(content)
	for side := min(firstSide, max(c.Width, c.Height)); ; {
		small := turned(scaled(whole, side), turn)
		var b bytes.Buffer
		for _, quality := range []int{85, 60} {
			b.Reset()
			if err := jpeg.Encode(&b, small, &jpeg.Options{Quality: quality}); err != nil {
				return nil, fmt.Errorf("write a picture: %w", err)
			}
			if b.Len() <= limit {
				return b.Bytes(), nil
			}
		}
		if side < leastSide {
			return nil, ErrTooSmall
		}
		side = int(float64(side) * min(max(0.95*math.Sqrt(float64(limit)/float64(b.Len())), 0.25), 0.85))
	}
}

// measure says how large a picture is, if it may be read.
func measure(content []byte, pixels, memory int) (c image.Config, format string, err error) {
	c, format, err = image.DecodeConfig(bytes.NewReader(content))
	switch {
	case err != nil:
		return c, format, fmt.Errorf("%w: %w", ErrNoPicture, err)
	case c.Width < 1 || c.Height < 1 || c.Width > pixels/c.Height:
		return c, format, ErrHuge
	case c.Width*c.Height > memory/bytesPerPixel(content, format, c):
		return c, format, ErrHuge
	}
	return c, format, nil
}

// bytesPerPixel is what reading a picture takes at most: of a small file, too.
func bytesPerPixel(content []byte, format string, c image.Config) int {
	switch {
	case format == "jpeg" && !isBaseline(content):
		return 20 // the coefficients of all scans, of four components
	case c.ColorModel == color.NRGBA64Model, c.ColorModel == color.RGBA64Model:
		return 8
	}
	return 4
}

// isBaseline says that a JPEG surely has one scan after another, and not all of
// the picture in each (ITU-T T.81 B.1.1.3).
func isBaseline(b []byte) bool {
	for b = b[2:]; len(b) >= 4 && b[0] == 0xff; {
		switch marker := b[1]; {
		case marker == 0xc0, marker == 0xc1:
			return true
		case marker == 0xc4, marker >= 0xdb && marker <= 0xef, marker == 0xfe: // what may stand before
		default:
			return false
		}
		length := int(binary.BigEndian.Uint16(b[2:]))
		if length < 2 || len(b) < 2+length {
			return false
		}
		b = b[2+length:]
	}
	return false
}

// moves says that a GIF has several images. It decodes none: a small file can
// have thousands of large ones (GIF89a §18 to §27).
func moves(gif []byte) bool {
	const header, descriptor, table = 13, 10, 0x80
	colors := func(packed byte) int { return 3 << (packed&7 + 1) }
	at, images := header, 0
	if len(gif) > header && gif[10]&table != 0 {
		at += colors(gif[10])
	}
	for at < len(gif) {
		switch gif[at] {
		case ',':
			if images++; images > 1 {
				return true
			}
			if at+descriptor > len(gif) {
				return false
			}
			if packed := gif[at+9]; packed&table != 0 {
				at += colors(packed)
			}
			at += descriptor + 1 // the size of codes
		case '!':
			at += 2
		default: // the end
			return false
		}
		for at < len(gif) && gif[at] != 0 {
			at += 1 + int(gif[at])
		}
		at++
	}
	return false
}

// scaled gives a picture, on white, whose longer side has so many pixels at
// most.
func scaled(m image.Image, side int) *image.RGBA {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	if longer := max(w, h); longer > side {
		w, h = max(w*side/longer, 1), max(h*side/longer, 1)
	}
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(out, out.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.CatmullRom.Scale(out, out.Bounds(), m, m.Bounds(), draw.Over, nil)
	return out
}

// turned gives the picture as it is to be looked at. The orientations are
// those of Exif (CIPA DC-008, tag 0x0112): where row 0 and column 0 are.
func turned(m *image.RGBA, orientation int) *image.RGBA {
	if orientation < 2 || orientation > 8 {
		return m
	}
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	out := image.NewRGBA(image.Rect(0, 0, w, h))
	if orientation >= 5 {
		out = image.NewRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			var tx, ty int
			switch orientation {
			case 2:
				tx, ty = w-1-x, y
			case 3:
				tx, ty = w-1-x, h-1-y
			case 4:
				tx, ty = x, h-1-y
			case 5:
				tx, ty = y, x
			case 6:
				tx, ty = h-1-y, x
			case 7:
				tx, ty = h-1-y, w-1-x
			case 8:
				tx, ty = y, w-1-x
			}
			out.SetRGBA(tx, ty, m.RGBAAt(x, y))
		}
	}
	return out
}

// orientation finds it in a JPEG; 1 where it isn't said.
func orientation(b []byte) int {
	if len(b) < 4 || b[0] != 0xff || b[1] != 0xd8 {
		return 1
	}
	for b = b[2:]; len(b) >= 4 && b[0] == 0xff && b[1] != 0xda; {
		length := int(binary.BigEndian.Uint16(b[2:]))
		if length < 2 || len(b) < 2+length {
			return 1
		}
		if segment := b[4 : 2+length]; b[1] == 0xe1 && bytes.HasPrefix(segment, []byte(exifMark)) {
			return exifOrientation(segment[len(exifMark):])
		}
		b = b[2+length:]
	}
	return 1
}

// exifOrientation reads the first directory (TIFF 6.0 §2).
func exifOrientation(b []byte) int {
	if len(b) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if slices.Equal(b[:2], []byte("II")) {
		order = binary.LittleEndian
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 1
	}
	entries := b[at+2:]
	for range order.Uint16(b[at:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == 0x0112 {
			return int(order.Uint16(entries[8:]))
		}
		entries = entries[12:]
	}
	return 1
}
