package lab

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Slow is a directory, seen through a file system that takes its time when mail
// files are opened and read.
type Slow struct {
	Source, Mount   string
	program, socket string
	cmd             *exec.Cmd
}

// CanMount tells why slow file systems can't be had here.
func CanMount() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("needs root")
	}
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("needs FUSE: %w", err)
	}
	return f.Close()
}

// Mount shows dir/source at dir/mount; each open and each read of a mail file
// takes the delay. direct: the kernel reads nothing ahead, and each read of a
// program is one. Either way an open forgets what was cached of the file.
func Mount(program, dir string, delay time.Duration, direct bool) (*Slow, error) {
	s := &Slow{
		Source: filepath.Join(dir, "source"), Mount: filepath.Join(dir, "mount"),
		program: program, socket: filepath.Join(dir, "slowfs"),
	}
	for _, path := range []string{s.Source, s.Mount} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return nil, err
		}
	}
	if err := Own(s.Source); err != nil {
		return nil, err
	}
	s.cmd = exec.Command(program, fmt.Sprintf("-direct=%v", direct), "-match", MailFiles,
		"-open", delay.String(), "-read", delay.String(),
		"-control", s.socket, s.Source, s.Mount)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startWithUs(s.cmd); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "ready\n" {
		s.cmd.Process.Signal(syscall.SIGTERM)
		s.cmd.Wait()
		return nil, fmt.Errorf("slowfs says %q, %v", line, err)
	}
	return s, nil
}

// Unmount ends it.
func (s *Slow) Unmount() error {
	s.cmd.Process.Signal(syscall.SIGTERM)
	return s.cmd.Wait()
}

// Tell sends a command, as slowfs's help has them. Returns the reply.
func (s *Slow) Tell(command string) (string, error) {
	args := append([]string{"-send", s.socket}, strings.Fields(command)...)
	out, err := exec.Command(s.program, args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("slowfs: %s: %w: %s", command, err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// MailFiles are the names of files that have mail in them, for slowfs's match.
const MailFiles = "u.[0-9]*,m.[0-9]*"

// SetDelay of opens and reads.
func (s *Slow) SetDelay(d time.Duration) error {
	for _, op := range []string{"open", "read"} {
		if _, err := s.Tell("delay " + op + " " + d.String()); err != nil {
			return err
		}
	}
	return nil
}
