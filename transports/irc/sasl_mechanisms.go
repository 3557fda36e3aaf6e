package irc

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/xdg-go/scram"
)

// A saslMechanism is the client's side of one login. Its errors are shown to
// the user.
type saslMechanism interface {
	respond(challenge []byte) ([]byte, error)
	// proven says that the server did its part.
	proven() bool
}

var saslMechanisms = map[string]func(login string, s saslSettings) saslMechanism{
	// RFC 4616 §2: no authorization identity, so that of the login.
	"PLAIN": func(login string, s saslSettings) saslMechanism {
		return &oneResponse{text: "\x00" + login + "\x00" + s.password.Reveal()}
	},
	// RFC 4422 appendix A: an empty identity is the one of the certificate.
	"EXTERNAL": func(_ string, s saslSettings) saslMechanism { return &oneResponse{text: s.login} },
	"SCRAM-SHA-256": func(login string, s saslSettings) saslMechanism {
		client, err := scram.SHA256.NewClient(login, s.password.Reveal(), "")
		if err != nil {
			return failedMechanism{errors.New("the account or the password has characters that can't be in one")}
		}
		return &scramMechanism{conversation: client.NewConversation()}
	},
}

// oneResponse answers an empty challenge.
type oneResponse struct {
	text string
	said bool
}

func (r *oneResponse) respond(challenge []byte) ([]byte, error) {
	if r.said || len(challenge) > 0 {
		return nil, errChallenge
	}
	r.said = true
	return []byte(r.text), nil
}

func (*oneResponse) proven() bool { return true }

// iterationsLimit bounds the work that a server can make us do: it is ten
// times what servers ask for.
const iterationsLimit = 250_000

// A scramMechanism is SCRAM (RFC 5802, RFC 7677).
type scramMechanism struct {
	conversation *scram.ClientConversation
	steps        int
}

func (s *scramMechanism) respond(challenge []byte) ([]byte, error) {
	s.steps++
	if s.steps > 3 || s.steps == 1 && len(challenge) > 0 {
		return nil, errChallenge
	}
	if s.steps == 2 {
		if n := iterations(string(challenge)); n > iterationsLimit {
			return nil, fmt.Errorf("the server asks for %d rounds of hashing; more than %d are too many", n, iterationsLimit)
		}
	}
	response, err := s.conversation.Step(string(challenge))
	if err != nil {
		return nil, fmt.Errorf("SCRAM failed: %w", err)
	}
	return []byte(response), nil
}

func (s *scramMechanism) proven() bool { return s.conversation.Valid() }

// iterations reads the count of a server-first-message (RFC 5802 §5.1).
func iterations(first string) int {
	for attribute := range strings.SplitSeq(first, ",") {
		if text, ok := strings.CutPrefix(attribute, "i="); ok {
			if n, err := strconv.Atoi(text); err == nil {
				return n
			}
			return iterationsLimit + 1
		}
	}
	return 0
}

// A failedMechanism is one that we gave up.
type failedMechanism struct{ err error }

func (f failedMechanism) respond([]byte) ([]byte, error) { return nil, f.err }
func (failedMechanism) proven() bool                     { return false }
