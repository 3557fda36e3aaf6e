package servers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const smppVersion = "0.5.1" // also in scripts/install

// An SMSC is a running SMSC on npm's smpp: SMPP 3.4 without TLS.
type SMSC struct {
	*Server
	Addr     string // of SMPP
	SystemID string
	Password string
	control  string
}

// A Submission is a submit_sm as the SMSC understood it.
type Submission struct {
	ID, From, To, Text string
	UDH                string // in hex
	Coding, Receipt    int
}

func findSMPP() (modules string, err error) {
	return findModules("smpp", "smpp-"+smppVersion, "smpp/lib/smpp.js")
}

// StartSMSC starts an SMSC with its script in dir.
func StartSMSC(ctx context.Context, dir string) (*SMSC, error) {
	modules, err := findSMPP()
	if err != nil {
		return nil, err
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, err
	}
	if dir, err = folder(dir); err != nil {
		return nil, err
	}
	text, err := templates.ReadFile("templates/smpp-smsc.mjs")
	if err != nil {
		return nil, err
	}
	script := filepath.Join(dir, "smsc.mjs")
	if err := os.WriteFile(script, text, 0o600); err != nil {
		return nil, err
	}
	addr, port, err := loopback()
	if err != nil {
		return nil, err
	}
	control, controlPort, err := loopback()
	if err != nil {
		return nil, err
	}
	s := &SMSC{Addr: addr, SystemID: "tester", Password: "testpw", control: "http://" + control}
	s.Server = &Server{
		Name: "smsc", Dir: dir, startLimit: time.Minute,
		command: func() *exec.Cmd {
			cmd := exec.Command(node, script, strconv.Itoa(port), strconv.Itoa(controlPort))
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "SMPP_MODULES="+modules)
			return cmd
		},
		ready: func(ctx context.Context) error { return accepts(ctx, addr, control) },
	}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Taken returns what was submitted, the oldest first.
func (s *SMSC) Taken(ctx context.Context) (all []Submission, err error) {
	return all, s.call(ctx, "/taken", nil, &all)
}

// Bring gives the client a text, in parts if there are any, and returns the
// client's statuses.
func (s *SMSC) Bring(ctx context.Context, from, to, text string, parts ...string) (statuses []int, err error) {
	what := map[string]any{"from": from, "to": to, "text": text}
	if len(parts) > 0 {
		what["parts"] = parts
	}
	return statuses, s.call(ctx, "/bring", what, &statuses)
}

// Receipt gives the client a receipt, such as of the state DELIVRD.
func (s *SMSC) Receipt(ctx context.Context, m Submission, state string) error {
	return s.call(ctx, "/receipt", map[string]any{"id": m.ID, "from": m.To, "to": m.From, "state": state}, new([]int))
}

// Drop cuts all connections.
func (s *SMSC) Drop(ctx context.Context) error { return s.call(ctx, "/drop", nil, new([]int)) }

func (s *SMSC) call(ctx context.Context, path string, what, answer any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	if what == nil {
		body = nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.control+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	res, err := oneRequest.Do(req)
	if err != nil {
		return fmt.Errorf("ask the smsc: %w", err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the smsc: %s: %s %s (%v)", path, res.Status, text, err)
	}
	return json.Unmarshal(text, answer)
}
