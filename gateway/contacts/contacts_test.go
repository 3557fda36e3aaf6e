package contacts

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		want       []Card
	}{
		{"vCard 3", "BEGIN:VCARD\nVERSION:3.0\nFN:Juliet Capulet\nTEL;TYPE=CELL:+1 (555) 123-4567\nTEL;TYPE=HOME:555 7654\nEND:VCARD\n",
			[]Card{{Name: "Juliet Capulet", Numbers: []string{"+1 (555) 123-4567", "555 7654"}}}},
		{"vCard 4 with a URI", "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Nurse\r\nTEL;VALUE=uri;TYPE=\"voice,home\":tel:+1-555-555-5555;ext=5555\r\nEND:VCARD\r\n",
			[]Card{{Name: "Nurse", Numbers: []string{"+1-555-555-5555"}}}},
		{"folded line, escapes", "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Montague\\, Ro\r\n meo\r\nTEL:1\r\nEND:VCARD\r\n",
			[]Card{{Name: "Montague, Romeo", Numbers: []string{"1"}}}},
		{"no FN", "BEGIN:VCARD\nVERSION:2.1\nN:Capulet;Tybalt;;;\nTEL:2\nEND:VCARD\n", []Card{{Name: "Tybalt Capulet", Numbers: []string{"2"}}}},
		{"company", "BEGIN:VCARD\nVERSION:3.0\nFN:\nORG:Apothecary;Mantua\nTEL:3\nEND:VCARD\n", []Card{{Name: "Apothecary;Mantua", Numbers: []string{"3"}}}},
		{"fax, and nothing else", "BEGIN:VCARD\nVERSION:3.0\nFN:Escalus\nTEL;TYPE=WORK,FAX:4\nEND:VCARD\n", nil},
		{"no number", "BEGIN:VCARD\nVERSION:3.0\nFN:Escalus\nEND:VCARD\n", nil},
		{"two", "BEGIN:VCARD\nVERSION:3.0\nFN:A\nTEL:1\nEND:VCARD\nBEGIN:VCARD\nVERSION:3.0\nFN:B\nTEL:2\nEND:VCARD",
			[]Card{{Name: "A", Numbers: []string{"1"}}, {Name: "B", Numbers: []string{"2"}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Parse(strings.NewReader(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const one = "BEGIN:VCARD\nVERSION:3.0\nFN:A\nTEL:1\nEND:VCARD\n"
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"text":           {"Dear Juliet", ErrNoCard},
		"too many":       {strings.Repeat(one, MaxCards+1), ErrTooMany},
		"too much":       {one + strings.Repeat("x", MaxBytes), ErrTooLarge},
		"broken":         {"BEGIN:VCARD\nFN", nil},
		"without an end": {"BEGIN:VCARD\nVERSION:3.0\nFN:A\nTEL:1\n", nil},
	} {
		if cards, err := Parse(strings.NewReader(tt.text)); err == nil || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %d cards, %v; want %v", name, len(cards), err, tt.want)
		}
	}
}

func TestPasswordsGoOverTLS(t *testing.T) {
	for url, good := range map[string]bool{
		"https://dav.example.org/romeo/": true, "http://127.0.0.1:5232/": true, "http://192.168.1.2/": true, "http://[::1]/": true,
		"http://dav.example.org/": false, "http://8.8.8.8/": false, "ftp://127.0.0.1/": false, "https://romeo:secret@dav.example.org/": false, "dav.example.org": false, "": false,
	} {
		if err := CheckURL(url); (err == nil) != good {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("BEGIN:VCARD\nVERSION:3.0\nFN:A\nTEL;TYPE=CELL:1\nEND:VCARD\n")
	f.Add("BEGIN:VCARD\nVERSION:4.0\nN:;;;;\nTEL;VALUE=uri:tel:+1;ext=2\nEND:VCARD\n")
	f.Fuzz(func(t *testing.T, text string) {
		cards, err := Parse(strings.NewReader(text))
		for _, c := range cards {
			if c.Name == "" || len(c.Numbers) == 0 || len(c.Numbers) > maxNumbers {
				t.Errorf("%q, %v gives %+v", text, err, c)
			}
		}
	})
}
