package wire

import (
	"io"
	"testing"
)

const streamHeader = `<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' ` +
	`xmlns:stream='http://etherx.jabber.org/streams' id='3BF96D32' from='irc.example.org'>`

const typicalMessage = `<message xml:lang='en' to='#garden%irc.libera.chat@irc.example.org' ` +
	`from='romeo@example.org/orchard' type='groupchat' id='5f0c4d2e'><body>But soft, what light &amp; so on</body>` +
	`<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>` +
	`<origin-id xmlns='urn:xmpp:sid:0' id='5f0c4d2e'/><stanza-id xmlns='urn:xmpp:sid:0' by='romeo@example.org' id='1724'/></message>`

// endless gives the header once and then the same stanza for ever.
type endless struct {
	header, stanza string
	rest           string
	begun          bool
}

func (r *endless) Read(b []byte) (int, error) {
	if r.rest == "" {
		r.rest = r.stanza
		if !r.begun {
			r.rest, r.begun = r.header, true
		}
	}
	n := copy(b, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func openEndless(tb testing.TB, stanza string) *Reader {
	r := NewReader(&endless{header: streamHeader, stanza: stanza}, DefaultLimits)
	if _, err := r.Open(); err != nil {
		tb.Fatal(err)
	}
	return r
}

func BenchmarkMessageThereAndBack(b *testing.B) {
	r := openEndless(b, typicalMessage)
	var w Writer
	b.SetBytes(int64(len(typicalMessage)))
	b.ReportAllocs()
	for b.Loop() {
		e, err := r.Next()
		if err != nil {
			b.Fatal(err)
		}
		w.Reset()
		e.WriteXML(&w)
		if w.Err() != nil {
			b.Fatal(w.Err())
		}
	}
}

func BenchmarkNext(b *testing.B) {
	r := openEndless(b, typicalMessage)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Next(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	e, err := openEndless(b, typicalMessage).Next()
	if err != nil {
		b.Fatal(err)
	}
	var w Writer
	b.ReportAllocs()
	for b.Loop() {
		w.Reset()
		e.WriteXML(&w)
	}
}

func BenchmarkClone(b *testing.B) {
	e, err := openEndless(b, typicalMessage).Next()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Clone()
	}
}

var _ io.Reader = (*endless)(nil)
