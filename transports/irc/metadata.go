package irc

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

const (
	metadataCap = "draft/metadata-2" // and batch, which it depends on

	faceBytes     = 512  // of one value that is kept
	facesLimit    = 5000 // people whose faces one link keeps
	strangerFaces = 1000 // and of those who are about to be seen
	syncLimit     = 5    // times that one target is asked for again
	syncPatience  = time.Hour
)

// faceKeys are what the server is asked to tell, what people see first in
// front: it may take only some (IRCv3 metadata, METADATA SUB).
var faceKeys = []string{"avatar", "display-name", "status", "pronouns", "homepage"}

// faceFields are what they set.
var faceFields = map[string]func(*transport.Face) *string{
	"avatar":       func(f *transport.Face) *string { return &f.Picture },
	"display-name": func(f *transport.Face) *string { return &f.Name },
	"status":       func(f *transport.Face) *string { return &f.Status },
	"pronouns":     func(f *transport.Face) *string { return &f.Pronouns },
	"homepage":     func(f *transport.Face) *string { return &f.Homepage },
}

// metadata is what a link knows of faces beside those who have them. The
// session's mutex guards it.
type metadata struct {
	faces     map[*user]*transport.Face  // of users
	strangers map[string]*transport.Face // by folded nick: the server tells them before it tells who is there
	iconTold  string
	syncs     map[string]*laterSync // by folded target
	syncAt    time.Time             // of the next one; zero: there is none
	isBot     bool
	realTold  string            // our real name as the server has it
	published map[string]string // what the user wants to be told of them, by key
}

// A laterSync is one that the server has put off.
type laterSync struct {
	target string
	at     time.Time // zero: it was asked for, and no answer came that puts it off again
	times  int
}

// beginFaces is called once the server can be asked.
func (l *link) beginFaces() {
	l.tellIcon()
	if l.caps.on.has(metadataCap) {
		l.sendFirst("METADATA", append([]string{"*", "SUB"}, faceKeys...)...)
		l.publish()
	}
	l.beABot()
}

// showAnew is called after the user has changed what others are to see. It needs
// mu.
func (l *link) showAnew() {
	if l.phase != online {
		return
	}
	l.publish()
	l.beABot()
	l.renameSelf(l.realName())
}

// renameSelf changes our real name, where the server can (IRCv3 setname). It
// needs mu.
func (l *link) renameSelf(name string) {
	if name == "" || name == l.realTold || l.realTold == "" || !l.caps.on.has("setname") {
		return
	}
	l.realTold = name
	l.sendLater("SETNAME", name)
}

// beginFacesLate is for a server that has learnt it meanwhile (IRCv3 cap-notify).
func (l *link) beginFacesLate() {
	l.beginFaces()
	for _, ch := range l.channels {
		if ch.state == joined {
			l.sendLater("METADATA", ch.name, "SYNC")
		}
	}
}

// receiveMetadata handles METADATA target key visibility [value]; without a
// value there is none any more.
func receiveMetadata(l *link, m *message) error {
	l.learnFace(m.param(0), m.param(1), valueAfter(m, 3))
	return nil
}

// receiveMetadataReply handles 761 and 760: nick, target, key, visibility,
// [value].
func receiveMetadataReply(l *link, m *message) error {
	value := valueAfter(m, 4)
	if a := l.openAsk("WHOIS", m.param(1)); a != nil {
		a.profile.Face, _ = withFace(a.profile.Face, m.param(2), value)
	}
	l.learnFace(m.param(1), m.param(2), value)
	return nil
}

// receiveNoMetadata handles 766: nick, target, key, text.
func receiveNoMetadata(l *link, m *message) error {
	l.learnFace(m.param(1), m.param(2), "")
	return nil
}

func valueAfter(m *message, i int) string {
	return strings.TrimSpace(upTo(clean(m.param(i)), faceBytes))
}

