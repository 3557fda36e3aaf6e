package servers

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const prismFile = "@stoplight/prism-cli/dist/index.js"

// A Prism is a running Prism: it holds each request against an OpenAPI document,
// and passes it on to another server or answers with the document's examples. A
// request that is not valid is answered with 401, 404, 405, 415 or 422.
type Prism struct {
	*Server
	BaseURL string
}

func findPrism() (script string, err error) {
	modules, err := findModules("prism", "prism-"+prismVersion, prismFile)
	return filepath.Join(modules, prismFile), err
}

// StartPrism starts a Prism with an OpenAPI document before an upstream URL, or
// before nobody if that is empty.
func StartPrism(ctx context.Context, dir, document, upstream string) (*Prism, error) {
	script, err := findPrism()
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
	addr, port, err := loopback()
	if err != nil {
		return nil, err
	}
	arguments := []string{script, "proxy", document, upstream}
	if upstream == "" {
		arguments = []string{script, "mock", document}
	}
	arguments = append(arguments, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "--errors")
	p := &Prism{BaseURL: "http://" + addr}
	p.Server = &Server{
		Name: "prism", Dir: dir, startLimit: 60 * time.Second,
		command: func() *exec.Cmd {
			cmd := exec.Command(node, arguments...)
			cmd.Dir = dir
			return cmd
		},
		ready: func(ctx context.Context) error { return accepts(ctx, addr) },
	}
	if err := p.Start(ctx); err != nil {
		return nil, err
	}
	return p, nil
}

// TwilioOpenAPI gives Twilio's own OpenAPI document, which is not part of this
// project: that in the folder GATEHOUSE_TWILIO_OPENAPI, or in shared/twilio
// beside the project. It skips the test where there is none.
func TwilioOpenAPI(t interface {
	Helper()
	Skipf(format string, args ...any)
}, project string) (document string) {
	t.Helper()
	dir := orElse(os.Getenv("GATEHOUSE_TWILIO_OPENAPI"), filepath.Join(project, "..", "shared", "twilio"))
	document, err := filepath.Abs(filepath.Join(dir, "twilio_api_v2010.prism.json"))
	if err == nil {
		_, err = os.Stat(document)
	}
	if err != nil {
		t.Skipf("NOT TESTED: no request was held against Twilio's OpenAPI: %v. Set GATEHOUSE_TWILIO_OPENAPI to a folder with it (github.com/twilio/twilio-oai)", err)
	}
	return document
}
