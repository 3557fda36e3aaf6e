package irc

import "gatehouse/gateway/transport"

var _ transport.Portraying = (*session)(nil)

// Portrays implements transport.Portraying.
func (s *session) Portrays() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.links {
		if l.phase == online && l.set.follow && (l.caps.on.has(metadataCap) || l.caps.on.has("setname")) {
			return true
		}
	}
	return false
}

// Portray implements transport.Portraying.
func (s *session) Portray(f transport.Face) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, complaint := checkPicture([]string{f.Picture}); complaint != "" {
		f.Picture = ""
	}
	if kept, _ := checkText(100)([]string{f.Name}); len(kept) == 0 {
		f.Name = ""
	}
	s.portrait = &f
	for _, l := range s.links {
		l.showAnew()
	}
}

// own gives what is to be told of the user under a key of METADATA: what they
// have set, or else what they are on XMPP. "-" takes back what was told. It needs
// mu.
func (l *link) own(key string) string {
	f := l.session.portrait
	field := faceFields[key]
	if value := l.set.faces[key]; value != "" || !l.set.follow || f == nil || key == "display-name" && !l.set.names {
		return value
	}
	if value := *field(f); value != "" || l.published[key] == "" {
		return value
	}
	return "-"
}
