// Package browser drives a page in a headless Chromium for the end-to-end
// tests, by way of playwright-core, and serves one with converse.js.
package browser

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"gatehouse/gateway/e2e/servers"
)

//go:embed driver.mjs
var driver []byte

//go:embed converse.html
var conversePage string

// A Page is one page in a browser of its own. A method that fails says what
// was looked for; each waits for at most the patience that Open was given.
type Page struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	errors *os.File

	mu sync.Mutex // a command and its answer
}

// Open starts a browser, whose files are in dir.
func Open(ctx context.Context, dir string, patience time.Duration) (*Page, error) {
	modules, err := servers.Program("converse")
	if err != nil {
		return nil, err
	}
	chromium, err := servers.Program("chromium")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// Modules are looked for above the script.
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	script := filepath.Join(dir, "driver.mjs")
	if err := os.WriteFile(script, driver, 0o600); err != nil {
		return nil, err
	}
	p := &Page{cmd: exec.CommandContext(ctx, "node", script, chromium, strconv.FormatInt(patience.Milliseconds(), 10))}
	if p.errors, err = os.Create(filepath.Join(dir, "driver.log")); err != nil {
		return nil, err
	}
	p.cmd.Stderr = p.errors
	p.cmd.Env = append(os.Environ(), "HOME="+dir)
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the browser's driver: %w", err)
	}
	return p, nil
}

// Close ends the browser.
func (p *Page) Close() error {
	defer p.errors.Close()
	p.in.Close()
	done := make(chan error, 1)
	go func() { done <- p.cmd.Wait() }()
	select {
	case err := <-done:
		return err
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		return <-done
	}
}

type command struct {
	Do       string `json:"do"`
	URL      string `json:"url,omitempty"`
	Selector string `json:"selector,omitempty"`
	Text     string `json:"text,omitempty"`
	Path     string `json:"path,omitempty"`
}

func (p *Page) ask(c command, value any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := p.in.Write(append(b, '\n')); err != nil {
		return p.failed(c, err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return p.failed(c, err)
	}
	var answer struct {
		Value json.RawMessage
		Error string
	}
	if err := json.Unmarshal(line, &answer); err != nil {
		return p.failed(c, err)
	}
	if answer.Error != "" {
		return p.failed(c, errors.New(answer.Error))
	}
	if value == nil {
		return nil
	}
	return json.Unmarshal(answer.Value, value)
}

func (p *Page) failed(c command, err error) error {
	log, _ := os.ReadFile(p.errors.Name())
	return fmt.Errorf("%s %s %q: %w\n%s", c.Do, c.Selector+c.URL, c.Text, err, log)
}

// Go opens an address.
func (p *Page) Go(url string) error { return p.ask(command{Do: "open", URL: url}, nil) }

// Click clicks the first element that the selector finds, once it can be.
func (p *Page) Click(selector string) error {
	return p.ask(command{Do: "click", Selector: selector}, nil)
}

// Fill replaces the text of an input.
func (p *Page) Fill(selector, text string) error {
	return p.ask(command{Do: "fill", Selector: selector, Text: text}, nil)
}

// Press presses a key, such as Enter.
func (p *Page) Press(selector, key string) error {
	return p.ask(command{Do: "press", Selector: selector, Text: key}, nil)
}

// See waits for an element that shows a text.
func (p *Page) See(selector, text string) error {
	return p.ask(command{Do: "see", Selector: selector, Text: text}, nil)
}

// Text gives what an element shows.
func (p *Page) Text(selector string) (text string, err error) {
	return text, p.ask(command{Do: "text", Selector: selector}, &text)
}

// Count counts what the selector finds now.
func (p *Page) Count(selector string) (n int, err error) {
	return n, p.ask(command{Do: "count", Selector: selector}, &n)
}

// Screenshot writes a PNG file.
func (p *Page) Screenshot(path string) error {
	return p.ask(command{Do: "screenshot", Path: path}, nil)
}

// Trouble gives the errors that the page's scripts did not catch.
func (p *Page) Trouble() (texts []string, err error) {
	return texts, p.ask(command{Do: "trouble"}, &texts)
}

// ServeConverse serves a page on which converse.js logs somebody in over
// WebSocket (RFC 7395).
func ServeConverse(webSocket, jid, password string) (*httptest.Server, error) {
	modules, err := servers.Program("converse")
	if err != nil {
		return nil, err
	}
	page, err := template.New("converse").Parse(conversePage)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /converse/", http.StripPrefix("/converse/", http.FileServer(http.Dir(filepath.Join(modules, "converse.js", "dist")))))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, map[string]string{"WebSocket": webSocket, "JID": jid, "Password": password})
	})
	return httptest.NewServer(mux), nil
}
