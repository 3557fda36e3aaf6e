package servers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// The versions are also in scripts/install.
const (
	emulateVersion    = "0.11.2"
	converseVersion   = "14.0.0"
	playwrightVersion = "1.58.0"
	prismVersion      = "5.14.2"
)

// findModules gives the folder with what scripts/install got of npm for a name;
// file is in it.
func findModules(name, folder, file string) (modules string, err error) {
	if _, err := exec.LookPath("node"); err != nil {
		return "", fmt.Errorf("%s needs node 18 or newer: run scripts/install %s", name, name)
	}
	cache := os.Getenv("GATEHOUSE_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find %s: %w", name, err)
		}
		cache = filepath.Join(user, "gatehouse")
	}
	modules = filepath.Join(cache, folder, "node_modules")
	if _, err := os.Stat(filepath.Join(modules, file)); err != nil {
		return "", fmt.Errorf("%s is not installed: run scripts/install %s", name, name)
	}
	return modules, nil
}

// findEmulate returns the paths of node and of emulate's script.
func findEmulate() (node, script string, err error) {
	const file = "emulate/dist/index.js"
	modules, err := findModules("emulate", "emulate-"+emulateVersion, file)
	if err != nil {
		return "", "", err
	}
	node, err = exec.LookPath("node")
	return node, filepath.Join(modules, file), err
}

// findConverse returns the folder of modules with converse.js and playwright-core.
func findConverse() (modules string, err error) {
	return findModules("converse", "converse-"+converseVersion+"-"+playwrightVersion, "converse.js/dist/converse.min.js")
}
