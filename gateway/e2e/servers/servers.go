// Package servers starts real servers for the end-to-end tests and the demo:
// Prosody, ejabberd, InspIRCd, ngIRCd, Atheme, Kannel and emulate (a local Twilio),
// none of them written by this project. Each runs as a child process on loopback
// ports of its own with a folder of its own, and dies with its parent.
package servers

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"text/template"
	"time"
)

// Debian keeps daemons where the PATH of an ordinary user does not look.
var sbin = []string{"/usr/local/sbin", "/usr/sbin", "/sbin"}

// programs maps the names that scripts/install knows to what is run.
var programs = map[string]string{
	"prosody":  "prosody",
	"ejabberd": "ejabberdctl",
	"inspircd": "inspircd",
	"ngircd":   "ngircd",
	"ii":       "ii",
	"atheme":   "atheme-services",
	"biboumi":  "biboumi",
	"kannel":   "bearerbox",
	"gammu":    "gammu-smsd",
	"chromium": "chromium",
	"sqlite":   "sqlite3",
}

// program returns the path of an installed program, or an error that says how
// to install it.
func program(name string) (string, error) {
	file := programs[name]
	if file == "" {
		return "", fmt.Errorf("%s is not a program that this package knows", name)
	}
	if path, err := exec.LookPath(file); err == nil {
		return path, nil
	}
	for _, dir := range sbin {
		if path, err := exec.LookPath(filepath.Join(dir, file)); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: run scripts/install %s (or apt-get install %s)", name, name, name)
}

// Program returns the path of an installed program by the name that
// scripts/install gives it, or an error that says how to install it. That of
// converse is a folder of modules for node.
func Program(name string) (string, error) {
	switch name {
	case "privilege": // a module of Prosody
		const path = "/usr/lib/prosody/modules/mod_privilege/mod_privilege.lua"
		if _, err := os.Stat(path); err != nil {
			return "", errors.New("privilege is not installed: run scripts/install privilege (or apt-get install prosody-modules)")
		}
		return path, nil
	case "radicale":
		return findRadicale()
	case "emulate":
		_, script, err := findEmulate()
		return script, err
	case "converse":
		return findConverse()
	case "gammu":
		smsd, err := findGammu()
		return smsd, err
	case "kannel":
		bearerbox, _, err := findKannel()
		return bearerbox, err
	case "smpp":
		return findSMPP()
	case "prism":
		return findPrism()
	}
	return program(name)
}

// Missing returns those of the names that are not installed.
func Missing(names ...string) []string {
	var missing []string
	for _, name := range names {
		if _, err := Program(name); err != nil {
			missing = append(missing, name)
		}
	}
	return missing
}

// Need skips a test whose programs are not all installed. With
// GATEWAY_E2E=require in the environment the test fails instead, so that
// nothing is skipped unseen.
func Need(t interface {
	Helper()
	Skip(args ...any)
	Fatal(args ...any)
}, names ...string) {
	t.Helper()
	missing := Missing(names...)
	if len(missing) == 0 {
		return
	}
	list := strings.Join(missing, " ")
	if os.Getenv("GATEWAY_E2E") == "require" {
		t.Fatal("not installed: " + list + "; run scripts/install " + list)
	}
	t.Skip("not installed: " + list + "; run scripts/install " + list)
}

// Lacks does the same for what no installation gives.
func Lacks(t interface {
	Helper()
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}, what string, err error) {
	t.Helper()
	if os.Getenv("GATEWAY_E2E") == "require" {
		t.Fatalf("there is no %s: %v", what, err)
	}
	t.Skipf("there is no %s: %v", what, err)
}

var ports struct {
	sync.Mutex
	claims map[int]net.Listener
}

// FreePort returns a TCP port that nothing listens on, on any address. It is
// not handed out again, to this process or to another that uses this package,
// while this process lives: a server keeps its port over a restart. The ports
// lie below those that the kernel gives to outgoing connections.
func FreePort() (int, error) {
	const first, count = 12000, 18000
	ports.Lock()
	defer ports.Unlock()
	if ports.claims == nil {
		ports.claims = make(map[int]net.Listener)
	}
	start := rand.IntN(count)
	for i := range count {
		port := first + (start+i)%count
		if ports.claims[port] != nil {
			continue
		}
		// An abstract socket is a lock that the kernel lets go of for us.
		claim, err := net.Listen("unix", fmt.Sprintf("@gatehouse-port-%d", port))
		if err != nil {
			continue
		}
		if l, err := net.Listen("tcp", fmt.Sprintf(":%d", port)); err == nil {
			l.Close()
			ports.claims[port] = claim
			return port, nil
		}
		claim.Close()
	}
	return 0, fmt.Errorf("no free TCP port between %d and %d", first, first+count-1)
}

// loopback returns 127.0.0.1 with a free port.
func loopback() (addr string, port int, err error) {
	if port, err = FreePort(); err != nil {
		return "", 0, err
	}
	return fmt.Sprintf("127.0.0.1:%d", port), port, nil
}

// Accepts waits until something accepts connections on all addresses.
func Accepts(ctx context.Context, addrs ...string) error { return accepts(ctx, addrs...) }

// accepts waits until something accepts connections on all addresses.
func accepts(ctx context.Context, addrs ...string) error {
	for _, addr := range addrs {
		if err := retry(ctx, func() error {
			var d net.Dialer
			conn, err := d.DialContext(ctx, "tcp", addr)
			if err == nil {
				conn.Close()
			}
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// oneRequest opens a connection for each request: one kept from before a
// restart would fail.
var oneRequest = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// retry calls try until it succeeds or ctx ends.
func retry(ctx context.Context, try func() error) error {
	wait := 2 * time.Millisecond
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		case <-time.After(wait):
			wait = min(2*wait, 50*time.Millisecond)
		}
	}
}

//go:embed templates
var templates embed.FS

// quoting has the string literals of the configuration languages.
var quoting = template.FuncMap{
	"lua":  luaString,
	"yaml": yamlString,
	"tag":  tagValue,
	"line": oneLine,
}

// luaString is a Lua string literal: decimal escapes for all but plain ASCII.
func luaString(s string) string {
	return escaped(s, func(b byte) string { return fmt.Sprintf(`\%03d`, b) })
}

// yamlString is a double-quoted YAML scalar.
func yamlString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// tagValue is an attribute of InspIRCd's configuration, which is XML-like.
func tagValue(s string) string {
	return `"` + strings.NewReplacer("&", "&amp;", `"`, "&quot;", "\n", " ", "\r", " ").Replace(s) + `"`
}

// oneLine is a value of ngIRCd's configuration, which has no quoting.
func oneLine(s string) string {
	return strings.NewReplacer("\n", " ", "\r", " ").Replace(s)
}

func escaped(s string, escape func(byte) string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			b.WriteString(escape(c))
		} else {
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// configure writes a configuration file from a template of this package.
func configure(file, name string, data any) error {
	t, err := template.New(name).Funcs(quoting).Option("missingkey=error").ParseFS(templates, "templates/"+name)
	if err != nil {
		return fmt.Errorf("read template %s: %w", name, err)
	}
	var text strings.Builder
	if err := t.Execute(&text, data); err != nil {
		return fmt.Errorf("fill template %s: %w", name, err)
	}
	return os.WriteFile(file, []byte(text.String()), 0o600)
}

// folder makes the folder of a server and returns its absolute path.
func folder(dir string) (string, error) {
	if dir == "" {
		return "", fmt.Errorf("a server needs a folder")
	}
	path, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return path, os.MkdirAll(path, 0o700)
}
