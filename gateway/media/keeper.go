// Package media hosts the files that come with messages: it keeps them on the
// disk for a while, serves them over HTTP under links that can't be guessed,
// or uploads them to people's own servers.
//
// Each file is one file on the disk, named by the token of its link, with a
// head that says what it is. There is no other index: what is in the folder is
// what there is.
package media

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	headLength  = 2048 // of the part of a file that says what it is
	tokenBytes  = 20
	partPrefix  = "part-" // of files that are being written
	maxFiles    = 200_000
	perUserMax  = 20_000
	pruneEvery  = 10 * time.Minute
	staleAfter  = time.Hour // a part that nobody goes on with
	maxUserName = 1024
)

// Options are the limits of a Keeper.
type Options struct {
	Dir      string // made if it isn't there, for its owner alone
	Secret   []byte // tokens are made with it; the same as long as the files are to be found
	Keep     time.Duration
	MaxFile  int64 // bytes
	MaxUser  int64
	MaxTotal int64
	Log      *slog.Logger

	now func() time.Time // for tests
}

// Errors of a Keeper.
var (
	ErrTooLarge = errors.New("the file is larger than max_file")
	ErrFull     = errors.New("the files take all the space that max_total gives them")
	ErrGone     = errors.New("there is no such file, or no longer")
)

// A Keeper keeps files.
type Keeper struct {
	Options
	serving chan struct{} // holds a token for each file that is being sent

	mu    sync.Mutex // guards what follows; never held while a file is read or written
	files map[string]*kept
	users map[string]*usage
	total int64

	removed uint64   // files, to name them apart
	gone    []string // that unlock removes
}

// kept is what is known of a file without reading it.
type kept struct {
	user string
	size int64
	at   time.Time
}

type usage struct {
	files int
	size  int64
}

// A head says what a file is.
type head struct {
	User   string
	Name   string
	Type   string
	SHA256 []byte
	Width  int `json:",omitempty"`
	Height int `json:",omitempty"`
}

// Open makes the folder and finds what is in it.
func Open(o Options) (*Keeper, error) {
	if o.now == nil {
		o.now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	k := &Keeper{Options: o, serving: make(chan struct{}, atOnce), files: map[string]*kept{}, users: map[string]*usage{}}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of files: %w", err)
	}
	if err := k.find(); err != nil {
		return nil, fmt.Errorf("look at the folder of files: %w", err)
	}
	return k, nil
}

func (k *Keeper) find() error {
	entries, err := os.ReadDir(k.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if strings.HasPrefix(e.Name(), partPrefix) {
			os.Remove(filepath.Join(k.Dir, e.Name()))
			continue
		}
		if !isToken(e.Name()) || info.Size() < headLength {
			continue
		}
		h, err := k.readHead(e.Name())
		if err != nil {
			k.Log.Warn("a file in the folder of files is none of ours, and stays", "file", e.Name())
			continue
		}
		k.note(e.Name(), &kept{user: h.User, size: info.Size(), at: info.ModTime()})
	}
	k.prune()
	return nil
}

func isToken(s string) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && len(b) == tokenBytes
}

// token names a file of a user. It tells nothing of either.
func (k *Keeper) token(h head) string {
	mac := hmac.New(sha256.New, k.Secret)
	fmt.Fprintf(mac, "%s\x00%s\x00%s\x00%x", h.User, h.Name, h.Type, h.SHA256)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:tokenBytes])
}

// note and drop keep the sums. The caller holds mu, or is alone.
func (k *Keeper) note(token string, f *kept) {
	u := k.users[f.user]
	if u == nil {
		u = &usage{}
		k.users[f.user] = u
	}
	u.files++
	u.size += f.size
	k.total += f.size
	k.files[token] = f
}

func (k *Keeper) drop(token string) {
	f := k.files[token]
	if f == nil {
		return
	}
	delete(k.files, token)
	k.total -= f.size
	u := k.users[f.user]
	u.files--
	if u.size -= f.size; u.files == 0 {
		delete(k.users, f.user)
	}
}

// A part is a file on its way in.
type part struct {
	head
	file *os.File
	size int64
}

// take writes content into a part, and looks what it is.
func (k *Keeper) take(user, name, claimed string, content io.Reader) (*part, error) {
	f, err := os.CreateTemp(k.Dir, partPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a file: %w", err)
	}
	p := &part{head: head{User: user}, file: f}
	if err := p.fill(k.MaxFile, name, claimed, content); err != nil {
		p.discard()
		return nil, err
	}
	return p, nil
}

