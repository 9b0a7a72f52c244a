package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

var starts chan func()

// Children get a SIGTERM when the thread that started them ends: so there is
// one for that, and it lives as long as we do.
func init() {
	starts = make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range starts {
			f()
		}
	}()
}

// startWithUs starts a command that ends when we die.
func startWithUs(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM
	done := make(chan error, 1)
	starts <- func() { done <- cmd.Start() }
	return <-done
}

// Output is what a command printed, and how it ended.
type Output struct {
	Stdout, Stderr []byte
	Code           int // -1: by a signal
	Signal         syscall.Signal
	PeakKB         int64 // resident
}

// Run runs a command to its end; only one that could not be run is an error.
func Run(cmd *exec.Cmd) (Output, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := startWithUs(cmd)
	if err != nil {
		return Output{}, err
	}
	err = cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Output{}, err
	}
	o := Output{
		Stdout: out.Bytes(), Stderr: errs.Bytes(),
		Code: cmd.ProcessState.ExitCode(),
	}
	status := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		o.Signal = status.Signal()
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		o.PeakKB = usage.Maxrss
	}
	return o, nil
}

// environment of commands: nothing but what they need.
func (l *Lab) environment() []string {
	env := []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TZ=UTC", "LC_ALL=C",
		"HOME=" + l.Dir}
	return append(env, l.imported()...)
}

// imported is what Dovecot's processes get of the environment, too.
func (l *Lab) imported() []string {
	names := l.Config.Environment
	if l.Config.Library != "" {
		names = append([]string{"LD_LIBRARY_PATH=" + l.Config.Library}, names...)
	}
	return names
}

// Doveadm runs doveadm COMMAND for a user ("": for none). Arguments before the
// command, such as -f or -o, come first.
func (l *Lab) Doveadm(user string, args ...string) (Output, error) {
	full := []string{"-c", l.ConfigFile()}
	for len(args) > 1 && (args[0] == "-f" || args[0] == "-o") {
		full, args = append(full, args[:2]...), args[2:]
	}
	full, args = append(full, args[0]), args[1:]
	if group := full[len(full)-1]; group == "mailbox" || group == "flags" ||
		group == "fts" {
		full, args = append(full, args[0]), args[1:]
	}
	if user != "" {
		full = append(full, "-u", user)
	}
	full = append(full, args...)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/bin/doveadm", full...)
	cmd.Env = l.environment()
	return Run(cmd)
}

// Admin is Doveadm where nothing but success will do. Returns its stdout.
func (l *Lab) Admin(user string, args ...string) ([]byte, error) {
	o, err := l.Doveadm(user, args...)
	if err == nil && o.Code != 0 {
		err = fmt.Errorf("exit code %d, signal %d: %s", o.Code, o.Signal,
			o.Stderr)
	}
	if err != nil {
		return nil, fmt.Errorf("doveadm %q: %w", args, err)
	}
	return o.Stdout, nil
}

// Imap runs imap without a server, on a pair of pipes.
func (l *Lab) Imap(user string) (*Pipe, error) {
	cmd := exec.Command(libexec+"/imap", "-c", l.ConfigFile(), "-u", user)
	cmd.Env = l.environment()
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startWithUs(cmd); err != nil {
		return nil, err
	}
	return &Pipe{Reader: out, WriteCloser: in, cmd: cmd}, nil
}

// Pipe is stdin and stdout of a program.
type Pipe struct {
	io.Reader
	io.WriteCloser
	cmd *exec.Cmd
}

// Close ends stdin, and waits for the program's end.
func (p *Pipe) Close() error {
	err := p.WriteCloser.Close()
	io.Copy(io.Discard, p.Reader)
	return errors.Join(err, p.cmd.Wait())
}