// withFace gives the face with another value. Changed is false if it is as it was,
// or the key is none of ours.
func withFace(was *transport.Face, key, value string) (face *transport.Face, changed bool) {
	field := faceFields[strings.ToLower(key)]
	if field == nil || was == nil && value == "" {
		return was, false
	}
	is := transport.Face{}
	if was != nil {
		is = *was
	}
	*field(&is) = uniqueText(value).Value() // a thousand links see the same people
	if was != nil && is == *was {
		return was, false
	}
	return &is, true
}

// learnFace takes one value.
func (l *link) learnFace(target, key, value string) {
	if target == "*" {
		target = l.nick
	}
	if name := l.nameParam(target); l.isChannel(name) {
		if ch := l.channel(name); ch != nil {
			if ch.face, _ = withFace(ch.face, key, value); ch.shown() {
				l.tellRoomFace(ch)
			}
		}
		return
	}
	folded := l.is.fold(target)
	u := l.users[folded]
	if w := l.watched[folded]; w != nil {
		face, _ := withFace(w.face, key, value)
		l.showsFace(w, face)
	}
	if u == nil {
		l.learnStranger(folded, key, value)
		return
	}
	was := l.faces[u]
	face, changed := withFace(was, key, value)
	if !changed || was == nil && len(l.faces) >= facesLimit {
		return
	}
	l.setFace(u, face)
	l.changedEverywhere(u)
}

// faceOf gives what is known of somebody's face.
func (l *link) faceOf(nick string) *transport.Face {
	key := l.is.fold(nick)
	if u := l.users[key]; u != nil {
		return l.faces[u]
	}
	if w := l.watched[key]; w != nil {
		return w.face
	}
	return nil
}

// learnStranger keeps a face of somebody who is in a channel whose names are
// coming.
func (l *link) learnStranger(folded, key, value string) {
	coming := false
	for _, ch := range l.channels {
		coming = coming || ch.state == joining || ch.state == entering
	}
	was := l.strangers[folded]
	if !coming || was == nil && len(l.strangers) >= strangerFaces {
		return
	}
	if face, changed := withFace(was, key, value); changed {
		if l.strangers == nil {
			l.strangers = map[string]*transport.Face{}
		}
		l.strangers[folded] = face
	}
}

// recognize gives a face that was told before to whom it belongs.
func (l *link) recognize(u *user, folded string) {
	face := l.strangers[folded]
	if w := l.watched[folded]; w != nil && face == nil {
		face = w.face
	}
	if face != nil && len(l.faces) < facesLimit {
		l.setFace(u, face)
		delete(l.strangers, folded)
	}
}

// forgetStrangers is called when a channel is complete.
func (l *link) forgetStrangers() {
	for _, ch := range l.channels {
		if ch.state == joining || ch.state == entering {
			return
		}
	}
	l.strangers = nil
}

// setFace keeps the face of somebody, until they are forgotten. Few have one.
func (l *link) setFace(u *user, face *transport.Face) {
	switch {
	case face == nil:
		delete(l.faces, u)
	case l.faces == nil:
		l.faces = map[*user]*transport.Face{u: face}
	default:
		l.faces[u] = face
	}
}

// showsFace tells of the face of somebody who is watched, if that is news.
func (l *link) showsFace(w *sighting, face *transport.Face) {
	if sameFace(w.face, face) {
		return
	}
	if w.face = face; w.who != "" {
		l.emit(transport.FaceChanged{Of: w.who, Face: face})
	}
}

// tellRoomFace tells of the face of a channel, if that is news.
func (l *link) tellRoomFace(ch *channel) {
	if !sameFace(ch.faceTold, ch.face) {
		ch.faceTold = ch.face
		l.emit(transport.FaceChanged{Of: ch.address, Face: ch.face})
	}
}

func sameFace(a, b *transport.Face) bool { return a == b || a != nil && b != nil && *a == *b }

// iconToken is the picture of the network (IRCv3 network-icon).
func iconToken(is, _ *isupport, value string, negated bool) {
	if is.icon = clean(value); negated || len(is.icon) > faceBytes {
		is.icon = ""
	}
}

