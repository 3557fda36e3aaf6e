// Package ircclient drives ii, an IRC client that this project did not write,
// as a person on IRC in end-to-end tests. ii speaks plain RFC 1459 without
// IRCv3; it takes commands from FIFOs and writes what it sees to files.
package ircclient

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"gatehouse/gateway/e2e/servers"
)

// maxCommand is what fits into one line of ii with room for the prefix that a
// server adds (RFC 2812 §2.3).
const maxCommand = 440

// A Client is one connected ii.
type Client struct {
	*servers.Server
	Nick string // the one it started with
	root string // ii's folder for this server

	mu   sync.Mutex
	read map[string]int // channel → lines that WaitLine went past
}

// A Line is one line that ii wrote.
type Line struct {
	Time time.Time
	From string // nick, empty for joins, parts and other notes
	Text string // CTCP and formatting as they came
}

// Start connects to an IRC server without TLS and waits for its welcome.
func Start(ctx context.Context, dir, addr, nick string) (*Client, error) {
	path, err := servers.Program("ii")
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("address of the IRC server: %w", err)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	c := &Client{Nick: nick, root: filepath.Join(dir, host), read: make(map[string]int)}
	command := func() *exec.Cmd {
		return exec.Command(path, "-s", host, "-p", port, "-n", nick, "-f", nick, "-i", dir)
	}
	c.Server, err = servers.Run(ctx, "ii-"+nick, dir, command, c.welcomed)
	if err != nil {
		return nil, err
	}
	return c, nil
}

var (
	welcome = regexp.MustCompile(`(?i)welcome to`)
	refused = regexp.MustCompile(`(?i)in use|erroneous nickname|closing link|^ERROR`)
)

// welcomed waits until the server has registered the nick.
func (c *Client) welcomed(ctx context.Context) error {
	line, err := c.WaitLine(ctx, "", regexp.MustCompile(welcome.String()+"|"+refused.String()))
	if err != nil {
		return err
	}
	if !welcome.MatchString(line.Text) {
		return fmt.Errorf("refused: %s", line.Text)
	}
	return nil
}

// Raw sends one line to the server as it is, without CR LF.
func (c *Client) Raw(line string) error {
	if strings.ContainsAny(line, "\r\n\x00") || len(line) > maxCommand {
		return fmt.Errorf("send: a line has no CR, LF or NUL and at most %d bytes", maxCommand)
	}
	in, err := c.openIn()
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	defer in.Close()
	// What begins with a slash and more than one letter goes out as it is.
	_, err = in.WriteString("/" + line + "\n")
	return err
}

// openIn opens what ii reads. Between two of its reads nobody has it open.
func (c *Client) openIn() (in *os.File, err error) {
	for range 100 {
		in, err = os.OpenFile(filepath.Join(c.root, "in"), os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if !errors.Is(err, syscall.ENXIO) {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return in, err
}

// Say sends a message to a channel or a person.
func (c *Client) Say(to, text string) error { return c.Raw("PRIVMSG " + to + " :" + text) }

// Join joins a channel and returns once the server has said so.
func (c *Client) Join(ctx context.Context, channel string) error {
	if err := c.Raw("JOIN " + channel); err != nil {
		return err
	}
	_, err := c.WaitLine(ctx, channel, regexp.MustCompile(`^`+regexp.QuoteMeta(c.Nick)+`\(.*\) has joined`))
	return err
}

// Part leaves a channel.
func (c *Client) Part(channel, reason string) error { return c.Raw("PART " + channel + " :" + reason) }

// Quit leaves the server with a reason.
func (c *Client) Quit(reason string) error { return c.Raw("QUIT :" + reason) }

// Lines returns all lines of a channel or of the talk with a person, from the
// first; the empty name is for what the server itself says.
func (c *Client) Lines(channel string) ([]Line, error) {
	text, err := os.ReadFile(filepath.Join(c.root, folderName(channel), "out"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var lines []Line
	for {
		// ii may be in the middle of the last line.
		line, rest, whole := strings.Cut(string(text), "\n")
		if !whole {
			return lines, nil
		}
		lines = append(lines, parse(line))
		text = []byte(rest)
	}
}

// WaitLine waits for a line whose text matches and returns it. Lines are
// looked at once, in their order: the next call goes on after this line. For
// somebody leaving use WaitGone.
func (c *Client) WaitLine(ctx context.Context, channel string, text *regexp.Regexp) (Line, error) {
	return c.wait(ctx, channel, text.String(), func(l Line) bool { return text.MatchString(l.Text) })
}

// WaitSaid waits for a message with exactly this text from a nick, as WaitLine
// does. The channel of a private talk is the other's nick.
func (c *Client) WaitSaid(ctx context.Context, channel, from, text string) error {
	_, err := c.wait(ctx, channel, "<"+from+"> "+text, func(l Line) bool { return l.From == from && l.Text == text })
	return err
}

func (c *Client) wait(ctx context.Context, channel, what string, match func(Line) bool) (Line, error) {
	for {
		lines, err := c.Lines(channel)
		if err != nil {
			return Line{}, err
		}
		if line, ok := c.take(channel, lines, match); ok {
			return line, nil
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return Line{}, fmt.Errorf("wait for %q in %q: %w; %s saw:\n%s",
				what, channel, err, c.Nick, transcript(lines))
		}
	}
}

// take moves the channel's mark past the first new line that matches.
func (c *Client) take(channel string, lines []Line, match func(Line) bool) (Line, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := folderName(channel)
	for i := c.read[key]; i < len(lines); i++ {
		if match(lines[i]) {
			c.read[key] = i + 1
			return lines[i], true
		}
	}
	return Line{}, false
}

// parse splits "1700000000 <nick> text" and "1700000000 -!- text".
func parse(line string) Line {
	var l Line
	stamp, rest, _ := strings.Cut(line, " ")
	if seconds, err := strconv.ParseInt(stamp, 10, 64); err == nil {
		l.Time = time.Unix(seconds, 0)
	} else {
		rest = line
	}
	if note, ok := strings.CutPrefix(rest, "-!- "); ok {
		l.Text = note
		return l
	}
	if said, ok := strings.CutPrefix(rest, "<"); ok {
		if from, text, ok := strings.Cut(said, "> "); ok {
			l.From, l.Text = from, text
			return l
		}
	}
	l.Text = rest
	return l
}

// folderName is how ii names the folder of a channel or a nick.
func folderName(channel string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', strings.ContainsRune(".#&+!-", r):
			return r
		}
		return '_'
	}, channel)
}

func transcript(lines []Line) string {
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "  <%s> %s\n", l.From, l.Text)
	}
	return b.String()
}
