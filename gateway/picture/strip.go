package picture

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// Strip takes out of a JPEG, PNG or WebP what cameras and programs note in it,
// as the place and the time, and what stands behind its end. The image itself,
// its colors and how it is to be turned stay as they are. Of any other file
// nothing is taken. Changed says that something was.
func Strip(content []byte) (clean []byte, changed bool, err error) {
	var ok bool
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xd8")):
		clean, ok = stripJPEG(content)
	case bytes.HasPrefix(content, []byte(pngStart)):
		clean, ok = stripPNG(content)
	case isWebP(content):
		clean, ok = stripWebP(content)
	default:
		return content, false, nil
	}
	if !ok {
		return nil, false, ErrNoPicture
	}
	return clean, !bytes.Equal(clean, content), nil
}

// onlyOrientation is Exif with an orientation and nothing else (TIFF 6.0 §2,
// CIPA DC-008 §4.6.4). Nil: the picture stands upright.
func onlyOrientation(is int) []byte {
	if is < 2 || is > 8 {
		return nil
	}
	return []byte{'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, byte(is), 0, 0, 0, 0, 0, 0}
}

const (
	exifMark = "Exif\x00\x00"
	pngStart = "\x89PNG\r\n\x1a\n"
)

// stripJPEG keeps the segments that the image needs (ITU-T T.81 B.1.1), with
// JFIF, the color profile, and Adobe's, which says what the colors mean.
func stripJPEG(b []byte) (out []byte, ok bool) {
	turn := onlyOrientation(orientation(b))
	out = append(make([]byte, 0, len(b)), b[:2]...)
	turned := turn == nil
	for at := 2; at+1 < len(b); {
		if b[at] != 0xff {
			return nil, false
		}
		marker := b[at+1]
		switch {
		case marker == 0xff: // fills up
			at++
			continue
		case marker == 0xd9: // the end
			return append(out, b[at:at+2]...), true
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd7:
			out = append(out, b[at:at+2]...)
			at += 2
			continue
		}
		if at+4 > len(b) {
			return nil, false
		}
		length := int(binary.BigEndian.Uint16(b[at+2:]))
		end := at + 2 + length
		if length < 2 || end > len(b) {
			return nil, false
		}
		if marker == 0xda { // a scan, whose data has no length
			for end < len(b) && !(b[end] == 0xff && end+1 < len(b) && b[end+1] != 0 && (b[end+1] < 0xd0 || b[end+1] > 0xd7)) {
				end++
			}
		}
		if !turned && marker != 0xe0 { // JFIF comes first
			out = append(out, 0xff, 0xe1)
			out = binary.BigEndian.AppendUint16(out, uint16(2+len(exifMark)+len(turn)))
			out = append(append(out, exifMark...), turn...)
			turned = true
		}
		if keepsSegment(marker, b[at+4:at+2+length]) {
			out = append(out, b[at:end]...)
		}
		at = end
	}
	return out, true // cut off
}

func keepsSegment(marker byte, content []byte) bool {
	begins := func(s string) bool { return bytes.HasPrefix(content, []byte(s)) }
	switch {
	case marker == 0xe0:
		return begins("JFIF\x00")
	case marker == 0xe2:
		return begins("ICC_PROFILE\x00")
	case marker == 0xee:
		return begins("Adobe")
	}
	return marker < 0xe0 || marker > 0xef && marker != 0xfe
}

// pngKept are the chunks beside those that every PNG needs which say how the
// image looks (PNG 3rd edition §11.3), or moves.
var pngKept = []string{
	"tRNS", "cHRM", "gAMA", "iCCP", "sBIT", "sRGB", "cICP", "mDCV", "cLLI", "bKGD", "hIST", "pHYs", "sPLT", "acTL", "fcTL", "fdAT",
}

func stripPNG(b []byte) (out []byte, ok bool) {
	out = append(make([]byte, 0, len(b)), pngStart...)
	turn, turned := onlyOrientation(pngOrientation(b)), false
	for b = b[len(pngStart):]; len(b) >= 12; {
		length := binary.BigEndian.Uint32(b)
		if uint64(length)+12 > uint64(len(b)) {
			return nil, false
		}
		name, chunk := string(b[4:8]), b[:length+12]
		b = b[length+12:]
		if name == "IDAT" && turn != nil && !turned {
			out = binary.BigEndian.AppendUint32(out, uint32(len(turn)))
			body := append([]byte("eXIf"), turn...)
			out = binary.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE(body))
			turned = true
		}
		if critical := name[0]&0x20 == 0; critical || slices.Contains(pngKept, name) {
			out = append(out, chunk...)
		}
		if name == "IEND" {
			return out, true
		}
	}
	return nil, false
}

func pngOrientation(b []byte) int {
	for b = b[len(pngStart):]; len(b) >= 12; {
		length := binary.BigEndian.Uint32(b)
		if uint64(length)+12 > uint64(len(b)) {
			return 1
		}
		if string(b[4:8]) == "eXIf" {
			return exifOrientation(b[8 : 8+length])
		}
		b = b[length+12:]
	}
	return 1
}

func isWebP(b []byte) bool {
	return len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP"
}

// Chunks of WebP and what its header says of them
// (https://developers.google.com/speed/webp/docs/riff_container).
const (
	webpExif = 0x08
	webpXMP  = 0x04
)

var webpKept = []string{"VP8X", "VP8 ", "VP8L", "ALPH", "ANIM", "ANMF", "ICCP"}

func stripWebP(b []byte) (out []byte, ok bool) {
	out = append(make([]byte, 0, len(b)), b[:12]...)
	var turn []byte
	flags := 0 // where they are in out
	if size := int64(binary.LittleEndian.Uint32(b[4:])) + 8; size >= 12 && size < int64(len(b)) {
		b = b[:size]
	}
	for b = b[12:]; len(b) >= 8; {
		length := int64(binary.LittleEndian.Uint32(b[4:]))
		whole := 8 + length + length&1
		if 8+length > int64(len(b)) {
			return nil, false
		}
		name, content := string(b[:4]), b[8:8+length]
		chunk := b[:min(whole, int64(len(b)))]
		b = b[len(chunk):]
		switch {
		case name == "EXIF":
			turn = onlyOrientation(exifOrientation(bytes.TrimPrefix(content, []byte(exifMark))))
		case slices.Contains(webpKept, name):
			if name == "VP8X" && len(content) > 0 {
				flags = len(out) + 8
			}
			out = append(out, chunk...)
			if len(out)&1 == 1 { // the last was not filled up
				out = append(out, 0)
			}
		}
	}
	if len(out) == 12 {
		return nil, false
	}
	if flags > 0 {
		out[flags] &^= webpExif | webpXMP
		if turn != nil {
			out[flags] |= webpExif
			out = binary.LittleEndian.AppendUint32(append(out, "EXIF"...), uint32(len(turn)))
			out = append(out, turn...)
		}
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out, true
}
