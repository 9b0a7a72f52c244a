package main

import (
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// endings are of processes, with reads in flight.
func (s *raceSite) endings() {
	s.run("doveadm-exits", func() error { return s.doveadmExits(30) })
	s.runEnding("hibernate", s.hibernate)
	for _, how := range []syscall.Signal{syscall.SIGTERM} {
		s.ending("killed/"+how.String(), func() error {
			pid, err := s.lab.OneProcess("imap")
			if err != nil {
				return err
			}
			return syscall.Kill(pid, how)
		})
	}
	s.ending("stopped", func() error {
		go func() {
			// What is held up could not end.
			time.Sleep(500 * time.Millisecond)
			s.letGo()
		}()
		if err := s.lab.Stop(); err != nil {
			return err
		}
		return s.lab.Start()
	})
}

// ending: the process ends while reads are held up and clients wait.
func (s *raceSite) ending(name string, end func() error) {
	name = "races/" + name
	if !s.r.wanted(name) {
		return
	}
	mark := len(s.lab.Log())
	err := s.endWithReads(end)
	s.letGo()
	s.lab.SettleLog()
	if lines := lab.Crashes(s.lab.LogSince(mark)); len(lines) > 0 {
		err = errors.Join(err, errors.New(strings.Join(lines, "\n")))
	}
	s.r.test(name, err)
}

func (s *raceSite) endWithReads(end func() error) error {
	if err := s.resetBoth("sdbox", "mdbox"); err != nil {
		return err
	}
	var clients []*wire.IMAP
	for _, user := range []string{"sdbox", "mdbox"} {
		c, err := s.client(user, "INBOX")
		if err != nil {
			return err
		}
		defer c.Drop()
		clients = append(clients, c)
	}
	if err := s.hold("open", "read"); err != nil {
		return err
	}
	for _, c := range clients {
		if _, err := c.Begin("FETCH 1:* (BODY.PEEK[])"); err != nil {
			return err
		}
	}
	if err := s.someHeld(2); err != nil {
		return err
	}
	before := s.lab.Processes("imap")
	if err := end(); err != nil {
		return err
	}
	time.Sleep(200 * time.Millisecond)
	if err := s.letGo(); err != nil {
		return err
	}
	err := lab.Eventually(func() error {
		for _, pid := range s.lab.Processes("imap") {
			for _, old := range before {
				if pid == old {
					return fmt.Errorf("process %d is still there", pid)
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// And everything goes on.
	return s.manyClients([]string{"sdbox", "mdbox"}, 1)
}

// doveadmExits: short processes, many of them; some end in the middle, when nobody
// reads what they print.
func (s *raceSite) doveadmExits(times int) error {
	if err := s.resetBoth("sdbox", "mdbox-one"); err != nil {
		return err
	}
	if err := s.slow.SetDelay(time.Millisecond); err != nil {
		return err
	}
	query := []string{"fetch", "text", "mailbox", "INBOX", "uid", "1:15"}
	for _, user := range []string{"sdbox", "mdbox-one"} {
		stock, err := s.world.stock.lab.Doveadm(user, query...)
		if err != nil {
			return err
		}
		for i := range times {
			o, err := s.lab.Doveadm(user, query...)
			if err != nil {
				return err
			}
			if o.Code != stock.Code || !bytes.Equal(o.Stdout, stock.Stdout) ||
				!bytes.Equal(o.Stderr, stock.Stderr) {
				return fmt.Errorf("run %d: code %d, signal %v, %d bytes: %s",
					i, o.Code, o.Signal, len(o.Stdout), o.Stderr)
			}
		}
		for range times / 3 {
			if err := s.unread(user); err != nil {
				return err
			}
		}
	}
	return nil
}

// unread runs a doveadm whose output nobody reads beyond the first line.
func (s *raceSite) unread(user string) error {
	doveadm := fmt.Sprintf("doveadm -c %s fetch -u %s text mailbox INBOX all",
		s.lab.ConfigFile(), user)
	cmd := exec.Command("bash", "-c", doveadm+
		` 2>&1 | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}"`)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return err
	}
	// 141: SIGPIPE. Dovecot's own way to notice is an exit code.
	switch code := strings.TrimSpace(string(out)); code {
	case "134", "135", "136", "139", "137":
		return fmt.Errorf("doveadm with nobody reading ended with code %s", code)
	}
	return nil
}

// hibernate: a client that idles is given to another process and comes back.
func (s *raceSite) hibernate() error {
	if err := s.resetBoth("sdbox", "mdbox"); err != nil {
		return err
	}
	s.lab.Config.Extra += "imap_hibernate_timeout = 1s\n"
	if err := s.lab.WriteConfig(); err != nil {
		return err
	}
	if err := s.lab.Stop(); err != nil {
		return err
	}
	if err := s.lab.Start(); err != nil {
		return err
	}
	a, err := s.client("sdbox", "INBOX")
	if err != nil {
		return err
	}
	defer a.Drop()
	command := "FETCH 1:20 (BODY.PEEK[])"
	if _, err := a.OK(command); err != nil {
		return err
	}
	for range 2 {
		tag, err := a.Begin("IDLE")
		if err != nil {
			return err
		}
		if _, err := a.Until("+ "); err != nil {
			return err
		}
		err = lab.Eventually(func() error {
			return s.hibernating()
		})
		if err != nil {
			return err
		}
		if err := a.Send("DONE\r\n"); err != nil {
			return err
		}
		if _, err := a.Until(tag + " OK"); err != nil {
			return err
		}
		reply, err := a.OK(command)
		if err != nil {
			return err
		}
		if err := s.same("sdbox", "INBOX", command, reply); err != nil {
			return err
		}
	}
	// Idling at once behind a FETCH that is held up
	_, waited, err := s.whileHeld(a, "FETCH 1:* (BODY.PEEK[TEXT])", func() error {
		if err := a.Send("i1 IDLE\r\n"); err != nil {
			return err
		}
		time.Sleep(1500 * time.Millisecond)
		return nil
	})
	if err == nil && !waited {
		err = errors.New("nothing was held up")
	}
	if err != nil {
		return err
	}
	if _, err := a.Until("+ "); err != nil {
		return err
	}
	if err := a.Send("DONE\r\n"); err != nil {
		return err
	}
	_, err = a.Until("i1 OK")
	return err
}

// hibernating: no imap process has a client.
func (s *raceSite) hibernating() error {
	if len(s.lab.Processes("imap-hibernate")) == 0 {
		return errors.New("there is no imap-hibernate")
	}
	for _, pid := range s.lab.Processes("imap") {
		open, err := lab.Descriptors(pid)
		if err != nil {
			continue
		}
		for _, target := range open {
			if strings.Contains(target, "dovecot.index") {
				return fmt.Errorf("imap still has %s open", target)
			}
		}
	}
	return nil
}
