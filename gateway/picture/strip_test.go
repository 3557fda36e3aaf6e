package picture

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"image"
	"image/jpeg"
	"image/png"
	"strings"
	"testing"
)

// segment is one of a JPEG.
func segment(marker byte, content string) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(content)+2)), content...)
}

// chunk is one of a PNG.
func chunk(name, content string) []byte {
	body := append([]byte(name), content...)
	return append(append(binary.BigEndian.AppendUint32(nil, uint32(len(content))), body...), crcOf(body)...)
}

// riff is one of a WebP.
func riff(name, content string) []byte {
	b := append(binary.LittleEndian.AppendUint32([]byte(name), uint32(len(content))), content...)
	return append(b, make([]byte, len(content)&1)...)
}

func webp(chunks ...[]byte) []byte {
	body := append([]byte("WEBP"), bytes.Join(chunks, nil)...)
	return append(binary.LittleEndian.AppendUint32([]byte("RIFF"), uint32(len(body))), body...)
}

// dot is a lossless WebP of one pixel.
func dot(t *testing.T) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func samePicture(t *testing.T, a, b []byte) {
	t.Helper()
	one, _, err := image.Decode(bytes.NewReader(a))
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := image.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("what is left can't be read: %v", err)
	}
	if one.Bounds() != other.Bounds() {
		t.Fatalf("its size was %v and is %v", one.Bounds(), other.Bounds())
	}
	for y := one.Bounds().Min.Y; y < one.Bounds().Max.Y; y++ {
		for x := one.Bounds().Min.X; x < one.Bounds().Max.X; x++ {
			if one.At(x, y) != other.At(x, y) {
				t.Fatalf("the pixel at %d, %d changed", x, y)
			}
		}
	}
}

func TestAPictureIsStrippedOfAllButTheImage(t *testing.T) {
	m := noise(40, 30)
	var drawn, baseline bytes.Buffer
	if err := png.Encode(&drawn, m); err != nil {
		t.Fatal(err)
	}
	if err := jpeg.Encode(&baseline, m, nil); err != nil {
		t.Fatal(err)
	}
	plain := baseline.Bytes()
	const exif = "MM\x00\x2a\x00\x00\x00\x08\x00\x02\x88\x25\x00\x04\x00\x00\x00\x01\x00\x00\x00\x00\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00GPS 45N"
	shot := bytes.Join([][]byte{
		plain[:2], segment(0xe0, "JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"), segment(0xe0, "JFXX\x00\x10 a preview"),
		segment(0xe1, "Exif\x00\x00"+exif), segment(0xe1, "http://ns.adobe.com/xap/1.0/\x00GPS"), segment(0xe2, "MPF\x00GPS"),
		segment(0xe2, "ICC_PROFILE\x00\x01\x01colors"), segment(0xed, "Photoshop 3.0\x00GPS"), segment(0xfe, "taken at GPS"),
		{0xff, 0xff}, plain[2:], []byte("a video with GPS behind it"),
	}, nil)
	pngHead, pngRest := drawn.Bytes()[:33], drawn.Bytes()[33:]
	drawing := bytes.Join([][]byte{
		pngHead, chunk("gAMA", "\x00\x00\xb1\x8f"), chunk("tEXt", "Comment\x00GPS"), chunk("eXIf", exif), chunk("iTXt", "XML:com.adobe.xmp\x00GPS"),
		chunk("tIME", "\x07\xe9\x01\x01\x01\x01\x01"), chunk("prVt", "GPS"), pngRest, []byte("GPS"),
	}, nil)
	still := webp(riff("VP8X", "\x2c\x00\x00\x00\x00\x00\x00\x00\x00\x00"), riff("ICCP", "colors"), dot(t)[12:], riff("EXIF", exif), riff("XMP ", "GPS"), riff("oTHR", "GPS!!"))
	for name, tt := range map[string]struct {
		content []byte
		stays   string
	}{
		"JPEG": {shot, "ICC_PROFILE\x00\x01\x01colors"},
		"PNG":  {drawing, "gAMA"},
		"WebP": {append(still, "GPS"...), "ICCP\x06\x00\x00\x00colors"},
	} {
		got, changed, err := Strip(tt.content)
		if err != nil || !changed {
			t.Fatalf("%s: changed %t, %v", name, changed, err)
		}
		if bytes.Contains(got, []byte("GPS")) || bytes.Contains(got, []byte("\x88\x25")) || bytes.Contains(got, []byte("preview")) {
			t.Errorf("%s: the place is still in %q", name, got)
		}
		if !bytes.Contains(got, []byte(tt.stays)) {
			t.Errorf("%s: %q is gone", name, tt.stays)
		}
		if at := bytes.Index(got, []byte("MM\x00\x2a")); at < 0 || exifOrientation(got[at:]) != 6 {
			t.Errorf("%s: it is not to be turned any more", name)
		}
		samePicture(t, tt.content, got)
		again, changed, err := Strip(got)
		if err != nil || changed || !bytes.Equal(again, got) {
			t.Errorf("%s: what is stripped is changed again, %v", name, err)
		}
	}
}