func (p *part) fill(max int64, name, claimed string, content io.Reader) error {
	if _, err := p.file.Seek(headLength, io.SeekStart); err != nil {
		return fmt.Errorf("write a file: %w", err)
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(p.file, hash), io.LimitReader(content, max+1))
	switch {
	case err != nil:
		return fmt.Errorf("take a file: %w", err)
	case n > max:
		return ErrTooLarge
	}
	p.size, p.SHA256 = n, hash.Sum(nil)
	start := make([]byte, min(n, sniffLength))
	if _, err := p.file.ReadAt(start, headLength); err != nil {
		return fmt.Errorf("read a file: %w", err)
	}
	p.Type = TypeOf(start, claimed)
	p.Name = NameOf(name, p.Type)
	p.Width, p.Height = dimensions(p.content())
	return nil
}

func (p *part) content() *io.SectionReader { return io.NewSectionReader(p.file, headLength, p.size) }

func (p *part) discard() {
	p.file.Close()
	os.Remove(p.file.Name())
}

// keep makes a part a file that is kept, and gives its token.
func (k *Keeper) keep(p *part) (string, error) {
	defer p.discard()
	token := k.token(p.head)
	b, err := json.Marshal(p.head)
	if err != nil || len(b) > headLength || len(p.User) > maxUserName {
		return "", fmt.Errorf("the head of a file is too long: %w", err)
	}
	b = append(b, bytes.Repeat([]byte(" "), headLength-len(b))...)
	if _, err := p.file.WriteAt(b, 0); err != nil {
		return "", fmt.Errorf("write a file: %w", err)
	}
	if err := p.file.Sync(); err != nil {
		return "", fmt.Errorf("write a file: %w", err)
	}
	f := &kept{user: p.User, size: headLength + p.size, at: k.now()}
	k.mu.Lock()
	again := k.files[token] != nil
	if again {
		k.files[token] = f // the same but for its time; who reads the other goes on
	} else {
		err = k.makeRoom(f)
		if err == nil {
			k.note(token, f)
		}
	}
	k.unlock()
	if err != nil {
		return "", err
	}
	path := filepath.Join(k.Dir, token)
	if err := os.Rename(p.file.Name(), path); err == nil {
		err = os.Chtimes(path, f.at, f.at)
		return token, err
	}
	k.mu.Lock()
	k.drop(token)
	k.mu.Unlock()
	return "", fmt.Errorf("keep a file: %w", err)
}

// makeRoom lets a user's oldest files give way to a new one, and nobody else's.
func (k *Keeper) makeRoom(f *kept) error {
	if f.size > k.MaxUser {
		return ErrTooLarge
	}
	u := k.users[f.user]
	fits := func() bool { return u == nil || u.size+f.size <= k.MaxUser && u.files < perUserMax }
	if !fits() {
		var theirs []string
		for token, other := range k.files {
			if other.user == f.user {
				theirs = append(theirs, token)
			}
		}
		slices.SortFunc(theirs, func(a, b string) int { return k.files[a].at.Compare(k.files[b].at) })
		for _, oldest := range theirs {
			if fits() {
				break
			}
			k.remove(oldest)
		}
	}
	if k.total+f.size > k.MaxTotal || len(k.files) >= maxFiles {
		return ErrFull
	}
	return nil
}

// open opens a file for reading.
func (k *Keeper) open(token string) (*opened, error) {
	k.mu.Lock()
	f := k.files[token]
	k.mu.Unlock()
	if f == nil || k.now().Sub(f.at) > k.Keep {
		return nil, ErrGone
	}
	file, err := os.Open(filepath.Join(k.Dir, token))
	if err != nil {
		return nil, ErrGone
	}
	h, err := readHead(file)
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("read a file: %w", err)
	}
	return &opened{
		head: h, at: f.at, until: f.at.Add(k.Keep), file: file,
		SectionReader: io.NewSectionReader(file, headLength, f.size-headLength),
	}, nil
}

// opened is a file that is being read.
type opened struct {
	head
	at, until time.Time
	file      *os.File
	*io.SectionReader
}

// Close implements io.Closer.
func (o *opened) Close() error { return o.file.Close() }

func (k *Keeper) readHead(token string) (head, error) {
	f, err := os.Open(filepath.Join(k.Dir, token))
	if err != nil {
		return head{}, err
	}
	defer f.Close()
	return readHead(f)
}

func readHead(f *os.File) (h head, err error) {
	b := make([]byte, headLength)
	if _, err := f.ReadAt(b, 0); err != nil {
		return h, err
	}
	err = json.Unmarshal(b, &h)
	return h, err
}
