package picture

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
	"math/rand/v2"
	"runtime"
	"testing"
)

// noise is a picture that does not compress well, with a red upper left part.
func noise(w, h int) *image.RGBA {
	r := rand.New(rand.NewPCG(1, 2))
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{uint8(r.Uint32()), uint8(r.Uint32()), uint8(r.Uint32()), 255}
			if x < w/2 && y < h/2 {
				c = color.RGBA{250, 0, 0, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

// photo is a JPEG with an orientation and a place.
func photo(t *testing.T, m image.Image, orientation uint16) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 100}); err != nil {
		t.Fatal(err)
	}
	exif := []byte("Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x02")
	exif = append(exif, 0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0) // where the place is
	exif = append(exif, 0x01, 0x12, 0, 3, 0, 0, 0, 1, byte(orientation>>8), byte(orientation), 0, 0)
	exif = append(exif, "GPS 45N 10E"...)
	segment := append([]byte{0xff, 0xe1}, binary.BigEndian.AppendUint16(nil, uint16(len(exif)+2))...)
	return append(append(append([]byte{}, b.Bytes()[:2]...), append(segment, exif...)...), b.Bytes()[2:]...)
}

func isRed(m image.Image, x, y int) bool {
	r, g, b, _ := m.At(x, y).RGBA()
	return r > 0xb000 && g < 0x6000 && b < 0x6000
}

func TestShrunkPictureFitsAndStandsUpright(t *testing.T) {
	m := noise(360, 240)
	// Where the upper left of the file is to be seen.
	corners := map[uint16][2]float64{1: {.1, .1}, 2: {.9, .1}, 3: {.9, .9}, 4: {.1, .9}, 5: {.1, .1}, 6: {.9, .1}, 7: {.9, .9}, 8: {.1, .9}}
	for orientation, at := range corners {
		content := photo(t, m, orientation)
		const max = 20_000
		got, err := Shrink(content, max)
		if err != nil || len(got) > max {
			t.Fatalf("%d: %d bytes, %v", orientation, len(got), err)
		}
		if bytes.Contains(got, []byte("Exif")) || bytes.Contains(got, []byte("GPS")) {
			t.Error("the place is still there")
		}
		small, format, err := image.Decode(bytes.NewReader(got))
		if err != nil || format != "jpeg" {
			t.Fatal(format, err)
		}
		w, h := small.Bounds().Dx(), small.Bounds().Dy()
		if (w > h) != (orientation < 5) {
			t.Errorf("%d: %dx%d", orientation, w, h)
		}
		if !isRed(small, int(at[0]*float64(w)), int(at[1]*float64(h))) || isRed(small, w-1-int(at[0]*float64(w)), h-1-int(at[1]*float64(h))) {
			t.Errorf("%d: it is turned wrongly", orientation)
		}
	}
}

func crcOf(b []byte) []byte { return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)) }

func TestTransparentPictureIsOnWhite(t *testing.T) {
	m := image.NewNRGBA(image.Rect(0, 0, 10, 10))
	var b bytes.Buffer
	png.Encode(&b, m)
	got, err := Shrink(b.Bytes(), 10_000)
	if err != nil {
		t.Fatal(err)
	}
	small, _ := jpeg.Decode(bytes.NewReader(got))
	if r, g, b, _ := small.At(5, 5).RGBA(); r < 0xf000 || g < 0xf000 || b < 0xf000 {
		t.Error("it is dark")
	}
}

func TestWhatCannotBeShrunk(t *testing.T) {
	frame := image.NewPaletted(image.Rect(0, 0, 2, 2), color.Palette{color.Black, color.White})
	var moving, still, huge bytes.Buffer
	gif.EncodeAll(&moving, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{1, 1}})
	gif.EncodeAll(&still, &gif.GIF{Image: []*image.Paletted{frame}, Delay: []int{0}})
	png.Encode(&huge, image.NewGray(image.Rect(0, 0, 10_000, 1)))
	big := huge.Bytes()
	binary.BigEndian.PutUint32(big[20:], 10_000) // it says that it is high, too
	big = append(big[:29:29], crcOf(big[12:29])...)
	for name, tt := range map[string]struct {
		content []byte
		max     int
		want    error
	}{
		"no picture": {[]byte("hello"), 100, ErrNoPicture}, "nothing": {nil, 100, ErrNoPicture},
		"moving": {moving.Bytes(), 10_000, ErrAnimated}, "still": {still.Bytes(), 10_000, nil},
		"a bomb": {big, 10_000, ErrHuge}, "no room": {photo(t, noise(300, 300), 1), 300, ErrTooSmall},
		"cut off": {photo(t, noise(300, 300), 1)[:2000], 10_000, ErrNoPicture},
	} {
		if _, err := Shrink(tt.content, tt.max); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzShrink(f *testing.F) {
	var b bytes.Buffer
	jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil)
	f.Add(b.Bytes())
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x20Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff"))
	f.Fuzz(func(t *testing.T, content []byte) {
		if c, _, err := image.DecodeConfig(bytes.NewReader(content)); err == nil && c.Width*c.Height > 1<<20 {
			return // it would only take long
		}
		if got, err := Shrink(content, 5000); err == nil && len(got) > 5000 {
			t.Errorf("%d bytes", len(got))
		}
		orientation(content)
	})
}

func TestPicturesThatTakeMuchMemoryAreNotRead(t *testing.T) {
	var low bytes.Buffer
	if err := png.Encode(&low, image.NewNRGBA64(image.Rect(0, 0, 6000, 1))); err != nil {
		t.Fatal(err)
	}
	deep := low.Bytes()
	binary.BigEndian.PutUint32(deep[20:], 6000)
	deep = append(deep[:29:29], crcOf(deep[12:29])...)
	plain := photo(t, image.NewGray(image.Rect(0, 0, 4000, 4000)), 1)
	progressive := bytes.Replace(plain, []byte{0xff, 0xc0}, []byte{0xff, 0xc2}, 1)
	unclear := append([]byte{0xff, 0xd8, 0xff, 0xd0}, plain[2:]...) // a marker that should not be there
	for name, tt := range map[string]struct {
		content []byte
		huge    bool
	}{"deep": {deep, true}, "plain": {plain, false}, "progressive": {progressive, true}, "unclear": {unclear, true}} {
		if _, err := Shrink(tt.content, 1<<20); errors.Is(err, ErrHuge) != tt.huge {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A few hundred bytes of each frame are megabytes once they are decoded.
func TestFramesOfAGIFAreNotDecoded(t *testing.T) {
	frame := image.NewPaletted(image.Rect(0, 0, 2000, 2000), color.Palette{color.White, color.Black})
	bomb := &gif.GIF{}
	for range 50 {
		bomb.Image, bomb.Delay = append(bomb.Image, frame), append(bomb.Delay, 1)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, bomb); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := Shrink(b.Bytes(), 1000)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, ErrAnimated) || took > 10<<20 {
		t.Errorf("%v, after %d bytes of memory for %d", err, took, b.Len())
	}
}

func FuzzMoves(f *testing.F) {
	frame := image.NewPaletted(image.Rect(0, 0, 3, 3), color.Palette{color.White, color.Black})
	for n := range 3 {
		g := &gif.GIF{}
		for range n + 1 {
			g.Image, g.Delay = append(g.Image, frame), append(g.Delay, 1)
		}
		var b bytes.Buffer
		gif.EncodeAll(&b, g)
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		all, err := gif.DecodeAll(bytes.NewReader(content))
		if err == nil && moves(content) != (len(all.Image) > 1) {
			t.Errorf("%d images", len(all.Image))
		}
	})
}
