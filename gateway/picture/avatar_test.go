package picture

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/png"
	"testing"
)

func TestAvatarIsASmallSquareThatStandsUpright(t *testing.T) {
	for name, content := range map[string][]byte{
		"a photo that lies on its side": photo(t, noise(900, 600), 6),
		"a picture": func() []byte {
			var b bytes.Buffer
			if err := png.Encode(&b, noise(300, 300)); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}(),
		"one that moves": func() []byte {
			var b bytes.Buffer
			frame := func(c color.Color) *image.Paletted {
				return image.NewPaletted(image.Rect(0, 0, 40, 30), color.Palette{c})
			}
			if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{frame(color.RGBA{250, 0, 0, 255}), frame(color.Black)}, Delay: []int{1, 1}}); err != nil {
				t.Fatal(err)
			}
			return b.Bytes()
		}(),
	} {
		small, err := Avatar(content)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m, format, err := image.Decode(bytes.NewReader(small))
		if err != nil || format != "jpeg" || len(small) > avatarBytes || bytes.Contains(small, []byte("GPS")) {
			t.Errorf("%s: %d bytes of %s, %v", name, len(small), format, err)
			continue
		}
		b := m.Bounds()
		if b.Dx() != b.Dy() || b.Dx() > avatarSide || b.Dx() < 30 {
			t.Errorf("%s: it is %v", name, b)
		}
		red := b.Dx() / 10
		at := red
		if name == "a photo that lies on its side" {
			at = b.Dx() - red // the upper left of the file is to the right
		}
		if !isRed(m, at, red) {
			t.Errorf("%s: no red at %d, %d", name, at, red)
		}
	}
}

func TestWhatIsNoAvatarIsRefused(t *testing.T) {
	var huge bytes.Buffer
	if err := png.Encode(&huge, image.NewGray(image.Rect(0, 0, 6000, 6000))); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		content []byte
		want    error
	}{
		"too many pixels": {huge.Bytes(), ErrHuge},
		"a page":          {[]byte("<svg xmlns='http://www.w3.org/2000/svg'/>"), ErrNoPicture},
		"nothing":         {nil, ErrNoPicture},
		"a part":          {huge.Bytes()[:len(huge.Bytes())/2], ErrHuge},
	} {
		if _, err := Avatar(c.content); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
