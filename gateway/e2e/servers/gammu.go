package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A Gammu is a running gammu-smsd with a phone that is made of files.
type Gammu struct {
	*Server
	Spool string // with inbox, outbox, sent and error

	phone  string
	config string
}

// findGammu returns the path of gammu-smsd.
func findGammu() (string, error) {
	smsd, err := program("gammu")
	if err != nil {
		return "", err
	}
	if _, err := exec.LookPath("gammu"); err != nil {
		return "", errors.New("gammu is not installed: run scripts/install gammu")
	}
	return smsd, nil
}

// StartGammu starts a gammu-smsd with its configuration, spool and phone in
// dir.
func StartGammu(ctx context.Context, dir string) (*Gammu, error) {
	smsd, err := findGammu()
	if err != nil {
		return nil, err
	}
	if dir, err = folder(dir); err != nil {
		return nil, err
	}
	g := &Gammu{Spool: filepath.Join(dir, "spool"), phone: filepath.Join(dir, "phone"), config: filepath.Join(dir, "smsdrc")}
	for _, name := range []string{"spool/inbox", "spool/outbox", "spool/sent", "spool/error", "phone/sms/1", "phone/sms/2", "phone/sms/3", "phone/sms/4", "phone/sms/5"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return nil, err
		}
	}
	if err := configure(g.config, "gammu-smsdrc.tmpl", map[string]string{"Phone": g.phone, "Spool": g.Spool}); err != nil {
		return nil, fmt.Errorf("configure gammu-smsd: %w", err)
	}
	g.Server = &Server{
		Name: "gammu-smsd", Dir: dir, startLimit: time.Minute,
		command: func() *exec.Cmd { return exec.Command(smsd, "-c", g.config) },
		ready: func(ctx context.Context) error {
			for !strings.Contains(g.Log(), "Starting phone communication") {
				select {
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-time.After(20 * time.Millisecond):
				}
			}
			return nil
		},
	}
	if err := g.Start(ctx); err != nil {
		return nil, err
	}
	return g, nil
}

// PhoneGets puts a text into the phone's inbox, in parts if it is long.
func (g *Gammu) PhoneGets(ctx context.Context, from, text string) error {
	cmd := exec.CommandContext(ctx, "gammu", "-c", g.config, "savesms", "TEXT",
		"-folder", "1", "-unread", "-sender", from, "-len", "1000", "-textutf8", text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("gammu savesms: %w\n%s", err, out)
	}
	return nil
}

// PhoneGetsReport puts a report into the phone's inbox: that the text with
// this reference was "Delivered", or that it "Failed".
func (g *Gammu) PhoneGetsReport(from, said string, reference int) error {
	text := ""
	for _, c := range said {
		text += fmt.Sprintf("%04X", c)
	}
	report := fmt.Sprintf("[SMSBackup000]\nPDU = Status_Report\nDateTime = %s\nState = UnRead\nNumber = %q\nText00 = %s\nCoding = Unicode_No_Compression\nFolder = 1\nClass = -1\nMessageReference = %d\n\n",
		time.Now().UTC().Format("20060102T150405Z"), from, text, reference)
	temporary := filepath.Join(g.Dir, "report")
	if err := os.WriteFile(temporary, []byte(report), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, filepath.Join(g.phone, "sms", "1", "99"))
}

// Sent gives the names of the texts that gammu-smsd sent.
func (g *Gammu) Sent() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(g.Spool, "sent"))
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}
