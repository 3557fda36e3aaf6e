package media

import (
	"bytes"
	"image"
	_ "image/gif"  // their sizes are read
	_ "image/jpeg" // likewise
	_ "image/png"
	"io"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	_ "golang.org/x/image/webp" // likewise
)

const (
	sniffLength = 512
	maxName     = 80
	unknownType = "application/octet-stream"
)

// TypeOf tells the type of a file from how it starts. What its sender claims
// counts only where the content can't tell, and as far as it does no harm.
func TypeOf(start []byte, claimed string) string {
	claimed, _, _ = mime.ParseMediaType(claimed)
	if t := boxType(start, claimed); t != "" {
		return t
	}
	text := bytes.ToLower(bytes.TrimLeft(bytes.TrimPrefix(start, []byte("\ufeff")), " \t\r\n"))
	for _, m := range marks {
		s := start
		if m.text {
			s = text
		}
		if bytes.HasPrefix(s, []byte(m.starts)) {
			return m.is
		}
	}
	found, _, _ := mime.ParseMediaType(http.DetectContentType(start))
	switch family, _, _ := strings.Cut(claimed, "/"); {
	case found == "text/xml" && bytes.Contains(text, []byte("<svg")):
		return "image/svg+xml"
	case found == "text/xml" && bytes.Contains(text, []byte("<smil")):
		return "application/smil"
	case found == "text/plain" && isPlain(claimed):
		return claimed
	case found == "application/zip" && isZip(claimed), found == "application/ogg" && (family == "audio" || family == "video"):
		return claimed
	case found == "video/webm" && claimed == "audio/webm", found == "audio/wave" && family == "audio":
		return claimed
	case found == unknownType && unsniffed[claimed]:
		return claimed
	}
	return found
}

// marks are how files start that net/http does not know.
var marks = []struct {
	starts string
	text   bool // in any case, behind white space
	is     string
}{
	{"#!AMR-WB\n", false, "audio/amr-wb"},
	{"#!AMR", false, "audio/amr"},
	{"fLaC", false, "audio/flac"},
	{"\xff\xf1", false, "audio/aac"},
	{"\xff\xf9", false, "audio/aac"},
	{"\xff\xfb", false, "audio/mpeg"},
	{"\xff\xf3", false, "audio/mpeg"},
	{"II*\x00", false, "image/tiff"},
	{"MM\x00*", false, "image/tiff"},
	{"begin:vcard", true, "text/vcard"},
	{"begin:vcalendar", true, "text/calendar"},
	{"<svg", true, "image/svg+xml"},
	{"<smil", true, "application/smil"},
}

// boxType reads the brand of an ISO base media file (ISO/IEC 14496-12 §4.3).
func boxType(start []byte, claimed string) string {
	if len(start) < 12 || string(start[4:8]) != "ftyp" {
		return ""
	}
	audio := strings.HasPrefix(claimed, "audio/")
	choose := func(sound, picture string) string {
		if audio {
			return sound
		}
		return picture
	}
	switch brand := string(start[8:12]); {
	case strings.HasPrefix(brand, "3g2"):
		return choose("audio/3gpp2", "video/3gpp2")
	case strings.HasPrefix(brand, "3g"):
		return choose("audio/3gpp", "video/3gpp")
	case strings.HasPrefix(brand, "hei"), strings.HasPrefix(brand, "hev"):
		return "image/heic"
	case brand == "mif1", brand == "msf1":
		return "image/heif"
	case strings.HasPrefix(brand, "avi"):
		return "image/avif"
	case strings.HasPrefix(brand, "M4A"):
		return "audio/mp4"
	case brand == "qt  ":
		return "video/quicktime"
	}
	return choose("audio/mp4", "video/mp4")
}

// isPlain says that a claimed type is a kind of text that no browser runs.
func isPlain(claimed string) bool {
	switch claimed {
	case "text/csv", "text/calendar", "text/vcard", "text/markdown", "text/richtext", "application/json":
		return true
	}
	return false
}

// isZip says that files of a claimed type are archives by their content.
func isZip(claimed string) bool {
	return strings.HasPrefix(claimed, "application/vnd.openxmlformats-officedocument.") ||
		strings.HasPrefix(claimed, "application/vnd.oasis.opendocument.") ||
		claimed == "application/epub+zip" || claimed == "application/vnd.apple.pkpass" || claimed == "application/vnd.android.package-archive"
}

