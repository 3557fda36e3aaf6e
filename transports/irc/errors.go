package irc

import (
	"fmt"
	"strings"

	"gatehouse/gateway/transport"
)

// A refusal says what an error numeric means, and to which commands it may be
// the answer, separated by spaces.
type refusal struct {
	reason   transport.Reason
	commands string
}

// refusals is the table of numerics that refuse something
// (modern.ircdocs.horse/#numerics, RFC 2812 §5.2, Solanum and InspIRCd for
// those that are theirs).
var refusals = map[string]refusal{
	"263": {transport.RateLimited, "JOIN PRIVMSG NICK TOPIC MODE INVITE"},            // RPL_TRYAGAIN
	"401": {transport.RecipientUnavailable, "PRIVMSG KICK MODE INVITE"},              // ERR_NOSUCHNICK
	"402": {transport.NotFound, "PRIVMSG"},                                           // ERR_NOSUCHSERVER
	"403": {transport.NotFound, "JOIN PART PRIVMSG KICK MODE TOPIC INVITE RENAME"},   // ERR_NOSUCHCHANNEL
	"404": {transport.Forbidden, "PRIVMSG"},                                          // ERR_CANNOTSENDTOCHAN
	"405": {transport.TooMany, "JOIN"},                                               // ERR_TOOMANYCHANNELS
	"406": {transport.NotFound, "PRIVMSG"},                                           // ERR_WASNOSUCHNICK
	"407": {transport.TooMany, "JOIN PRIVMSG"},                                       // ERR_TOOMANYTARGETS
	"408": {transport.Policy, "PRIVMSG"},                                             // no colours on this channel
	"411": {transport.BadRequest, "PRIVMSG"},                                         // ERR_NORECIPIENT
	"412": {transport.BadRequest, "PRIVMSG"},                                         // ERR_NOTEXTTOSEND
	"413": {transport.BadRequest, "PRIVMSG"},                                         // ERR_NOTOPLEVEL
	"414": {transport.BadRequest, "PRIVMSG"},                                         // ERR_WILDTOPLEVEL
	"415": {transport.Forbidden, "PRIVMSG"},                                          // cannot send: registered users only
	"417": {transport.TooLong, "PRIVMSG TOPIC"},                                      // ERR_INPUTTOOLONG
	"421": {transport.Unsupported, "KICK MODE TOPIC NICK JOIN RENAME"},               // ERR_UNKNOWNCOMMAND
	"431": {transport.BadNick, "NICK"},                                               // ERR_NONICKNAMEGIVEN
	"432": {transport.BadNick, "NICK"},                                               // ERR_ERRONEUSNICKNAME
	"433": {transport.Conflict, "NICK"},                                              // ERR_NICKNAMEINUSE
	"435": {transport.Forbidden, "NICK"},                                             // ERR_BANONCHAN
	"436": {transport.Conflict, "NICK"},                                              // ERR_NICKCOLLISION
	"437": {transport.Conflict, "NICK JOIN"},                                         // ERR_UNAVAILRESOURCE
	"438": {transport.RateLimited, "NICK"},                                           // ERR_NICKTOOFAST
	"439": {transport.RateLimited, "PRIVMSG JOIN"},                                   // ERR_TARGETTOOFAST
	"441": {transport.NotFound, "KICK MODE"},                                         // ERR_USERNOTINCHANNEL
	"442": {transport.NotJoined, "PART KICK MODE TOPIC INVITE RENAME"},               // ERR_NOTONCHANNEL
	"447": {transport.NotAllowed, "NICK"},                                            // nicks can't be changed on this channel
	"448": {transport.BadAddress, "JOIN"},                                            // ERR_FORBIDDENCHANNEL
	"461": {transport.BadRequest, "JOIN KICK MODE TOPIC NICK PRIVMSG INVITE RENAME"}, // ERR_NEEDMOREPARAMS
	"467": {transport.Conflict, "MODE"},                                              // ERR_KEYSET
	"470": {transport.Moved, "JOIN"},                                                 // ERR_LINKCHANNEL
	"471": {transport.TooMany, "JOIN"},                                               // ERR_CHANNELISFULL
	"472": {transport.Unsupported, "MODE"},                                           // ERR_UNKNOWNMODE
	"473": {transport.MembersOnly, "JOIN"},                                           // ERR_INVITEONLYCHAN
	"474": {transport.BannedFrom, "JOIN"},                                            // ERR_BANNEDFROMCHAN
	"475": {transport.NotAuthorized, "JOIN"},                                         // ERR_BADCHANNELKEY
	"476": {transport.BadAddress, "JOIN"},                                            // ERR_BADCHANMASK
	"477": {transport.MembersOnly, "JOIN PRIVMSG"},                                   // ERR_NEEDREGGEDNICK
	"478": {transport.TooMany, "MODE"},                                               // ERR_BANLISTFULL
	"479": {transport.BadAddress, "JOIN"},                                            // ERR_BADCHANNAME
	"480": {transport.RateLimited, "JOIN"},                                           // ERR_THROTTLE
	"481": {transport.Forbidden, "KICK MODE TOPIC JOIN PRIVMSG RENAME"},              // ERR_NOPRIVILEGES
	"482": {transport.Forbidden, "KICK MODE TOPIC INVITE RENAME"},                    // ERR_CHANOPRIVSNEEDED
	"484": {transport.NotAllowed, "KICK MODE NICK"},                                  // ERR_RESTRICTED, ERR_ISCHANSERVICE
	"485": {transport.NotAllowed, "KICK MODE JOIN INVITE"},                           // ERR_UNIQOPRIVSNEEDED, ERR_ISREALSERVICE
	"486": {transport.Forbidden, "PRIVMSG"},                                          // ERR_NONONREG
	"489": {transport.NotAllowed, "JOIN"},                                            // ERR_SECUREONLYCHAN
	"492": {transport.Policy, "PRIVMSG"},                                             // ERR_NOCTCP
	"494": {transport.Forbidden, "PRIVMSG"},                                          // ERR_OWNMODE
	"495": {transport.RateLimited, "JOIN"},                                           // ERR_DELAYREJOIN
	"499": {transport.Forbidden, "MODE"},                                             // ERR_CHANOWNPRIVNEEDED
	"500": {transport.RateLimited, "JOIN"},                                           // ERR_TOOMANYJOINS
	"501": {transport.Unsupported, "MODE"},                                           // ERR_UMODEUNKNOWNFLAG
	"502": {transport.Forbidden, "MODE"},                                             // ERR_USERSDONTMATCH
	"520": {transport.NotAllowed, "JOIN"},                                            // ERR_OPERONLY
	"531": {transport.Forbidden, "PRIVMSG"},                                          // ERR_CANTSENDTOUSER
	"609": {transport.RateLimited, "JOIN"},                                           // join throttled
	"696": {transport.BadRequest, "MODE JOIN"},                                       // ERR_INVALIDMODEPARAM
	"716": {transport.Forbidden, "PRIVMSG"},                                          // ERR_TARGUMODEG
	"926": {transport.NotAllowed, "JOIN"},                                            // ERR_BADCHANNEL
	"972": {transport.NotAllowed, "MODE KICK"},                                       // ERR_CANNOTDOCOMMAND
	"974": {transport.NotAllowed, "MODE"},                                            // ERR_CANNOTCHANGECHANMODE
}

