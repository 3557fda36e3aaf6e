package servers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
)

// BiboumiOptions configure a biboumi.
type BiboumiOptions struct {
	Domain, Secret string
	Server         string // the XMPP server's port for components, on 127.0.0.1
}

// BiboumiDatabase is where a biboumi in dir keeps its SQLite database.
func BiboumiDatabase(dir string) string { return filepath.Join(dir, "biboumi.sqlite") }

// PrepareBiboumi configures a biboumi in dir and gives the command that runs it.
func PrepareBiboumi(dir string, o BiboumiOptions) (*exec.Cmd, error) {
	path, err := program("biboumi")
	if err != nil {
		return nil, err
	}
	if dir, err = folder(dir); err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(o.Server)
	if err != nil {
		return nil, fmt.Errorf("configure biboumi: %w", err)
	}
	text := fmt.Sprintf(`hostname=%s
password=%s
xmpp_server_ip=127.0.0.1
port=%s
db_name=%s
log_level=2
persistent_by_default=false
policy_directory=%s
identd_port=0
`, oneLine(o.Domain), oneLine(o.Secret), port, BiboumiDatabase(dir), dir)
	config := filepath.Join(dir, "biboumi.cfg")
	return exec.Command(path, config), os.WriteFile(config, []byte(text), 0o600)
}

// StartBiboumi starts a biboumi with its configuration and database in dir. It
// is ready once ready says so, such as by asking it through the XMPP server.
func StartBiboumi(ctx context.Context, dir string, o BiboumiOptions, ready func(context.Context) error) (*Server, error) {
	if _, err := PrepareBiboumi(dir, o); err != nil {
		return nil, err
	}
	return Run(ctx, "biboumi", dir, func() *exec.Cmd {
		cmd, _ := PrepareBiboumi(dir, o) // as above
		return cmd
	}, ready)
}
