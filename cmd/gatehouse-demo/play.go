package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ergochat/irc-go/ircevent"
	"github.com/ergochat/irc-go/ircmsg"

	"gatehouse/gateway/e2e/xmppclient"
)

const (
	channel = "#garden"
	room    = channel + "%verona@" + ircDomain
	contact = phone + "@" + smsDomain
)

// selfCheck sends a line each way through IRC and a text each way through the
// phone. Only what has arrived is said to have.
func (d *demo) selfCheck(ctx context.Context) error {
	started := time.Now()
	romeo, err := xmppclient.Connect(ctx, d.prosody.ClientAddr, user, password, "demo")
	if err != nil {
		return err
	}
	defer romeo.Close()
	if err := d.checkIRC(ctx, romeo); err != nil {
		return err
	}
	if err := d.checkSMS(ctx, romeo); err != nil {
		return err
	}
	fmt.Printf("\n  5 of 5 arrived, in %.1f s\n", time.Since(started).Seconds())
	return nil
}

// step does one thing and waits for what it brings about.
func step(ctx context.Context, what string, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	if err := f(ctx); err != nil {
		fmt.Println("  ✗", what)
		return fmt.Errorf("%s: %w", what, err)
	}
	fmt.Println("  ✓", what)
	return nil
}

func (d *demo) checkIRC(ctx context.Context, romeo *xmppclient.Client) error {
	heard := make(chan string, 16)
	juliet, err := d.joinAsJuliet(heard)
	if err != nil {
		return err
	}
	defer juliet.Quit()
	joining, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	self, err := romeo.JoinRoom(joining, room, "romeo", "")
	if err != nil {
		return err
	}
	if self.Type() == "error" {
		return fmt.Errorf("romeo could not join %s: %s", room, self)
	}
	err = step(ctx, `XMPP → IRC   romeo says "But, soft! what light?" in `+channel+`, juliet hears it on IRC`, func(ctx context.Context) error {
		if err := romeo.SendMessage(room, "groupchat", xmppclient.NewID(), "But, soft! what light?", ""); err != nil {
			return err
		}
		for {
			select {
			case text := <-heard:
				if text == "But, soft! what light?" {
					return nil
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	if err != nil {
		return err
	}
	return step(ctx, `IRC → XMPP   juliet answers "Ay me!", romeo reads it in the room`, func(ctx context.Context) error {
		if err := juliet.Privmsg(channel, "Ay me!"); err != nil {
			return err
		}
		_, err := romeo.Wait(ctx, func(s xmppclient.Stanza) bool {
			return s.From() == room+"/juliet" && s.Body() == "Ay me!"
		})
		return err
	})
}

// joinAsJuliet puts somebody with an ordinary IRC client into the channel.
func (d *demo) joinAsJuliet(heard chan<- string) (*ircevent.Connection, error) {
	joined := make(chan struct{}, 1)
	juliet := &ircevent.Connection{Server: d.inspircd.Addr, Nick: "juliet", ReconnectFreq: -1, Timeout: stepLimit}
	juliet.AddConnectCallback(func(ircmsg.Message) { juliet.Join(channel) })
	juliet.AddCallback("366", func(ircmsg.Message) { joined <- struct{}{} })
	juliet.AddCallback("PRIVMSG", func(m ircmsg.Message) {
		select {
		case heard <- m.Params[1]:
		default: // nobody listens any more
		}
	})
	if err := juliet.Connect(); err != nil {
		return nil, fmt.Errorf("connect juliet to IRC: %w", err)
	}
	go juliet.Loop()
	select {
	case <-joined:
		return juliet, nil
	case <-time.After(stepLimit):
		juliet.Quit()
		return nil, fmt.Errorf("juliet could not join %s on IRC", channel)
	}
}

func (d *demo) checkSMS(ctx context.Context, romeo *xmppclient.Client) error {
	err := step(ctx, `XMPP → SMS   romeo texts "Good morrow" to `+phone+`, the phone shows it`, func(ctx context.Context) error {
		if err := romeo.SendMessage(contact, "chat", xmppclient.NewID(), "Good morrow", ""); err != nil {
			return err
		}
		return d.phoneShows(ctx, "Good morrow")
	})
	if err != nil {
		return err
	}
	err = step(ctx, `SMS → XMPP   the phone texts "Is the day so young?" back, romeo reads it`, func(ctx context.Context) error {
		if err := d.phoneTexts(ctx, "Is the day so young?"); err != nil {
			return err
		}
		_, err := romeo.Wait(ctx, func(s xmppclient.Stanza) bool {
			return s.From() == contact && s.Body() == "Is the day so young?"
		})
		return err
	})
	if err != nil {
		return err
	}
	return step(ctx, `MMS → XMPP   the phone sends a picture, romeo gets a link to it`, func(ctx context.Context) error {
		if err := d.phoneTexts(ctx, "", attachment{Name: "dot.gif", Type: "image/gif", Data: dot}); err != nil {
			return err
		}
		s, err := romeo.Wait(ctx, func(s xmppclient.Stanza) bool { return s.From() == contact && s.Find("x", "url") != nil })
		if err != nil {
			return err
		}
		return isAt(ctx, s.Body(), dot)
	})
}

func (d *demo) phoneURL() string { return "http://" + d.http + "/" + smsDomain + "/" }

// phoneShows waits until the simulated phone has a text.
func (d *demo) phoneShows(ctx context.Context, text string) error {
	for {
		request, err := http.NewRequestWithContext(ctx, "GET", d.phoneURL()+"messages?number="+url.QueryEscape(phone), nil)
		if err != nil {
			return err
		}
		var shown bytes.Buffer
		answer, err := http.DefaultClient.Do(request)
		if err == nil {
			_, err = shown.ReadFrom(answer.Body)
			answer.Body.Close()
		}
		if err != nil {
			return err
		}
		if strings.Contains(shown.String(), text) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// dot is a picture of one pixel.
var dot = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// isAt looks what is at a link.
func isAt(ctx context.Context, link string, want []byte) error {
	request, err := http.NewRequestWithContext(ctx, "GET", link, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var got bytes.Buffer
	if _, err := got.ReadFrom(answer.Body); err != nil {
		return err
	}
	if !bytes.Equal(got.Bytes(), want) {
		return fmt.Errorf("%s has %d other bytes, answered %s", link, got.Len(), answer.Status)
	}
	return nil
}

type attachment struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Data []byte `json:"data"`
}

// phoneTexts sends a text from the simulated phone.
func (d *demo) phoneTexts(ctx context.Context, text string, files ...attachment) error {
	body, err := json.Marshal(map[string]any{"from": phone, "to": ownNumber, "text": text, "media": files})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, "POST", d.phoneURL()+"send", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("the phone answered %s", answer.Status)
	}
	return nil
}

// explain says how to try it.
func (d *demo) explain() {
	fmt.Printf(`
Now you:
  log in     as %s with the password %q, server %s, without TLS
             (Gajim, Dino, Conversations: "advanced" or "custom hostname" settings)
  chat       join the room %s
             or meet yourself there with an IRC client on %s
  text       write to %s
  the phone  %s

The configuration is in %s. Ctrl-C stops everything.
`, user, password, d.prosody.ClientAddr, room, d.inspircd.Addr, contact, d.phoneURL(), d.dir)
}
