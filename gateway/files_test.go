package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	. "gatehouse/component/componenttest"
	"gatehouse/gateway/transport"
)

const (
	pictureURL = "https://files.example.org/a1/summit.jpg"
	voiceURL   = "https://files.example.org/b2/voice.amr"
)

func TestFileOfTheNetworkIsItsLinkAndNothingElse(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		m := transport.Message{ID: "1/0", Chat: number, Sent: time.Now(), Media: []transport.Media{{
			URL: pictureURL, Name: "summit.jpg", Type: "image/jpeg", Size: 3032, SHA256: []byte{1, 2, 3}, Width: 40, Height: 30,
		}}}
		for range 2 { // the network may repeat it
			w.phones.tells(romeo, transport.MessageReceived{Message: m})
		}
		const file, meta = "{urn:xmpp:sfs:0}file-sharing", "{urn:xmpp:sfs:0}file-sharing/{urn:xmpp:file:metadata:0}file/"
		w.Expect(Message(From(phone), To(romeo), Type("chat"), Body(pictureURL),
			Has("{jabber:x:oob}x/{jabber:x:oob}url", pictureURL), Has(file+"@disposition", "inline"),
			Has(meta+"media-type", "image/jpeg"), Has(meta+"name", "summit.jpg"), Has(meta+"size", "3032"),
			Has(meta+"width", "40"), Has(meta+"height", "30"),
			Has(meta+"{urn:xmpp:hashes:2}hash", "AQID"), Has(meta+"{urn:xmpp:hashes:2}hash@algo", "sha-256"),
			Has(file+"/sources/{http://jabber.org/protocol/url-data}url-data@target", pictureURL),
			Has("{urn:xmpp:fallback:0}fallback@for", "urn:xmpp:sfs:0"), Has("{urn:xmpp:sid:0}origin-id")))
		w.ExpectNothing()
	})
}

// carries says whether files can be sent to phones. The gateway starts anew.
func (w *world) carries(files bool) {
	w.phones.info.Media = files
	w.stop()
	w.Skip()
	w.ComeBack()
	w.start()
}

func sharing(url, kind string) string {
	return fmt.Sprintf(`<file-sharing xmlns='urn:xmpp:sfs:0'><file xmlns='urn:xmpp:file:metadata:0'><media-type>%s</media-type><name>n</name><size>7</size></file>`+
		`<sources><url-data xmlns='http://jabber.org/protocol/url-data' target='%s'/></sources></file-sharing>`, kind, url)
}

func shared(url, space string) string {
	return fmt.Sprintf(`<reference xmlns='urn:xmpp:reference:0' type='data'><media-sharing xmlns='%s'>`+
		`<file xmlns='urn:xmpp:jingle:apps:file-transfer:5'><media-type>image/jpeg</media-type><desc>a view</desc></file>`+
		`<sources><reference xmlns='urn:xmpp:reference:0' type='data' uri='xmpp:romeo@example.org/x?jingle'/><reference xmlns='urn:xmpp:reference:0' type='data' uri='%s'/></sources>`+
		`</media-sharing></reference>`, space, url)
}

func oob(url string) string { return fmt.Sprintf(`<x xmlns='jabber:x:oob'><url>%s</url></x>`, url) }

func TestFilesOfAClientComeWithWhatIsSaidBesideThem(t *testing.T) {
	for _, tt := range []struct {
		name, stanza string
		text         string
		media        []string // "url type"
		asText       string   // where files can't be sent
	}{
		{"a link", "<body>" + pictureURL + "</body>" + oob(pictureURL), "", []string{pictureURL + " "}, pictureURL},
		{"no body", oob(pictureURL), "", []string{pictureURL + " "}, pictureURL},
		{"a caption", "<body>Look!</body>" + oob(pictureURL), "Look!", []string{pictureURL + " "}, "Look! " + pictureURL},
		{"a caption of lines", "<body>Look!\nThere!</body>" + oob(pictureURL), "Look!\nThere!", []string{pictureURL + " "}, "Look!\nThere!\n" + pictureURL},
		{"a caption with the link", "<body>Photo from the summit: " + pictureURL + "</body>" + sharing(pictureURL, "image/jpeg") + oob(pictureURL),
			"Photo from the summit:", []string{pictureURL + " image/jpeg"}, "Photo from the summit: " + pictureURL},
		{"several files", sharing(pictureURL, "image/jpeg") + sharing(voiceURL, "audio/amr"), "",
			[]string{pictureURL + " image/jpeg", voiceURL + " audio/amr"}, pictureURL + " " + voiceURL},
		{"a reference", "<body>Look!</body>" + shared(pictureURL, "urn:xmpp:sims:1"), "Look!", []string{pictureURL + " image/jpeg"}, "Look! " + pictureURL},
		{"a newer reference", shared(pictureURL, "urn:xmpp:sims:2"), "", []string{pictureURL + " image/jpeg"}, pictureURL},
		{"a link that nobody shares", "<body>" + pictureURL + "</body>", pictureURL, nil, pictureURL},
		{"another scheme", "<body>Call</body>" + oob("sip:juliet@example.org"), "Call sip:juliet@example.org", nil, "Call sip:juliet@example.org"},
		{"no link at all", "<body>Look!</body>" + oob("https://a b\nc"), "Look!", nil, "Look!"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			story(t, func(t *testing.T, w *world) {
				for _, carries := range []bool{true, false} {
					w.carries(carries)
					w.phones.forgetMessages()
					w.says(orchard, `<message to='%s' type='chat' id='1'>%s</message>`, phone, tt.stanza)
					w.settle()
					sent := w.phones.messages()
					if len(sent) != 1 {
						t.Fatalf("carries %v: sent %d messages", carries, len(sent))
					}
					got := sent[0]
					var media []string
					for _, m := range got.Media {
						media = append(media, m.URL+" "+m.Type)
					}
					wantText, wantMedia := tt.asText, ""
					if carries {
						wantText, wantMedia = tt.text, strings.Join(tt.media, ", ")
					}
					if got.Text != wantText || strings.Join(media, ", ") != wantMedia {
						t.Errorf("carries %v: sent %q with %q, want %q with %q", carries, got.Text, media, wantText, wantMedia)
					}
				}
			})
		})
	}
}

