package servers

import (
	"context"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

const prismFile = "@stoplight/prism-cli/dist/index.js"

// A Prism is a running Prism: it holds each request, and the answer, against an
// OpenAPI document, and passes it on to another server. A request that is not
// valid is answered with 401, 404, 405, 415 or 422, and goes nowhere.
type Prism struct {
	*Server
	BaseURL string
}

func findPrism() (script string, err error) {
	modules, err := findModules("prism", "prism-"+prismVersion, prismFile)
	return filepath.Join(modules, prismFile), err
}

// StartPrism starts a Prism with an OpenAPI document before an upstream URL.
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
	p := &Prism{BaseURL: "http://" + addr}
	p.Server = &Server{
		Name: "prism", Dir: dir, startLimit: 60 * time.Second,
		command: func() *exec.Cmd {
			cmd := exec.Command(node, script, "proxy", document, upstream, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "--errors")
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
