package irc

import (
	"net/url"

	"gatehouse/gateway/transport"
)

// faceSettings are those of what others see of the user.
var faceSettings = []setting{
	{
		name: "display_name", label: "Name to be shown beside your nick", typ: transport.Text, places: atServer,
		help:  "Networks with METADATA tell it to others. - takes it back.",
		check: checkText(100), hidden: namesAreFixed,
	},
	{
		name: "avatar", label: "Address of your picture", typ: transport.Text, places: atServer,
		help:  "An https link, which networks with METADATA tell to others, whose clients fetch it. {size} in it stands for the size wanted. - takes it back.",
		check: checkPicture,
	},
	{
		name: "follow_profile", label: "Show who you are on XMPP", typ: transport.Bool, places: atServer,
		help:  "Whether the name of your XMPP profile is your real name here, where you have set none, and an avatar that you publish with a web address is shown, on networks that can. It is looked up now and then.",
		check: checkBool, standard: always("false"),
	},
	{
		name: "bot", label: "You are a bot", typ: transport.Bool, places: atServer,
		help:  "Whether others are told so, on networks with a mode for it.",
		check: checkBool, standard: always("false"),
	},
}

func checkPicture(values []string) ([]string, string) {
	kept, complaint := checkText(faceBytes - 200)(values)
	if len(kept) == 0 || kept[0] == "-" {
		return kept, complaint
	}
	if u, err := url.Parse(kept[0]); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
		return nil, "It is no link to a picture, such as https://example.org/me.png."
	}
	return kept, complaint
}

// faces lays what the user wants to be told of them out by METADATA's keys.
func (set *linkSettings) showFaces(n *network, v transport.Values) {
	show := func(key, value string) {
		if value == "" {
			return
		}
		if set.faces == nil {
			set.faces = map[string]string{}
		}
		set.faces[key] = value
	}
	show("avatar", v.Get("avatar"))
	if !n.namesFixed {
		show("display-name", v.Get("display_name"))
	}
	set.bot = v.Get("bot") == "true"
	set.follow = v.Get("follow_profile") == "true"
	set.names = !n.namesFixed
}

// beABot sets the mode that marks bots, or takes it off (IRCv3 bot-mode). It
// needs mu.
func (l *link) beABot() {
	if l.set.bot == l.isBot || len(l.is.bot) != 1 {
		return
	}
	l.isBot = l.set.bot
	sign := "-"
	if l.isBot {
		sign = "+"
	}
	l.sendFirst("MODE", l.nick, sign+l.is.bot)
}