// tellIcon tells of it, if that is news.
func (l *link) tellIcon() {
	if l.phase != online || l.is.icon == l.iconTold {
		return
	}
	l.iconTold = l.is.icon
	l.emit(transport.FaceChanged{Of: l.address, Face: &transport.Face{Picture: l.is.icon}})
}

// receiveSyncLater handles 774: nick, target, [seconds]. The server wants to be
// asked again (IRCv3 metadata, Postponed synchronization).
func receiveSyncLater(l *link, m *message) error {
	folded := l.is.fold(m.param(1))
	ch := l.channels[folded]
	if !l.caps.on.has(metadataCap) || ch == nil {
		return nil
	}
	s := l.syncs[folded]
	if s == nil {
		s = &laterSync{target: m.param(1)}
		if l.syncs == nil {
			l.syncs = map[string]*laterSync{}
		}
		l.syncs[folded] = s
	}
	if s.times++; s.times > syncLimit {
		return nil
	}
	wait := 10 * time.Second << (s.times - 1)
	if seconds, err := strconv.Atoi(m.param(2)); err == nil && seconds > 0 {
		wait = min(time.Duration(min(seconds, 1<<20))*time.Second, syncPatience)
	}
	s.at = time.Now().Add(wait + rand.N(wait/4+1)) // not all users of a channel at once
	l.nextSync()
	return nil
}

func (l *link) nextSync() {
	l.syncAt = time.Time{}
	for _, s := range l.syncs {
		if !s.at.IsZero() && (l.syncAt.IsZero() || s.at.Before(l.syncAt)) {
			l.syncAt = s.at
		}
	}
	l.arm()
}

// syncsDue asks for what was put off. A channel that is not there any more has
// no face to be asked for.
func (l *link) syncsDue(now time.Time) {
	if l.syncAt.IsZero() || now.Before(l.syncAt) {
		return
	}
	for folded, s := range l.syncs {
		switch {
		case l.channels[folded] == nil:
			delete(l.syncs, folded)
		case !s.at.IsZero() && !now.Before(s.at):
			s.at = time.Time{}
			l.sendLater("METADATA", s.target, "SYNC")
		}
	}
	l.nextSync()
}

// metadataRefused takes FAIL METADATA code context :text. Only what the user
// wants to be told of them is for the user to know.
func (l *link) metadataRefused(m *message) bool {
	if m.param(0) != "METADATA" || l.openAnswer("METADATA") != nil { // which they asked themselves
		return false
	}
	// The key comes before the target or behind it, by the code and by the server.
	isOurs := func(p string) bool { _, ours := l.published[strings.ToLower(p)]; return ours }
	at := slices.IndexFunc(m.Params[:max(len(m.Params)-1, 0)], isOurs)
	switch {
	case m.code() == "TOO_MANY_SUBS", len(l.published) == 0:
	case at > 1:
		key := strings.ToLower(m.param(at))
		delete(l.published, key)
		l.console("Your " + key + " is not shown on " + l.server.name + ": " + m.text())
	case m.code() == "LIMIT_REACHED" || m.code() == "VALUE_INVALID": // which name none
		l.published = nil
		l.console("What you want to be shown on " + l.server.name + " is not, or not all of it: " + m.text())
	}
	return true
}

// publish sets what the user wants to be told of them (METADATA SET): "-" takes
// it back, as the server may keep it for their account. It needs mu.
func (l *link) publish() {
	if !l.caps.on.has(metadataCap) {
		return
	}
	for _, key := range faceKeys {
		value := l.own(key)
		if value == "" || l.published[key] == value {
			continue
		}
		if l.published == nil {
			l.published = map[string]string{}
		}
		l.published[key] = value
		if value == "-" {
			l.sendFirst("METADATA", "*", "SET", key)
		} else {
			l.sendFirst("METADATA", "*", "SET", key, value)
		}
	}
}

// receiveSetname handles SETNAME (IRCv3 setname): what WHOIS told is over.
func receiveSetname(l *link, m *message) error {
	if validNick(m.nick) && !l.isChannel(m.nick) {
		l.emit(transport.ProfileChanged{Who: l.network.address(l.server, m.nick)})
	}
	return nil
}
