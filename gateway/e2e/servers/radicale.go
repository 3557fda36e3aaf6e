package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A Radicale is a running Radicale, a server for address books, with the
// account of one user.
type Radicale struct {
	*Server
	URL, User, Password string // of the account
}

const radicaleConfig = `[server]
hosts = %s
[auth]
type = htpasswd
htpasswd_filename = %s
htpasswd_encryption = plain
[storage]
filesystem_folder = %s
[web]
type = none
`

func findRadicale() (string, error) {
	const path = "/usr/lib/python3/dist-packages/radicale/__init__.py"
	if _, err := os.Stat(path); err != nil {
		return "", errors.New("radicale is not installed: run scripts/install radicale (or apt-get install python3-radicale)")
	}
	return path, nil
}

// StartRadicale starts a Radicale with its configuration and data in dir.
func StartRadicale(ctx context.Context, dir string) (*Radicale, error) {
	if _, err := findRadicale(); err != nil {
		return nil, err
	}
	dir, err := folder(dir)
	if err != nil {
		return nil, err
	}
	addr, _, err := loopback()
	if err != nil {
		return nil, err
	}
	r := &Radicale{URL: "http://" + addr + "/", User: "romeo", Password: "by a name I know not"}
	users := filepath.Join(dir, "users")
	config := filepath.Join(dir, "config")
	for file, text := range map[string]string{
		users:  r.User + ":" + r.Password + "\n",
		config: fmt.Sprintf(radicaleConfig, addr, users, filepath.Join(dir, "data")),
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	r.Server = &Server{
		Name: "radicale", Dir: dir, startLimit: time.Minute,
		// Debian's own Python has it, whichever else is in the PATH.
		command: func() *exec.Cmd { return exec.Command("/usr/bin/python3", "-m", "radicale", "--config", config) },
		ready:   func(ctx context.Context) error { return accepts(ctx, addr) },
	}
	if err := r.Start(ctx); err != nil {
		return nil, err
	}
	const book = `<?xml version="1.0"?><mkcol xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><set><prop>
		<resourcetype><collection/><C:addressbook/></resourcetype><displayname>Friends</displayname></prop></set></mkcol>`
	if _, err := r.Do(ctx, "MKCOL", "friends/", book); err != nil {
		return nil, err
	}
	return r, nil
}

// Do does something with what the account has at a path, and gives the answer.
func (r *Radicale) Do(ctx context.Context, method, path, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.URL+r.User+"/"+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.SetBasicAuth(r.User, r.Password)
	if method == http.MethodPut {
		req.Header.Set("Content-Type", "text/vcard")
	}
	res, err := oneRequest.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err == nil && res.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, res.Status, answer)
	}
	return string(answer), err
}