// unsniffed are types whose content does not tell them.
var unsniffed = map[string]bool{
	"audio/mpeg": true, "audio/aac": true, "audio/midi": true, "audio/qcelp": true, "audio/l24": true,
	"video/mpeg": true, "video/h263": true, "video/h264": true, "application/msword": true,
	"application/vnd.ms-excel": true, "application/vnd.ms-powerpoint": true, "application/rtf": true,
}

// extensions are the first, which a name gets, and others that may stay.
var extensions = map[string][]string{
	"image/jpeg": {"jpg", "jpeg", "jpe", "jfif"}, "image/png": {"png", "apng"}, "image/gif": {"gif"}, "image/webp": {"webp"},
	"image/heic": {"heic", "heif"}, "image/heif": {"heif", "heic"}, "image/avif": {"avif"}, "image/bmp": {"bmp"},
	"image/tiff": {"tiff", "tif"}, "image/svg+xml": {"svg"}, "image/x-icon": {"ico"},
	"audio/amr": {"amr"}, "audio/amr-wb": {"awb", "amr"}, "audio/aac": {"aac"}, "audio/mp4": {"m4a", "mp4"}, "audio/mpeg": {"mp3", "mpga"},
	"audio/ogg": {"ogg", "oga", "opus"}, "audio/flac": {"flac"}, "audio/wave": {"wav"}, "audio/3gpp": {"3gp", "3gpp"}, "audio/3gpp2": {"3g2"},
	"audio/midi": {"mid", "midi"}, "audio/webm": {"weba", "webm"}, "audio/aiff": {"aiff", "aif"}, "audio/basic": {"au"},
	"video/mp4": {"mp4", "m4v"}, "video/3gpp": {"3gp", "3gpp"}, "video/3gpp2": {"3g2"}, "video/quicktime": {"mov"}, "video/webm": {"webm"},
	"video/mpeg": {"mpg", "mpeg"}, "video/avi": {"avi"}, "video/ogg": {"ogv"}, "application/ogg": {"ogx", "ogg"},
	"text/plain": {"txt", "text", "log"}, "text/vcard": {"vcf"}, "text/calendar": {"ics"}, "text/csv": {"csv"}, "text/html": {"html", "htm"},
	"text/xml": {"xml"}, "text/markdown": {"md"}, "application/pdf": {"pdf"}, "application/zip": {"zip"}, "application/smil": {"smil", "smi"},
	"application/json": {"json"}, "application/x-gzip": {"gz", "tgz"},
}

// NameOf gives a name for a file: the sender's without folders and whatever
// else does harm in names, with an extension that fits the type.
func NameOf(name, kind string) string {
	name = path.Base(strings.ReplaceAll(strings.ToValidUTF8(name, ""), `\`, "/"))
	name = strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '_'
		case !unicode.IsGraphic(r), strings.ContainsRune(`/\:*?"<>|%#&;`, r), unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, name)
	name = strings.Trim(name, "._-")
	dot := strings.LastIndexByte(name, '.')
	stem, ext := name, ""
	if dot > 0 && len(name)-dot <= 6 {
		stem, ext = name[:dot], strings.ToLower(name[dot+1:])
	}
	fits, known := extensions[kind]
	switch {
	case known && !slices.Contains(fits, ext):
		ext = fits[0]
	case !known && (ext == "" || isOther(ext, kind)):
		ext = "bin"
	}
	for len(stem) > maxName {
		_, size := utf8.DecodeLastRuneInString(stem)
		stem = stem[:len(stem)-size]
	}
	if stem == "" {
		family, _, _ := strings.Cut(kind, "/")
		switch family {
		case "image", "audio", "video":
			stem = family
		default:
			stem = "file"
		}
		if kind == "text/vcard" {
			stem = "contact"
		}
	}
	return stem + "." + ext
}

// isOther says that the extension belongs to a type that the file is not of.
func isOther(ext, kind string) bool {
	for t, all := range extensions {
		if t != kind && slices.Contains(all, ext) {
			return true
		}
	}
	return ext == "exe" || ext == "js" || ext == "xhtml"
}

// dimensions gives the size of a picture in pixels, or zeros.
func dimensions(r io.Reader) (width, height int) {
	c, _, err := image.DecodeConfig(r)
	if err != nil || c.Width < 0 || c.Height < 0 {
		return 0, 0
	}
	return c.Width, c.Height
}
