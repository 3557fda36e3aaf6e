package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const fakeSMSC = "/usr/lib/kannel/test/fakesmsc"

// KannelOptions configure a Kannel.
type KannelOptions struct {
	InboundURL string // is called for texts from phones, with Kannel's %-values
	InboundGET bool   // as a get-url instead of a post-url
}

// A Kannel is a running bearerbox with its smsbox: an SMS gateway with an HTTP
// interface. Its one link is to an SMSC that fakesmsc plays.
type Kannel struct {
	*Server         // the bearerbox
	SendURL  string // of sendsms
	User     string
	Password string

	smsbox   *Server
	fakePort int
}

// findKannel returns the paths of bearerbox and smsbox.
func findKannel() (bearerbox, smsbox string, err error) {
	if bearerbox, err = program("kannel"); err != nil {
		return "", "", err
	}
	if _, err := os.Stat(fakeSMSC); err != nil {
		return "", "", errors.New("fakesmsc is not installed: run scripts/install kannel (or apt-get install kannel-extras)")
	}
	return bearerbox, filepath.Join(filepath.Dir(bearerbox), "smsbox"), nil
}

// StartKannel starts a Kannel with its configuration in dir.
func StartKannel(ctx context.Context, dir string, o KannelOptions) (*Kannel, error) {
	bearerbox, smsbox, err := findKannel()
	if err != nil {
		return nil, err
	}
	if dir, err = folder(dir); err != nil {
		return nil, err
	}
	k := &Kannel{User: "tester", Password: "testpw"}
	ports := map[string]int{}
	for _, name := range []string{"Admin", "Box", "Fake", "Send"} {
		if ports[name], err = FreePort(); err != nil {
			return nil, err
		}
	}
	at := func(name string) string { return fmt.Sprintf("127.0.0.1:%d", ports[name]) }
	k.SendURL, k.fakePort = "http://"+at("Send")+"/cgi-bin/sendsms", ports["Fake"]
	config := filepath.Join(dir, "kannel.conf")
	err = configure(config, "kannel.conf.tmpl", map[string]any{
		"Ports": ports, "User": k.User, "Password": k.Password, "InboundURL": o.InboundURL, "InboundGET": o.InboundGET,
	})
	if err != nil {
		return nil, fmt.Errorf("configure kannel: %w", err)
	}
	box := func(name, path string, ready func(context.Context) error) *Server {
		return &Server{
			Name: name, Dir: dir, startLimit: time.Minute, ready: ready,
			command: func() *exec.Cmd {
				cmd := exec.Command(path, config)
				cmd.Dir = dir
				return cmd
			},
		}
	}
	k.Server = box("bearerbox", bearerbox, func(ctx context.Context) error { return accepts(ctx, at("Box")) })
	k.smsbox = box("smsbox", smsbox, func(ctx context.Context) error { return accepts(ctx, at("Send")) })
	if err := k.Start(ctx); err != nil {
		return nil, err
	}
	if err := k.smsbox.Start(ctx); err != nil {
		k.Server.Close()
		return nil, err
	}
	return k, nil
}

// Close stops both boxes, the smsbox first: it ends by itself when its
// bearerbox is gone, but as a failure.
func (k *Kannel) Close() error { return errors.Join(k.smsbox.Close(), k.Server.Close()) }

// StartPhone starts a fakesmsc: the SMSC and the phones behind it. It sends
// one text, in fakesmsc's form "from to text words" or "from to ucs2 %00w", and
// its log shows what is sent to it. One runs at a time.
func (k *Kannel) StartPhone(ctx context.Context, dir, text string) (*Server, error) {
	dir, err := folder(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{
		Name: "fakesmsc", Dir: dir, startLimit: time.Minute,
		command: func() *exec.Cmd {
			return exec.Command(fakeSMSC, "-H", "127.0.0.1", "-r", strconv.Itoa(k.fakePort), "-m", "1", text)
		},
		ready: func(context.Context) error { return nil }, // its log shows what it does
	}
	return s, s.Start(ctx)
}
