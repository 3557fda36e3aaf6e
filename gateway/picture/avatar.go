package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
)

const (
	avatarSide   = 192      // of the square that avatars are at most
	avatarBytes  = 24 << 10 // of the file
	avatarPixels = 20_000_000
	avatarMemory = 96 << 20 // bytes, while it is read
)

// AvatarType is what Avatar makes.
const AvatarType = "image/jpeg"

// Avatar makes a small square JPEG of the middle of a picture, of the first image
// where it moves. It stands upright, and has nothing of what cameras note.
func Avatar(content []byte) ([]byte, error) {
	if _, _, err := measure(content, avatarPixels, avatarMemory); err != nil {
		return nil, err
	}
	whole, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoPicture, err)
	}
	square := turned(scaled(middle(whole), avatarSide), orientation(content))
	var b bytes.Buffer
	for _, quality := range []int{85, 70, 50, 25} {
		b.Reset()
		if err := jpeg.Encode(&b, square, &jpeg.Options{Quality: quality}); err != nil {
			return nil, fmt.Errorf("write an avatar: %w", err)
		}
		if b.Len() <= avatarBytes {
			return b.Bytes(), nil
		}
	}
	return nil, ErrTooSmall
}

// middle gives the largest square in the middle of a picture.
func middle(m image.Image) image.Image {
	cut, ok := m.(interface {
		SubImage(image.Rectangle) image.Image
	})
	if !ok {
		return m
	}
	b := m.Bounds()
	side := min(b.Dx(), b.Dy())
	at := b.Min.Add(image.Pt((b.Dx()-side)/2, (b.Dy()-side)/2))
	return cut.SubImage(image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))})
}
