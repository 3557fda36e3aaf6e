package gateway

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"gatehouse/component/stanza"
	"gatehouse/gateway/transport"
)

// fileFeatures are those of whom files can be sent to, and not just links.
var fileFeatures = []string{stanza.SFSNamespace, stanza.SIMSNamespace, stanza.FileNamespace}

// textOf gives what a message says, with the links to its files, which may be
// in the body or beside it (XEP-0066 §3).
func textOf(st *stanza.Received) string {
	text, _ := st.ReadBody()
	return withFiles(text, st)
}

// withFiles gives a text with the links to a message's files.
func withFiles(text string, st *stanza.Received) string {
	for _, f := range st.ReadFiles() {
		if isLink(f.URL) {
			text = withLink(text, f.URL)
		}
	}
	return text
}

// withLink puts a link behind a text that does not have it.
func withLink(text, link string) string {
	switch {
	case text == "":
		return link
	case strings.Contains(text, link):
		return text
	case strings.Contains(text, "\n"):
		return text + "\n" + link
	}
	return text + " " + link
}

// isLink says that it can stand in a text as one word.
func isLink(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme != "" && len(s) <= maxLink &&
		!strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) })
}

const maxLink = 4096

// errEncryptedFile is for links to files whose key only XMPP clients know what
// to do with .
var errEncryptedFile = &transport.Error{
	Reason: transport.Unacceptable,
	Text:   "This file is encrypted (OMEMO), so that nobody outside of XMPP can open it. Switch encryption off for this contact and send the file again.",
}

// attach takes the files out of a message for a network that carries files.
// Its text is then what is said beside them.
func (h *host) attach(m *transport.Message, st *stanza.Received) error {
	if !h.info.Media {
		return nil
	}
	if hasScheme(m.Text, "aesgcm") {
		return errEncryptedFile
	}
	for _, f := range st.ReadFiles() {
		switch {
		case hasScheme(f.URL, "aesgcm"):
			return errEncryptedFile
		case isLink(f.URL) && (hasScheme(f.URL, "https") || hasScheme(f.URL, "http")):
			m.Media = append(m.Media, transport.Media{URL: f.URL, Name: f.Name, Type: f.Type, Size: f.Size, Text: f.Description})
			m.Text = strings.TrimSpace(strings.Replace(m.Text, f.URL, "", 1))
		}
	}
	return nil
}

func hasScheme(link, scheme string) bool {
	return len(link) > len(scheme)+3 && strings.EqualFold(link[:len(scheme)+3], scheme+"://")
}

// fileIn gives the file that a message is nothing but the link of, or nil.
func fileIn(st *stanza.Received, text string) *stanza.File {
	files := st.ReadFiles()
	if i := slices.IndexFunc(files, func(f stanza.File) bool { return f.URL == text }); i >= 0 {
		return &files[i]
	}
	return nil
}

// fileOf shows a file of the network's. A message has one, and its body is the
// link and nothing else, as most clients take only that for a file.
func fileOf(m transport.Message) *stanza.File {
	if len(m.Media) == 0 {
		return nil
	}
	f := m.Media[0]
	return &stanza.File{
		URL: f.URL, Name: f.Name, Type: f.Type, Size: f.Size, SHA256: f.SHA256,
		Width: f.Width, Height: f.Height, Description: f.Text,
	}
}

// bodyOf gives the payloads that hold what a message says.
func bodyOf(text string, file *stanza.File) []payload {
	if file == nil {
		return []payload{stanza.Body(text)}
	}
	return append([]payload{stanza.Body(file.URL)}, file.Payloads()...)
}

// writeFile puts a file into the archive.
func writeFile(f *stanza.File) string {
	if f == nil {
		return ""
	}
	b, err := json.Marshal(f)
	if err != nil || len(b) > maxFileRecord {
		b, err = json.Marshal(stanza.File{URL: f.URL})
	}
	if err != nil {
		return ""
	}
	return string(b)
}

const maxFileRecord = 2048

// readFile gets it out again.
func readFile(s string) *stanza.File {
	if s == "" {
		return nil
	}
	var f stanza.File
	if json.Unmarshal([]byte(s), &f) != nil {
		return nil
	}
	return &f
}
