package servers

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runs checks what every server must do, from its start to its end.
func runs(t *testing.T, s *Server, addrs ...string) {
	t.Helper()
	ctx := t.Context()
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.Log())
		}
	})
	if err := accepts(ctx, addrs...); err != nil {
		t.Fatal("after start:", err)
	}
	if err := s.Start(ctx); err == nil {
		t.Error("a second start while it runs should be an error")
	}
	first := s.PID()

	begin := time.Now()
	if err := s.Restart(ctx); err != nil {
		t.Fatal("restart:", err)
	}
	t.Logf("%s restarted in %v", s.Name, time.Since(begin).Round(time.Millisecond))
	if s.PID() == first {
		t.Error("the process is the same after a restart")
	}
	connectsOnLoopbackOnly(t, addrs...)

	s.Kill()
	isGone(t, s, addrs...)
	if err := s.Start(ctx); err != nil {
		t.Fatal("start after a kill:", err)
	}
	connectsOnLoopbackOnly(t, addrs...)

	begin = time.Now()
	if err := s.Close(); err != nil {
		t.Error("close:", err)
	}
	t.Logf("%s closed in %v", s.Name, time.Since(begin).Round(time.Millisecond))
	isGone(t, s, addrs...)
	if err := s.Close(); err != nil {
		t.Error("a second close:", err)
	}
}

func connectsOnLoopbackOnly(t *testing.T, addrs ...string) {
	t.Helper()
	outside := outsideIP()
	for _, addr := range addrs {
		conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
		if err != nil {
			t.Error(err)
			continue
		}
		conn.Close()
		if outside == "" {
			continue
		}
		_, port, _ := net.SplitHostPort(addr)
		if conn, err := net.DialTimeout("tcp", net.JoinHostPort(outside, port), time.Second); err == nil {
			conn.Close()
			t.Errorf("port %s accepts on %s, not on loopback only", port, outside)
		}
	}
}

// outsideIP returns an IPv4 address of this machine that is not loopback, if
// it has one.
func outsideIP() string {
	addrs, _ := net.InterfaceAddrs()
	for _, a := range addrs {
		if n, ok := a.(*net.IPNet); ok && !n.IP.IsLoopback() && n.IP.To4() != nil {
			return n.IP.String()
		}
	}
	return ""
}

func isGone(t *testing.T, s *Server, addrs ...string) {
	t.Helper()
	if s.Running() {
		t.Error("it says that it runs")
	}
	if err := syscall.Kill(s.PID(), 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d: %v, want no such process", s.PID(), err)
	}
	if left := group(s.PID()); len(left) > 0 {
		t.Errorf("left in its process group: %v", left)
	}
	for _, addr := range addrs {
		if conn, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
			conn.Close()
			t.Errorf("%s still accepts", addr)
		}
	}
}

// started logs how long a start took.
func started[S any](t *testing.T, start func() (S, error)) S {
	t.Helper()
	begin := time.Now()
	s, err := start()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v", time.Since(begin).Round(time.Millisecond))
	return s
}

func TestInspIRCdServesPlainAndTLS(t *testing.T) {
	Need(t, "inspircd")
	s := started(t, func() (*InspIRCd, error) {
		return StartInspIRCd(t.Context(), t.TempDir(), InspIRCdOptions{TLS: true})
	})
	defer s.Close()
	caps := register(t, dial(t, s.Addr, nil), "romeo")
	for _, want := range []string{"message-tags", "server-time", "echo-message", "labeled-response", "batch", "multi-prefix", "userhost-in-names", "away-notify"} {
		if !slices.Contains(strings.Fields(caps), want) {
			t.Errorf("no capability %s in %q", want, caps)
		}
	}
	register(t, dial(t, s.TLSAddr, &tls.Config{RootCAs: s.CA.Pool, ServerName: "localhost"}), "juliet")
	if limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", s.PID())); err != nil || !regexp.MustCompile(`Max core file size +0 +0 `).Match(limits) {
		t.Errorf("a crash would leave a core file: %v\n%s", err, limits)
	}
	runs(t, s.Server, s.Addr, s.TLSAddr)
}

