package gammu

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"gatehouse/gateway/transport"
)

// The folders of the spool.
const (
	inbox  = "inbox"
	outbox = "outbox"
	sent   = "sent"
	failed = "error"
)

// What became of a text is the end of its file's name, once its user was told.
const (
	waiting   = ".smsbackup"
	delivered = ".delivered"
	undone    = ".failed"

	largestFile = 256 << 10
	fileMode    = 0o660 // gammu-smsd notes in the file what it sent, as another user of the same group
)

// ours matches the names of files that this package wrote: gammu-smsd sends
// in the order of the names (gammu-smsd-files(7)).
var ours = regexp.MustCompile(`^OUTC\d{8}_\d{6}_\d{6}_(\+?\d{1,20})_([0-9a-f]{24})(\.smsbackup|\.delivered|\.failed)$`)

// An outgoing file is a text that was handed over.
type outgoing struct {
	folder, name string
	to           string
	id           transport.MessageID
	state        string
}

// A spool is the folder that gammu-smsd works in.
type spool string

func (s spool) path(folder, name string) string { return filepath.Join(string(s), folder, name) }

// put adds a text to the outbox. It is there as a whole, or not at all.
func (s spool) put(name, content string) error {
	temporary := s.path(outbox, "."+name+".tmp") // gammu-smsd leaves hidden files alone
	f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	defer os.Remove(temporary)
	_, err = f.WriteString(content)
	if err := errors.Join(err, f.Chmod(fileMode), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, s.path(outbox, name)); err != nil {
		return err
	}
	if folder, err := os.Open(s.path(outbox, "")); err == nil {
		_ = folder.Sync() // else a crash of the machine may lose the name, and the text is looked for
		folder.Close()
	}
	return nil
}

// files gives the texts in a folder, the oldest first.
func (s spool) files(folder string) ([]outgoing, error) {
	names, err := s.names(folder)
	if err != nil {
		return nil, err
	}
	var found []outgoing
	for _, name := range names {
		if m := ours.FindStringSubmatch(name); m != nil {
			found = append(found, outgoing{folder, name, m[1], transport.MessageID(m[2]), m[3]})
		}
	}
	return found, nil
}

// names gives the regular files of a folder, in their order.
func (s spool) names(folder string) ([]string, error) {
	entries, err := os.ReadDir(s.path(folder, ""))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// find looks for a text. It looks in the order in which gammu-smsd moves them.
func (s spool) find(id transport.MessageID) (outgoing, bool, error) {
	for _, folder := range []string{outbox, sent, failed} {
		files, err := s.files(folder)
		if err != nil {
			return outgoing{}, false, err
		}
		if i := slices.IndexFunc(files, func(o outgoing) bool { return o.id == id }); i >= 0 {
			return files[i], true, nil
		}
	}
	return outgoing{}, false, nil
}

// mark notes in a file's name what became of the text.
func (s spool) mark(o outgoing, state string) error {
	name := strings.TrimSuffix(o.name, o.state) + state
	return os.Rename(s.path(o.folder, o.name), s.path(o.folder, name))
}

// read gives a file's content, unless it is larger than any that belongs here.
func (s spool) read(folder, name string) (string, error) {
	f, err := os.Open(s.path(folder, name))
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err == nil && len(content) > largestFile {
		err = fmt.Errorf("it has more than %d bytes", largestFile)
	}
	return string(content), err
}

// age is the time since gammu-smsd or we last wrote a file.
func (s spool) age(folder, name string) (time.Duration, error) {
	info, err := os.Lstat(s.path(folder, name))
	if err != nil {
		return 0, err
	}
	return time.Since(info.ModTime()), nil
}

// forget removes what is older than it need be: texts that came to an end, and
// what a crash left half written.
func (s spool) forget(after time.Duration) error {
	var errs []error
	for _, folder := range []string{outbox, sent, failed} {
		names, err := s.names(folder)
		errs = append(errs, err)
		for _, name := range names {
			half := strings.HasPrefix(name, ".OUTC") && strings.HasSuffix(name, ".tmp")
			if !half && (folder == outbox || !ours.MatchString(name)) {
				continue
			}
			if age, err := s.age(folder, name); err == nil && age > after {
				if err := os.Remove(s.path(folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
					errs = append(errs, err)
				}
			}
		}
	}
	return errors.Join(errs...)
}

// move takes a text to another folder.
func (s spool) move(o outgoing, folder string) error {
	return os.Rename(s.path(o.folder, o.name), s.path(folder, o.name))
}
