package stanza

import (
	"encoding/base64"
	"strconv"
	"strings"

	"gatehouse/component/wire"
)

// Namespaces of files in messages.
const (
	OOBNamespace  = "jabber:x:oob"    // XEP-0066
	SFSNamespace  = "urn:xmpp:sfs:0"  // XEP-0447
	SIMSNamespace = "urn:xmpp:sims:1" // XEP-0385 as clients have it
	sims2         = "urn:xmpp:sims:2" // and as it was last published
	FileNamespace = "urn:xmpp:file:metadata:0"

	hashNamespace      = "urn:xmpp:hashes:2" // XEP-0300
	urlDataNamespace   = "http://jabber.org/protocol/url-data"
	referenceNamespace = "urn:xmpp:reference:0"
	fallbackNamespace  = "urn:xmpp:fallback:0"
)

// A File is a file that a message tells of (XEP-0446), and where it is.
type File struct {
	URL           string
	Name          string
	Type          string
	Size          int64 // 0: not known
	SHA256        []byte
	Width, Height int
	Description   string
}

// Payloads show a file the two ways that clients know, beside a body that is
// its URL and nothing else: what most of them take for a file is just that.
func (f File) Payloads() []wire.Payload {
	return []wire.Payload{
		wire.New(OOBNamespace, "x", wire.NewText(OOBNamespace, "url", f.URL)),
		wire.New(SFSNamespace, "file-sharing",
			f.metadata(),
			wire.New(SFSNamespace, "sources", wire.New(urlDataNamespace, "url-data").SetAttr("target", f.URL)),
		).SetAttr("disposition", "inline"),
		// The body says nothing more (XEP-0447 §3.1, XEP-0428 §2).
		wire.New(fallbackNamespace, "fallback", wire.New(fallbackNamespace, "body")).SetAttr("for", SFSNamespace),
	}
}

func (f File) metadata() *wire.Element {
	e := wire.New(FileNamespace, "file")
	add := func(name, value string) {
		if value != "" {
			e.Add(wire.NewText(FileNamespace, name, value))
		}
	}
	add("media-type", f.Type)
	add("name", f.Name)
	if f.Size > 0 {
		add("size", strconv.FormatInt(f.Size, 10))
	}
	if f.Width > 0 && f.Height > 0 {
		add("width", strconv.Itoa(f.Width))
		add("height", strconv.Itoa(f.Height))
		add("dimensions", strconv.Itoa(f.Width)+"x"+strconv.Itoa(f.Height)) // as they were written before
	}
	add("desc", f.Description)
	if len(f.SHA256) > 0 {
		e.Add(wire.NewText(hashNamespace, "hash", base64.StdEncoding.EncodeToString(f.SHA256)).SetAttr("algo", "sha-256"))
	}
	return e
}

// ReadFiles gives the files that a message tells of, each once, however many
// ways it is told. Files without a URL, which only a client could be asked for,
// are left out.
func (s Received) ReadFiles() []File {
	var files []File
	add := func(f File) {
		f.URL = strings.TrimSpace(f.URL)
		if f.URL == "" {
			return
		}
		for i, known := range files {
			if known.URL == f.URL {
				if known.Type == "" && known.Size == 0 {
					files[i] = f
				}
				return
			}
		}
		if len(files) < maxFilesRead {
			files = append(files, f)
		}
	}
	for c := range s.Children() {
		switch {
		case c.Name == "file-sharing" && c.Space == SFSNamespace:
			f := readMetadata(c.Child(FileNamespace, "file"))
			f.URL = c.Child(SFSNamespace, "sources").Child(urlDataNamespace, "url-data").Attr("target")
			add(f)
		case c.Name == "reference" && c.Space == referenceNamespace:
			add(readSIMS(c))
		case c.Name == "x" && c.Space == OOBNamespace:
			add(File{URL: c.Child(OOBNamespace, "url").Content(), Description: c.Child(OOBNamespace, "desc").Content()})
		}
	}
	return files
}

const maxFilesRead = 32

// readSIMS reads a reference to shared media (XEP-0385 §4.1).
func readSIMS(reference *wire.Element) File {
	for _, space := range []string{SIMSNamespace, sims2} {
		sharing := reference.Child(space, "media-sharing")
		for c := range sharing.Children() {
			if c.Name != "file" {
				continue
			}
			f := readMetadata(c)
			for source := range sharing.Child(space, "sources").Children() {
				if uri := source.Attr("uri"); f.URL == "" && !strings.HasPrefix(uri, "xmpp:") {
					f.URL = uri
				}
			}
			return f
		}
	}
	return File{}
}

// readMetadata reads a file element, of XEP-0446 or of Jingle file transfer.
func readMetadata(e *wire.Element) (f File) {
	for c := range e.Children() {
		switch c.Name {
		case "media-type":
			f.Type = c.Content()
		case "name":
			f.Name = c.Content()
		case "desc":
			f.Description = c.Content()
		case "size":
			if n, err := strconv.ParseInt(c.Content(), 10, 64); err == nil && n > 0 {
				f.Size = n
			}
		}
	}
	return f
}
