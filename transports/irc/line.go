package irc

import (
	"errors"
	"strings"

	"github.com/ergochat/irc-go/ircmsg"
)

var errBadLine = errors.New("parameter that an IRC line can't have")

var lineEnds = strings.NewReplacer("\r\n", " ", "\r", " ", "\n", " ", "\x00", "")

// line makes the bytes of one line with its CR LF: the only place that does.
// The last parameter may be any text: line ends in it become spaces, and it is
// cut at the limit. Another that would not stay one parameter, or not whole, is
// an error.
func line(limit int, command string, params ...string) ([]byte, error) {
	if command == "" || strings.ContainsFunc(command, func(r rune) bool {
		return !(r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')
	}) {
		return nil, errBadLine
	}
	params = append([]string(nil), params...)
	if last := len(params) - 1; last >= 0 {
		params[last] = lineEnds.Replace(params[last])
	}
	m := ircmsg.MakeMessage(nil, "", command, params...)
	b, err := m.LineBytesStrict(true, limit)
	if err != nil && !errors.Is(err, ircmsg.ErrorBodyTooLong) {
		return nil, errors.Join(errBadLine, err)
	}
	whole := len(command) + len(" :\r\n")
	for _, p := range params[:max(len(params)-1, 0)] {
		whole += 1 + len(p)
	}
	if err != nil && whole > limit {
		return nil, errors.Join(errBadLine, err)
	}
	return b, nil
}
