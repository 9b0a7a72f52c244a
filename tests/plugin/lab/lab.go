// Package lab runs private Dovecots: on 127.0.0.1, in a directory of their own,
// without anything of the system's Dovecot but its programs. And slow file
// systems for their mail.
package lab

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Password is every user's.
const Password = "secret"

// MailUser owns all mail: one uid, so that one imap process serves everybody.
const MailUser = "nobody"

const (
	libexec      = "/usr/lib/dovecot"
	stockModules = libexec + "/modules"
)

// Libraries is where Dovecot's shared libraries are.
const Libraries = libexec

// How long a Dovecot may take to start or to stop. It takes a second.
const patience = 60 * time.Second

// User is one in the passwd-file. Fields are of the userdb, "NAME=VALUE": that
// is how one Dovecot has users with different kinds of storage.
type User struct {
	Name   string
	Home   string
	Mail   string // mail_location
	Fields []string
}

// Config says what kind of Dovecot it is.
type Config struct {
	// Modules is where the plugin was built; empty: stock.
	Modules string
	// Library is where libdbox_aio.so is that the modules are to be given.
	Library string
	// Environment is what all processes get besides, NAME=VALUE.
	Environment []string
	// OtherPlugins are mail_plugins that are on, too, for both.
	OtherPlugins string
	// IMAPPlugins are those that are on, too, for imap alone.
	IMAPPlugins string
	// Plugin holds the plugin's settings.
	Plugin []string
	// Prefetch is mail_prefetch_count.
	Prefetch int
	// VszLimit of the imap service; 0: none, "default" leaves Dovecot's.
	VszLimit string
	// ProcessPerClient is Dovecot's usual way. Otherwise one process serves all.
	ProcessPerClient bool
	// Extra is appended to the configuration.
	Extra string
	Users []User
}

// Lab is a Dovecot.
type Lab struct {
	Dir    string
	Config Config

	imapPort, popPort int
	master            *exec.Cmd
	done              chan struct{}
	err               error // of the master, when done
}

// New writes the configuration; the Dovecot is not running yet.
func New(dir string, config Config) (*Lab, error) {
	l := &Lab{Dir: dir, Config: config}
	for _, sub := range []string{"run", "state", "modules"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	if err := l.linkModules(); err != nil {
		return nil, err
	}
	var err error
	if l.imapPort, err = FreePort(); err != nil {
		return nil, err
	}
	if l.popPort, err = FreePort(); err != nil {
		return nil, err
	}
	return l, l.WriteConfig()
}

// linkModules makes one directory of Dovecot's modules and the plugin's.
func (l *Lab) linkModules() error {
	sources := []string{stockModules}
	if l.Config.Modules != "" {
		sources = append(sources, l.Config.Modules)
	}
	for _, source := range sources {
		entries, err := os.ReadDir(source)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if source != stockModules && filepath.Ext(entry.Name()) != ".so" {
				continue
			}
			to := filepath.Join(l.Dir, "modules", entry.Name())
			err := os.Symlink(filepath.Join(source, entry.Name()), to)
			if err != nil && !errors.Is(err, os.ErrExist) {
				return err
			}
		}
	}
	return nil
}

// HasModule tells whether a plugin is installed.
func HasModule(file string) bool {
	_, err := os.Stat(filepath.Join(stockModules, file))
	return err == nil
}

// FreePort finds one that nobody listens at, below those that the kernel gives to
// clients: it must still be free when this Dovecot is started again.
func FreePort() (int, error) {
	for range 1000 {
		port := 10000 + rand.IntN(22000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no port is free")
}

// ConfigFile is what dovecot, doveadm and imap are given with -c.
func (l *Lab) ConfigFile() string {
	return filepath.Join(l.Dir, "dovecot.conf")
}

// LogFile has everything that this Dovecot said.
func (l *Lab) LogFile() string {
	return filepath.Join(l.Dir, "dovecot.log")
}

// IMAPAddr and POP3Addr are where it listens.
func (l *Lab) IMAPAddr() string { return fmt.Sprintf("127.0.0.1:%d", l.imapPort) }
func (l *Lab) POP3Addr() string { return fmt.Sprintf("127.0.0.1:%d", l.popPort) }

// Start returns when it answers.
func (l *Lab) Start() error {
	cmd := exec.Command("/usr/sbin/dovecot", "-F", "-c", l.ConfigFile())
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := startWithUs(cmd); err != nil {
		return err
	}
	l.master, l.done = cmd, make(chan struct{})
	go func() {
		l.err = cmd.Wait()
		close(l.done)
	}()
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		select {
		case <-l.done:
			return fmt.Errorf("dovecot ended at once: %v\n%s%s", l.err,
				said.Bytes(), l.Tail(20))
		case <-time.After(20 * time.Millisecond):
		}
		conn, err := net.Dial("tcp", l.IMAPAddr())
		if err == nil {
			conn.Close()
			return nil
		}
	}
	l.Stop()
	return fmt.Errorf("dovecot does not listen\n%s", l.Tail(20))
}

// Stop ends it, with all of its processes.
func (l *Lab) Stop() error {
	if l.master == nil {
		return nil
	}
	pid := l.master.Process.Pid
	l.master.Process.Signal(syscall.SIGTERM)
	select {
	case <-l.done:
	case <-time.After(patience):
		syscall.Kill(-pid, syscall.SIGKILL)
		<-l.done
		l.master = nil
		return errors.New("dovecot did not stop at SIGTERM")
	}
	l.master = nil
	// The master doesn't wait for everybody.
	deadline := time.Now().Add(patience)
	for syscall.Kill(-pid, 0) == nil {
		if time.Now().After(deadline) {
			left := groupOf(pid)
			syscall.Kill(-pid, syscall.SIGKILL)
			return fmt.Errorf("processes outlived dovecot: %s", left)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}

// Reload makes it read its configuration anew.
func (l *Lab) Reload() error {
	_, err := l.Admin("", "reload")
	return err
}

// groupOf tells the names of the processes in a group.
func groupOf(pgid int) string {
	var names []string
	dirs, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, stat := range dirs {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue
		}
		name, rest, ok := strings.Cut(string(text), ") ")
		var state string
		var parent, group int
		if _, err := fmt.Sscan(rest, &state, &parent, &group); err == nil &&
			ok && group == pgid {
			names = append(names, name+") "+state)
		}
	}
	return strings.Join(names, ", ")
}