// registrationRefusals end the registration of a link. Those that another
// try can't help are permanent.
var registrationRefusals = map[string]struct {
	reason    transport.Reason
	permanent bool
}{
	"432": {transport.BadNick, true},
	"463": {transport.Forbidden, true},     // ERR_NOPERMFORHOST
	"464": {transport.NotAuthorized, true}, // ERR_PASSWDMISMATCH
	"465": {transport.Forbidden, true},     // ERR_YOUREBANNEDCREEP
	"466": {transport.Forbidden, false},    // ERR_YOUWILLBEBANNED
	"447": {transport.BadNick, true},       // nick refused by a rule
	"468": {transport.BadRequest, true},    // ERR_INVALIDUSERNAME
	"010": {transport.Unreachable, false},  // RPL_BOUNCE
}

// err is the refusal as the user gets it; text is the server's.
func (r refusal) err(numeric, text string) *transport.Error {
	return &transport.Error{Reason: r.reason, Text: text, Code: numeric}
}

func (r refusal) answers(command string) bool {
	for c := range strings.FieldsSeq(r.commands) {
		if c == command {
			return true
		}
	}
	return false
}

func refuse(reason transport.Reason, format string, args ...any) *transport.Error {
	return &transport.Error{Reason: reason, Text: fmt.Sprintf(format, args...)}
}
