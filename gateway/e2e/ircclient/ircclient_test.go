package ircclient

import (
	"context"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/gateway/e2e/servers"
)

func TestTwoPeopleTalkInAChannelAndInPrivate(t *testing.T) {
	servers.Need(t, "ngircd", "ii")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()
	s, err := servers.StartNgIRCd(ctx, filepath.Join(dir, "ngircd"), servers.NgIRCdOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	romeo := start(ctx, t, dir, s.Addr, "romeo")
	juliet := start(ctx, t, dir, s.Addr, "Juliet_")

	for _, c := range []*Client{romeo, juliet} {
		if err := c.Join(ctx, "#Garden"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := romeo.WaitLine(ctx, "#garden", regexp.MustCompile(`^Juliet_\(.*has joined`)); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"O Romeo", "/not a command", "Grüße 😀", "\x01ACTION waves\x01"} {
		if err := juliet.Say("#Garden", text); err != nil {
			t.Fatal(err)
		}
		if err := romeo.WaitSaid(ctx, "#Garden", "Juliet_", text); err != nil {
			t.Error(err)
		}
	}
	if err := romeo.Say("Juliet_", "in private"); err != nil {
		t.Fatal(err)
	}
	if err := juliet.WaitSaid(ctx, "romeo", "romeo", "in private"); err != nil {
		t.Error(err)
	}
	if err := juliet.Say("romeo", "answer"); err != nil {
		t.Fatal(err)
	}
	if err := romeo.WaitSaid(ctx, "Juliet_", "Juliet_", "answer"); err != nil {
		t.Error(err)
	}
	if err := juliet.Part("#Garden", "good night"); err != nil {
		t.Fatal(err)
	}
	if _, err := romeo.WaitLine(ctx, "#Garden", regexp.MustCompile(`Juliet_.* has left`)); err != nil {
		t.Error(err)
	}
}

func TestPeopleLeaveAChannelInAnyWay(t *testing.T) {
	servers.Need(t, "inspircd", "ngircd", "ii")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	insp, err := servers.StartInspIRCd(ctx, filepath.Join(dir, "inspircd"), servers.InspIRCdOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer insp.Close()
	ng, err := servers.StartNgIRCd(ctx, filepath.Join(dir, "ngircd"), servers.NgIRCdOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer ng.Close()
	for name, addr := range map[string]string{"InspIRCd": insp.Addr, "ngIRCd": ng.Addr} {
		romeo := start(ctx, t, filepath.Join(dir, name), addr, "romeo")
		juliet := start(ctx, t, filepath.Join(dir, name), addr, "juliet")
		if err := romeo.Join(ctx, "#garden"); err != nil {
			t.Fatal(name, err)
		}
		for _, leave := range []string{"PART #garden", "PART #garden :good night", "QUIT :gone"} {
			if err := juliet.Join(ctx, "#garden"); err != nil {
				t.Fatal(name, err)
			}
			if nicks, err := romeo.Names(ctx, "#garden"); err != nil || len(nicks) != 2 {
				t.Fatalf("%s: names before %q: %v, %v", name, leave, nicks, err)
			}
			if err := juliet.Raw(leave); err != nil {
				t.Fatal(name, err)
			}
			if err := romeo.WaitGone(ctx, "#garden", "juliet"); err != nil {
				t.Error(name, err)
			}
		}
	}
}

func TestNickInUseIsRefused(t *testing.T) {
	servers.Need(t, "ngircd", "ii")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()
	s, err := servers.StartNgIRCd(ctx, filepath.Join(dir, "ngircd"), servers.NgIRCdOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	start(ctx, t, dir, s.Addr, "romeo")
	if _, err := Start(ctx, filepath.Join(dir, "second"), s.Addr, "romeo"); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("start: %v, want a refusal", err)
	}
}

func TestWaitShowsWhatWasSeenInstead(t *testing.T) {
	servers.Need(t, "ngircd", "ii")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	dir := t.TempDir()
	s, err := servers.StartNgIRCd(ctx, filepath.Join(dir, "ngircd"), servers.NgIRCdOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	romeo := start(ctx, t, dir, s.Addr, "romeo")
	if err := romeo.Join(ctx, "#garden"); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	err = romeo.WaitSaid(short, "#garden", "juliet", "hello")
	if err == nil || !strings.Contains(err.Error(), "has joined #garden") {
		t.Errorf("wait: %v, want what was seen", err)
	}
}

func TestLinesThatWouldBeTwoCommandsAreRefused(t *testing.T) {
	c := &Client{root: t.TempDir()}
	for _, line := range []string{"PRIVMSG a :b\r\nQUIT", "a\nb", "a\x00b", strings.Repeat("a", maxCommand+1)} {
		if err := c.Raw(line); err == nil || !strings.Contains(err.Error(), "a line has no") {
			t.Errorf("%q: %v, want a refusal", line, err)
		}
	}
}

func start(ctx context.Context, t *testing.T, dir, addr, nick string) *Client {
	t.Helper()
	begin := time.Now()
	c, err := Start(ctx, filepath.Join(dir, nick), addr, nick)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s connected in %v", nick, time.Since(begin).Round(time.Millisecond))
	t.Cleanup(func() { c.Close() })
	return c
}
