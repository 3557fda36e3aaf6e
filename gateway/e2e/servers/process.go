package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	stopLimit = 10 * time.Second // for Close and Restart, until SIGKILL
	logLimit  = 16 << 10         // bytes of log in a failure message
)

// A Server is one server process that can be stopped and started again with
// the same folder and ports. All methods may be called from any goroutine,
// but Start, Stop, Kill, Restart and Close wait for each other.
type Server struct {
	Name string
	Dir  string // holds its configuration, data and log

	command    func() *exec.Cmd            // makes the process anew
	ready      func(context.Context) error // waits until it serves
	startLimit time.Duration

	changing sync.Mutex // held while the process is started or stopped
	mu       sync.Mutex // guards current
	current  *process
}

// A process is one run of a server.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once it is gone
	err  error         // how it ended, after done
}

// Run starts a program of any kind as a Server, such as the gateway itself.
// command makes its process anew for each start, with standard input as it
// likes; ready waits until the program serves, for at most half a minute.
func Run(ctx context.Context, name, dir string, command func() *exec.Cmd, ready func(context.Context) error) (*Server, error) {
	dir, err := folder(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{Name: name, Dir: dir, startLimit: time.Minute, command: command, ready: ready}
	if err := s.Start(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Start starts the server and waits until it serves; ctx bounds the start
// only. A server that runs already is an error. If the start fails, nothing is
// left running and the error has the end of the log.
func (s *Server) Start(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.start(ctx)
}

func (s *Server) start(ctx context.Context) error {
	if s.Running() {
		return fmt.Errorf("start %s: it is running", s.Name)
	}
	p, err := s.launch()
	if err != nil {
		return fmt.Errorf("start %s: %w", s.Name, err)
	}
	s.mu.Lock()
	s.current = p
	s.mu.Unlock()

	ctx, cancel := context.WithTimeoutCause(ctx, s.startLimit,
		fmt.Errorf("not ready after %v", s.startLimit))
	defer cancel()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	go func() {
		select {
		case <-p.done:
			fail(fmt.Errorf("it ended: %s", p.cmd.ProcessState))
		case <-ctx.Done():
		}
	}()
	if err := s.ready(ctx); err != nil {
		p.kill()
		return fmt.Errorf("start %s: %w\n%s", s.Name, err, s.Log())
	}
	return nil
}

// withoutCores keeps a server that crashes from leaving a core file where the
// tests run. Children inherit the limit (setrlimit(2)).
var withoutCores = sync.OnceFunc(func() {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_CORE, &limit) == nil {
		limit.Cur, limit.Max = 0, 0 // InspIRCd sets the one to the other
		_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &limit)
	}
})

// launch starts the process in a process group of its own.
func (s *Server) launch() (*process, error) {
	log, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	withoutCores()
	cmd := s.command()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}

	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer close(p.done)
		// The death signal follows the thread that started the child
		// (prctl(2), PR_SET_PDEATHSIG), so that thread must stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		p.err = cmd.Wait()
		// Helpers of the server, if it left any.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}()
	if err := <-started; err != nil {
		<-p.done
		return nil, err
	}
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// signal sends a signal to the server itself, not to its helpers.
func (p *process) signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// kill ends the whole group and waits.
func (p *process) kill() {
	if p.running() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	}
	<-p.done
}

func (s *Server) process() *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// Running says whether the process is there.
func (s *Server) Running() bool {
	p := s.process()
	return p != nil && p.running()
}

// PID returns the id of the process, 0 if none was started.
func (s *Server) PID() int {
	if p := s.process(); p != nil {
		return p.cmd.Process.Pid
	}
	return 0
}

// Stop asks the server to end (SIGTERM) and waits for it. When ctx ends first,
// the server is killed and Stop returns an error. Stopping a server that is
// not running is no error.
func (s *Server) Stop(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.stop(ctx)
}

func (s *Server) stop(ctx context.Context) error {
	p := s.process()
	if p == nil || !p.running() {
		return nil
	}
	if err := errors.Join(p.signal(syscall.SIGTERM), p.signal(syscall.SIGCONT)); err != nil {
		return fmt.Errorf("stop %s: %w", s.Name, err)
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		p.kill()
		return fmt.Errorf("stop %s: killed, as it did not end: %w", s.Name, context.Cause(ctx))
	}
}

// Kill ends the server at once (SIGKILL), as a crash would, and waits until it
// is gone.
func (s *Server) Kill() {
	s.changing.Lock()
	defer s.changing.Unlock()
	if p := s.process(); p != nil {
		p.kill()
	}
}

// Restart stops the server and starts it again with its folder and ports.
func (s *Server) Restart(ctx context.Context) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	stopping, cancel := context.WithTimeout(ctx, stopLimit)
	defer cancel()
	if err := s.stop(stopping); err != nil {
		return err
	}
	return s.start(ctx)
}

// Close stops the server, with force after ten seconds, and returns once it is
// gone. The folder stays: it belongs to the caller.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopLimit)
	defer cancel()
	return s.Stop(ctx)
}

// Pause freezes the server (SIGSTOP): its connections stay open and silent.
func (s *Server) Pause() error { return s.signalRunning(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (s *Server) Resume() error { return s.signalRunning(syscall.SIGCONT) }

func (s *Server) signalRunning(sig syscall.Signal) error {
	p := s.process()
	if p == nil || !p.running() {
		return fmt.Errorf("%s is not running", s.Name)
	}
	return p.signal(sig)
}

// Wait waits until the process is gone and returns how it ended: nil after
// exit status 0, an *exec.ExitError otherwise.
func (s *Server) Wait(ctx context.Context) error {
	p := s.process()
	if p == nil {
		return fmt.Errorf("%s was not started", s.Name)
	}
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Server) logFile() string { return filepath.Join(s.Dir, s.Name+".log") }

// Log returns the end of what the server has written, over all its runs, with
// the server's name: for failure messages.
func (s *Server) Log() string {
	f, err := os.Open(s.logFile())
	if err != nil {
		return fmt.Sprintf("%s left no log: %v", s.Name, err)
	}
	defer f.Close()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, size-logLimit), io.SeekStart)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return fmt.Sprintf("log of %s: %v", s.Name, err)
	}
	lines := strings.ToValidUTF8(strings.TrimRight(string(text), "\n"), "�")
	return fmt.Sprintf("log of %s (%s):\n%s", s.Name, s.logFile(), lines)
}
