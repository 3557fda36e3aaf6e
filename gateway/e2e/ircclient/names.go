package ircclient

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Names asks the server who is in a channel and returns the nicks.
func (c *Client) Names(ctx context.Context, channel string) ([]string, error) {
	before, err := c.Lines("")
	if err != nil {
		return nil, err
	}
	if err := c.Raw("NAMES " + channel); err != nil {
		return nil, err
	}
	quoted := regexp.QuoteMeta(channel)
	entry := regexp.MustCompile(`(?i)^[=*@] ` + quoted + ` (.*)`) // RPL_NAMREPLY
	end := regexp.MustCompile(`(?i)^` + quoted + ` End of`)       // RPL_ENDOFNAMES
	for {
		lines, err := c.Lines("")
		if err != nil {
			return nil, err
		}
		var nicks []string
		for _, line := range lines[len(before):] {
			if m := entry.FindStringSubmatch(line.Text); m != nil {
				for _, nick := range strings.Fields(m[1]) {
					nicks = append(nicks, strings.TrimLeft(nick, "~&@%+"))
				}
			} else if end.MatchString(line.Text) {
				return nicks, nil
			}
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return nil, fmt.Errorf("names of %s: %w", channel, err)
		}
	}
}

// WaitGone waits until a nick is not in a channel, however it left. ii's own
// notes do not show that: it writes a QUIT to the server's file and says
// nothing of a PART whose channel comes after a colon, as InspIRCd writes it.
func (c *Client) WaitGone(ctx context.Context, channel, nick string) error {
	for {
		nicks, err := c.Names(ctx, channel)
		if err != nil {
			return err
		}
		if !slices.Contains(nicks, nick) {
			return nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("wait for %s to leave %s: %w; there are %v", nick, channel, err, nicks)
		}
	}
}

// pause waits, as nothing tells when ii has written more.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
