package gammu

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	encoding "github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/gsm7"
	"github.com/warthog618/sms/encoding/tpdu"
)

// The format of the files (gammu-smsbackup(5)): a section for each part of a
// text, as in an ini file. Texts are UTF-16 in hexadecimal, cut into lines
// Text00, Text01, …

const (
	maxParts = 50 // gammu reads no more (GSM_MAX_MULTI_SMS)
	lineHas  = 50 // UTF-16 units in one line of Text

	statusReport = "Status_Report"
	codingGSM    = "Default_No_Compression"
	codingUCS2   = "Unicode_No_Compression"
)

// errNotDetail says that a file has another format.
var errNotDetail = errors.New("it is not in the detail format; set inboxformat = detail for gammu-smsd")

// A section is one part of a text, or a report.
type section map[string]string

// readSections gives the sections of a file. A key's first value counts.
func readSections(file string) ([]section, error) {
	var all []section
	for line := range strings.Lines(file) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == ';' || line[0] == '#':
		case line[0] == '[':
			if !strings.HasPrefix(line, "[SMSBackup") || len(all) >= maxParts {
				return nil, errNotDetail
			}
			all = append(all, section{})
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok || len(all) == 0 {
				return nil, errNotDetail
			}
			s, key := all[len(all)-1], strings.TrimSpace(key)
			if _, known := s[key]; !known {
				s[key] = strings.Trim(strings.TrimSpace(value), `"`)
			}
		}
	}
	if len(all) == 0 {
		return nil, errNotDetail
	}
	return all, nil
}

func (s section) isReport() bool { return s["PDU"] == statusReport }

// isText says that the part is text, and no ring tone or part of an MMS.
func (s section) isText() bool {
	return s["Coding"] == codingGSM || s["Coding"] == codingUCS2
}

func (s section) number() string {
	if n, err := fromUTF16(s["NumberUnicode"]); err == nil && n != "" {
		return n
	}
	return s["Number"]
}

// text gives the UTF-16 of the part, in hexadecimal: a part may end within a
// pair of surrogates.
func (s section) text() string {
	var b strings.Builder
	for i := 0; ; i++ {
		line, ok := s[fmt.Sprintf("Text%02d", i)]
		if !ok {
			return b.String()
		}
		b.WriteString(line)
	}
}

// at gives when the text reached the SMSC. Gammu leaves out the time zone
// unless it is UTC.
func (s section) at() time.Time {
	if at, err := time.Parse("20060102T150405Z", s["DateTime"]); err == nil {
		return at
	}
	at, _ := time.ParseInLocation("20060102T150405", s["DateTime"], time.Local)
	return at
}

// reference is the number that the network gave to a text, or to that which a
// report is about (3GPP TS 23.040 §9.2.3.6).
func (s section) reference() (int, bool) {
	n, err := strconv.Atoi(s["MessageReference"])
	return n, err == nil && n >= 0 && n <= 255
}

// place tells which part of how many it is (3GPP TS 23.040 §9.2.3.24).
func (s section) place() (sequence, total int) {
	header, err := hex.DecodeString(s["UDH"])
	if err != nil || len(header) == 0 {
		return 1, 1
	}
	for elements := header[1:]; len(elements) >= 2; {
		id, length := elements[0], int(elements[1])
		if len(elements) < 2+length {
			break
		}
		value := elements[2 : 2+length]
		switch {
		case id == 0 && length == 3:
			return int(value[2]), int(value[1])
		case id == 8 && length == 4:
			return int(value[3]), int(value[2])
		}
		elements = elements[2+length:]
	}
	return 1, 1
}

// joined puts the parts of a text together. Gammu gives what it has of a text
// when the other parts do not come (multiparttimeout).
func joined(parts []section) (text string, missing int, err error) {
	parts = slices.Clone(parts)
	slices.SortStableFunc(parts, func(a, b section) int {
		x, _ := a.place()
		y, _ := b.place()
		return x - y
	})
	var whole strings.Builder
	total := 1
	for _, p := range parts {
		_, of := p.place()
		total = max(total, of)
		whole.WriteString(p.text())
	}
	text, err = fromUTF16(whole.String())
	return text, max(total-len(parts), 0), err
}

func fromUTF16(s string) (string, error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b)%2 != 0 {
		return "", errors.New("it is no UTF-16 in hexadecimal")
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units)), nil
}

func toUTF16(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return b
}

// writeSections makes the file that sends a text, and counts its parts.
//
// The reference comes first in it: gammu-smsd replaces the first reference of
// the file by that of each part it has sent. Version 1.42 keeps what stood
// there, too, so that the references of all parts are in the file in the end.
func writeSections(to, text string, ref byte) (file string, parts int, err error) {
	tpdus, err := encoding.Encode([]byte(text))
	if err != nil {
		return "", 0, fmt.Errorf("encode text: %w", err)
	}
	var b strings.Builder
	for i := range tpdus {
		alphabet, err := tpdus[i].Alphabet()
		if err != nil {
			return "", 0, fmt.Errorf("encode text: %w", err)
		}
		content, coding := []byte(tpdus[i].UD), codingUCS2
		if alphabet != tpdu.AlphaUCS2 {
			plain, err := gsm7.Decode(tpdus[i].UD)
			if err != nil {
				return "", 0, fmt.Errorf("encode text: %w", err)
			}
			content, coding = toUTF16(string(plain)), codingGSM
		}
		fmt.Fprintf(&b, "[SMSBackup%03d]\n", i)
		if i == 0 {
			b.WriteString("MessageReference = 0\n")
		}
		fmt.Fprintf(&b, "PDU = %s\nNumber = %q\n", statusReport, to) // that is, asking for a report
		if len(tpdus) > 1 {
			fmt.Fprintf(&b, "UDH = 050003%02X%02X%02X\n", ref, len(tpdus), i+1)
		}
		line := 0
		for chunk := range slices.Chunk(content, 2*lineHas) {
			fmt.Fprintf(&b, "Text%02d = %X\n", line, chunk)
			line++
		}
		fmt.Fprintf(&b, "Coding = %s\nClass = -1\n\n", coding)
	}
	return b.String(), len(tpdus), nil
}