func TestEncryptedFileIsRefused(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.carries(true)
		const link = "aesgcm://files.example.org/a.jpg#0011"
		for _, content := range []string{"<body>" + link + "</body>", "<body>" + link + "</body>" + oob(link)} {
			w.says(orchard, `<message to='%s' type='chat' id='7'>%s</message>`, phone, content)
			w.Expect(Message(From(phone), ID("7"), StanzaError("modify", "not-acceptable"),
				Has("error/text", "This file is encrypted (OMEMO), so that nobody outside of XMPP can open it. Switch encryption off for this contact and send the file again.")))
		}
		if n := w.phones.callsOf("send"); n > 0 {
			t.Errorf("sent %d times", n)
		}
	})
}

func TestPhonesSayThatTheyTakeFiles(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.carries(true)
		w.says(orchard, `<iq to='%s' type='get' id='1'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`, phone)
		got := w.Expect(IQ(From(phone), Type("result")))
		features := strings.Join(Values(got, "{http://jabber.org/protocol/disco#info}query/feature@var"), " ")
		for _, want := range []string{"jabber:x:oob", "urn:xmpp:sfs:0", "urn:xmpp:sims:1"} {
			if !strings.Contains(features, want) {
				t.Errorf("%s is not in %s", want, features)
			}
		}
	})
}

func TestPictureInARoomIsShownAsOneToAllClients(t *testing.T) {
	story(t, func(t *testing.T, w *world) {
		w.joins(orchard, garden, "romeo")
		w.says(orchard, `<message to='%s' type='groupchat' id='1'><body>%s</body>%s</message>`, garden, pictureURL, oob(pictureURL))
		w.Expect(Message(To(orchard), Body(pictureURL), Has("{jabber:x:oob}x/{jabber:x:oob}url", pictureURL)))
		w.says(orchard, `<message to='%s' type='groupchat' id='2'><body>hello</body></message>`, garden)
		w.Expect(Message(To(orchard), Body("hello"), HasNot("{jabber:x:oob}x")))
	})
}

func TestArchivedFilesAreFilesStill(t *testing.T) {
	archiveStory(t, func(t *testing.T, w *world) {
		const juliet = "juliet@" + verona
		media := []transport.Media{{URL: pictureURL, Name: "summit.jpg", Type: "image/jpeg"}}
		w.says(orchard, `<message to='%s' type='chat' id='1'><body>%s</body>%s</message>`, juliet, voiceURL, oob(voiceURL))
		w.settle()
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", Media: media}})
		w.Expect(Message(From(juliet), Body(pictureURL)))
		w.verona.tells(romeo, transport.MessageReceived{Message: transport.Message{Chat: "juliet", Text: pictureURL}})
		w.Expect(Message(From(juliet), Body(pictureURL), HasNot("{jabber:x:oob}x")))
		w.joins(orchard, garden, "romeo")
		w.verona.speaks(inGarden, transport.Message{Nick: "juliet", Media: media})
		w.Expect(Message(Body(pictureURL), Has("{jabber:x:oob}x/{jabber:x:oob}url", pictureURL)))
		w.restarts()
		of := func(p page, i int, path string) string {
			return strings.Join(Values(p.forwarded[i], messagePath+path), " ")
		}
		const link, kind = "/{jabber:x:oob}x/url", "/{urn:xmpp:sfs:0}file-sharing/{urn:xmpp:file:metadata:0}file/media-type"
		p := w.reads(orchard, juliet, "")
		w.same("all", p, voiceURL+" "+pictureURL+" "+pictureURL)
		w.same("the user's own", of(p, 0, link), voiceURL)
		w.same("the picture", of(p, 1, link)+" "+of(p, 1, kind), pictureURL+" image/jpeg")
		w.same("what is no file", of(p, 2, link), "")
		p = w.reads(orchard, garden, "")
		w.same("the picture in the room", of(p, 0, link)+" "+of(p, 0, kind), pictureURL+" image/jpeg")
	})
}