func TestInspIRCdStartsWithItsOwnLimits(t *testing.T) {
	Need(t, "inspircd")
	s := started(t, func() (*InspIRCd, error) {
		return StartInspIRCd(t.Context(), t.TempDir(), InspIRCdOptions{KeepLimits: true, CaseMapping: "ascii", Password: "sesame & \"more\""})
	})
	defer s.Close()
	conn := dial(t, s.Addr, nil)
	fmt.Fprintf(conn, "PASS :sesame & \"more\"\r\n")
	register(t, conn, "romeo")
}

func TestNgIRCdServesPlainAndTLS(t *testing.T) {
	Need(t, "ngircd")
	s := started(t, func() (*NgIRCd, error) {
		return StartNgIRCd(t.Context(), t.TempDir(), NgIRCdOptions{TLS: true})
	})
	defer s.Close()
	register(t, dial(t, s.Addr, nil), "romeo")
	register(t, dial(t, s.TLSAddr, &tls.Config{RootCAs: s.CA.Pool, ServerName: "localhost"}), "juliet")
	runs(t, s.Server, s.Addr, s.TLSAddr)
}

func TestCertificateForAnotherHostIsNotTrusted(t *testing.T) {
	Need(t, "ngircd")
	s, err := StartNgIRCd(t.Context(), t.TempDir(), NgIRCdOptions{TLS: true, CertNames: []string{"irc.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = tls.Dial("tcp", s.TLSAddr, &tls.Config{RootCAs: s.CA.Pool, ServerName: "localhost"})
	if err == nil || !strings.Contains(err.Error(), "irc.example.org") {
		t.Errorf("dial: %v, want a complaint about irc.example.org", err)
	}
}

func dial(t *testing.T, addr string, config *tls.Config) net.Conn {
	t.Helper()
	var conn net.Conn
	var err error
	if config == nil {
		conn, err = net.Dial("tcp", addr)
	} else {
		conn, err = tls.Dial("tcp", addr, config)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}

// register registers a nick and returns the capabilities of the server.
func register(t *testing.T, conn net.Conn, nick string) (caps string) {
	t.Helper()
	fmt.Fprintf(conn, "CAP LS 302\r\nNICK %s\r\nUSER %s 0 * :%s\r\nCAP END\r\n", nick, nick, nick)
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if words := strings.SplitN(lines.Text(), " ", 4); words[0] == "PING" {
			fmt.Fprintf(conn, "PONG %s\r\n", words[1])
		} else if len(words) > 3 && words[1] == "CAP" {
			_, list, _ := strings.Cut(words[3], ":")
			caps += " " + list
		} else if len(words) > 1 && words[1] == "001" {
			return caps
		}
	}
	t.Fatalf("no welcome for %s: %v", nick, lines.Err())
	return ""
}

func TestEmulateTakesMessagesAndCallsTheWebhook(t *testing.T) {
	Need(t, "emulate")
	const number = "+15005550001"
	inbound := make(chan string, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Twilio-Signature") == "" {
			inbound <- "no signature"
		}
		inbound <- r.FormValue("From") + " " + r.FormValue("To") + " " + r.FormValue("Body")
	}))
	defer hook.Close()
	ctx := t.Context()
	s := started(t, func() (*Emulate, error) {
		return StartEmulate(ctx, t.TempDir(), EmulateOptions{SMSURL: hook.URL + "/sms", Numbers: []string{number}})
	})
	defer s.Close()

	in, err := s.InboundMessage(ctx, "+15005550009", number, "Grüße 😀")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := <-inbound, "+15005550009 +15005550001 Grüße 😀"; got != want {
		t.Errorf("webhook got %q, want %q", got, want)
	}
	if err := s.SetSMSURL(ctx, number, hook.URL+"/moved"); err != nil {
		t.Error("set sms url:", err)
	}
	if err := s.SetSMSURL(ctx, "+15005550002", hook.URL); err == nil {
		t.Error("a number that the account has not should be an error")
	}
	if err := s.SetStatus(ctx, in.SID, "delivered"); err != nil {
		t.Error("set status:", err)
	}
	messages, err := s.Messages(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(messages) != 1 || messages[0].SID != in.SID || messages[0].Status != "delivered" {
		t.Errorf("messages: %+v", messages)
	}
	runs(t, s.Server, strings.TrimPrefix(s.BaseURL, "http://"))
}

func TestFreePortsAreDistinctAndFree(t *testing.T) {
	seen := make(map[int]bool)
	for range 50 {
		port, err := FreePort()
		if err != nil {
			t.Fatal(err)
		}
		if seen[port] {
			t.Fatalf("port %d was given twice", port)
		}
		seen[port] = true
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

func TestMissingProgramsSayHowToInstallThem(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("GATEHOUSE_CACHE", t.TempDir())
	previous := sbin
	sbin = nil
	defer func() { sbin = previous }()

	all := []string{"prosody", "ejabberd", "inspircd", "ngircd", "ii", "atheme", "kannel", "emulate"}
	if got := Missing(all...); !slices.Equal(got, all) {
		t.Errorf("missing: %v, want %v", got, all)
	}
	_, err := StartProsody(t.Context(), t.TempDir(), ProsodyOptions{})
	want := "prosody is not installed: run scripts/install prosody (or apt-get install prosody)"
	if err == nil || err.Error() != want {
		t.Errorf("start: %v, want %q", err, want)
	}
}

// tester records what Need does with a test.
type tester struct{ skipped, failed bool }

func (*tester) Helper()        {}
func (s *tester) Skip(...any)  { s.skipped = true }
func (s *tester) Fatal(...any) { s.failed = true }

func TestMissingProgramsSkipOrFail(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("GATEHOUSE_CACHE", t.TempDir())
	t.Setenv("GATEWAY_E2E", "")
	var skips tester
	if Need(&skips, "emulate"); !skips.skipped || skips.failed {
		t.Errorf("without GATEWAY_E2E: %+v, want a skip", skips)
	}
	t.Setenv("GATEWAY_E2E", "require")
	var fails tester
	if Need(&fails, "emulate"); !fails.failed {
		t.Errorf("with GATEWAY_E2E=require: %+v, want a failure", fails)
	}
}

func TestStartThatFailsShowsTheLogAndLeavesNothing(t *testing.T) {
	Need(t, "inspircd")
	dir := t.TempDir()
	_, err := StartInspIRCd(t.Context(), dir, InspIRCdOptions{Modules: []string{"nosuchmodule"}, Extra: `<nonsense`})
	if err == nil {
		t.Fatal("it started")
	}
	if text := err.Error(); !strings.Contains(text, "start inspircd: it ended") || !strings.Contains(text, "log of inspircd") {
		t.Errorf("error: %s", text)
	}
}

func TestStartObeysItsContext(t *testing.T) {
	s := &Server{Name: "sleeper", Dir: t.TempDir(), startLimit: time.Minute,
		command: sleeper, ready: func(ctx context.Context) error { return accepts(ctx, "127.0.0.1:1") }}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Start(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("start: %v, want the deadline", err)
	}
	isGone(t, s)
}

func TestStopKillsWhatIgnoresTheSignal(t *testing.T) {
	dir := t.TempDir()
	trapped := filepath.Join(dir, "trapped")
	s := &Server{Name: "stubborn", Dir: dir, startLimit: time.Minute,
		command: shell(`trap "" TERM; touch "` + trapped + `"; while :; do sleep 60; done`),
		ready: func(ctx context.Context) error {
			return retry(ctx, func() error { _, err := os.Stat(trapped); return err })
		}}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := s.Stop(ctx); err == nil {
		t.Error("stop should say that it had to kill")
	}
	isGone(t, s)
}

func TestPausedServerIsSilentAndCanBeStopped(t *testing.T) {
	s := &Server{Name: "sleeper", Dir: t.TempDir(), startLimit: time.Minute,
		command: sleeper, ready: func(context.Context) error { return nil }}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	if err := retry(t.Context(), func() error { return inState(s.PID(), 'T') }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error("close:", err)
	}
	isGone(t, s)
	if err := s.Pause(); err == nil {
		t.Error("pausing what does not run should be an error")
	}
}