func TestWhatIsNotStripped(t *testing.T) {
	var b bytes.Buffer
	if err := png.Encode(&b, noise(10, 10)); err != nil {
		t.Fatal(err)
	}
	jpeg := photo(t, noise(10, 10), 1)
	for name, tt := range map[string]struct {
		content string
		broken  bool
	}{
		"a text": {"GPS", false}, "nothing": {"", false}, "a GIF": {"GIF89a", false}, "a clean PNG": {b.String(), false}, "a clean WebP": {string(dot(t)), false},
		"a PNG that is cut off": {b.String()[:60], true}, "a JPEG whose segment is cut off": {string(jpeg[:30]), true},
		"a JPEG with something between": {"\xff\xd8 and so on", true}, "an empty WebP": {"RIFF\x04\x00\x00\x00WEBP", true}, "a WebP that says it is nothing": {"RIFF\x00\x00\x00\x00WEBPVP8 \xff\xff\xff\x7f", true},
	} {
		got, changed, err := Strip([]byte(tt.content))
		if changed || (err != nil) != tt.broken || err == nil && string(got) != tt.content {
			t.Errorf("%s: %q, changed %t, %v", name, got, changed, err)
		}
	}
}

// Where orientation 1 is noted nothing needs to be said.
func TestUprightPictureHasNoExifLeft(t *testing.T) {
	for orientation := range uint16(10) {
		got, _, err := Strip(photo(t, noise(20, 10), orientation))
		if err != nil {
			t.Fatal(err)
		}
		turned := orientation >= 2 && orientation <= 8
		if bytes.Contains(got, []byte(exifMark)) != turned || strings.Contains(string(got), "GPS") {
			t.Errorf("%d: left is %q", orientation, got[:60])
		}
	}
}

func FuzzStrip(f *testing.F) {
	var b, p bytes.Buffer
	jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil)
	png.Encode(&p, image.NewGray(image.Rect(0, 0, 8, 8)))
	f.Add(b.Bytes())
	f.Add(p.Bytes())
	f.Add(webp(riff("VP8X", "\x2c\x00\x00\x00\x00\x00\x00\x00\x00\x00"), riff("VP8L", "x"), riff("EXIF", "MM")))
	f.Fuzz(func(t *testing.T, content []byte) {
		clean, _, err := Strip(content)
		if err != nil {
			return
		}
		if again, changed, err := Strip(clean); err != nil || changed {
			t.Fatalf("stripped twice: %q becomes %q, %v", clean, again, err)
		}
		if c, _, err := image.DecodeConfig(bytes.NewReader(content)); err != nil || c.Width*c.Height > 1<<16 {
			return
		}
		if _, _, err := image.Decode(bytes.NewReader(content)); err == nil {
			samePicture(t, content, clean)
		}
	})
}
