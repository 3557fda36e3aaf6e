package e2e

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"image"
	"image/color"
	"image/draw"
	_ "image/jpeg" // is read
	"image/png"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/ergochat/irc-go/ircmsg"

	"gatehouse/gateway/e2e/ircv3server"
	"gatehouse/gateway/e2e/servers"
	"gatehouse/gateway/e2e/xmppclient"
)

const avatars = "vcard-temp:x:update"

// pictured matches a presence that tells of a picture.
func pictured(s xmppclient.Stanza) bool {
	x := s.FindNS(avatars, "x")
	return x != nil && x.Find("photo") != nil && x.Find("photo").Text != ""
}

// looksUp gives the hash of the picture in somebody's vCard, which must be one.
func (p *person) looksUp(who string) string {
	p.t.Helper()
	s := p.asks(who, "get", `<vCard xmlns="vcard-temp"/>`)
	e := s.Find("vCard", "PHOTO", "BINVAL")
	if e == nil {
		p.t.Fatalf("no picture: %s", s)
	}
	content, err := base64.StdEncoding.DecodeString(strings.TrimSpace(e.Text))
	check(p.t, err)
	if _, format, err := image.Decode(bytes.NewReader(content)); err != nil || format != "jpeg" {
		p.t.Fatalf("the picture is %q: %v", format, err)
	}
	sum := sha1.Sum(content)
	return hex.EncodeToString(sum[:])
}

// Faces of people, of a channel and of a network are fetched once, and seen by
// all; one's own is told on IRC.
func TestFacesOfIRCAreSeen(t *testing.T) {
	w := newWorld(t)
	w.onProsody(servers.ProsodyOptions{})
	var fetched atomic.Int32
	gallery := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		fetched.Add(1)
		m := image.NewRGBA(image.Rect(0, 0, 300, 200))
		draw.Draw(m, m.Bounds(), image.NewUniform(color.RGBA{200, 0, byte(len(r.URL.Path)), 255}), image.Point{}, draw.Src)
		check(t, png.Encode(answer, m))
	}))
	defer gallery.Close()
	metadata := &ircv3server.Metadata{}
	commands, told := metadata.Commands(), make(chan string, 100)
	for _, name := range []string{"MODE", "SETNAME"} {
		commands[name] = func(c *ircv3server.Client, m ircmsg.Message) {
			if len(m.Params) > 0 && m.Params[0] != channel {
				told <- name + " " + strings.Join(m.Params, " ")
			}
			if name == "MODE" {
				c.Default(m)
			}
		}
	}
	address := w.ircv3(ircv3server.Options{
		Caps:     ircv3server.Common("draft/metadata-2=max-subs=10", "setname"),
		ISupport: []string{"BOT=B", "draft/ICON=" + gallery.URL + "/net.png"},
		Commands: commands,
	}).Addr()
	juliet := w.native(address, "juliet", channel, "message-tags batch draft/metadata-2")
	juliet.sends("METADATA * SUB avatar display-name", "METADATA * SET avatar "+gallery.URL+"/juliet.png?s={size}",
		"METADATA * SET display-name :Juliet C.", "METADATA "+channel+" SET avatar "+gallery.URL+"/garden.png")
	juliet.gets(" 761 ", "garden.png")
	w.start("[fetch]\nallow_private = [\"127.0.0.0/8\"]\n", w.irc(plain("verona", address)))
	romeo, benvolio := w.logIn("romeo", "orchard"), w.logIn("benvolio", "street")
	romeo.joins(room, "romeo")
	seen := romeo.gets(presence, from(room+"/juliet"), pictured)
	hash := seen.FindNS(avatars, "x").Find("photo").Text
	if name := seen.FindNS("http://jabber.org/protocol/nick", "nick"); name == nil || name.Text != "Juliet C." {
		t.Errorf("her name is not in %s", seen)
	}
	romeo.gets(message, from(room), status("104"))
	if got := romeo.looksUp(room + "/juliet"); got != hash {
		t.Errorf("juliet's vCard has the picture %s, her presence %s", got, hash)
	}
	info := romeo.asks(room, "get", `<query xmlns="http://jabber.org/protocol/disco#info"/>`)
	if got := romeo.looksUp(room); !strings.Contains(info.String(), got) {
		t.Errorf("the channel's picture %s is not in %s", got, info)
	}
	if romeo.looksUp(console) == hash {
		t.Error("the network has juliet's picture")
	}
	benvolio.joins(room, "benvolio")
	if n := fetched.Load(); n != 3 {
		t.Errorf("%d pictures were fetched, want juliet's, the channel's and the network's once", n)
	}
	juliet.sends("METADATA * SET avatar")
	romeo.gets(presence, from(room+"/juliet"), func(s xmppclient.Stanza) bool { return !pictured(s) && s.FindNS(avatars, "x") != nil })

	romeo.configures(console, "avatar", gallery.URL+"/romeo.png")
	juliet.gets("METADATA romeo avatar *", gallery.URL+"/romeo.png")

	romeo.configures(console, "bot", "true", "realname", "Romeo Montague")
	for _, want := range []string{"MODE romeo +B", "SETNAME Romeo Montague"} {
		select {
		case got := <-told:
			if got != want {
				t.Errorf("the server is told %q, want %q", got, want)
			}
		case <-limited(t).Done():
			t.Fatalf("the server is not told %q", want)
		}
	}

	publish := `<pubsub xmlns="http://jabber.org/protocol/pubsub"><publish node="urn:xmpp:avatar:metadata"><item id="abc"><metadata xmlns="urn:xmpp:avatar:metadata">` +
		`<info bytes="1" id="abc" type="image/png" url="` + gallery.URL + `/benvolio.png"/></metadata></item></publish><publish-options>` +
		`<x xmlns="jabber:x:data" type="submit"><field var="FORM_TYPE" type="hidden"><value>http://jabber.org/protocol/pubsub#publish-options</value></field>` +
		`<field var="pubsub#access_model"><value>open</value></field></x></publish-options></pubsub>`
	if answer := benvolio.asks("", "set", publish); answer.Type() != "result" {
		t.Fatalf("his avatar is not published: %s", answer)
	}
	benvolio.configures(console, "follow_profile", "true", "display_name", "Ben")
	juliet.gets("METADATA benvolio display-name *", "Ben")
	check(t, benvolio.Send(`<presence to="`+room+`/benvolio"><x xmlns="`+avatars+`"><photo>abc</photo></x></presence>`))
	juliet.gets("METADATA benvolio avatar *", gallery.URL+"/benvolio.png")
}
