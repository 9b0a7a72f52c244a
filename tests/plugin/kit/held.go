package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// What must let others go on while it waits for the storage. read: it has to
// read a mail file, if nothing is cached.
var heldCommands = []struct {
	command string
	read    bool
}{
	{"FETCH 1:* (BODY.PEEK[])", true},
	{"FETCH 1:* (BODY.PEEK[HEADER])", true},
	{"FETCH 1:* (BODY.PEEK[TEXT])", true},
	{"FETCH 1:* (BODY.PEEK[2.1])", true},
	{"FETCH 1:* (BODY.PEEK[1.MIME])", true},
	{"FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])", true},
	{"FETCH 1:* (BODY.PEEK[HEADER.FIELDS.NOT (SUBJECT)])", true},
	{"FETCH 1:* (BODY.PEEK[]<10.20>)", true},
	{"FETCH 1:* (BINARY.PEEK[1])", true},
	{"FETCH 1:* (BINARY.SIZE[1])", true},
	{"FETCH 1:* (ENVELOPE)", true},
	{"FETCH 1:* (BODYSTRUCTURE)", true},
	{"FETCH 1:* (BODY)", true},
	{"FETCH 1:* (RFC822.HEADER)", true},
	{"FETCH 1:* (RFC822.SIZE)", false},
	{"FETCH 1:* (INTERNALDATE)", false},
	{"FETCH 1:* (X-GUID)", false},
	{"FETCH 1:* (SNIPPET)", true},
	{"FETCH 1:* FULL", true},
	{"UID FETCH 7 (BODY.PEEK[])", true},
	{"SEARCH TEXT needle3", true},
	{"SEARCH BODY project", true},
	{"SEARCH HEADER SUBJECT week", true},
	{"SEARCH NOT BODY project LARGER 1000", true},
	{"UID SEARCH RETURN (COUNT) TEXT needle", true},
}

// others are clients in the same process that go on meanwhile.
type others struct {
	s    *raceSite
	c    *wire.IMAP
	user string
}

// goOn does what needs no mail file.
func (o *others) goOn() error {
	return within("another client's NOOP and STATUS", heldPatience, func() error {
		for _, command := range []string{"NOOP", "STATUS Other (MESSAGES)",
			"UID SEARCH ALL", "FETCH 1:* (FLAGS)", "NOOP"} {
			if _, err := o.c.OK(command); err != nil {
				return err
			}
		}
		return nil
	})
}

// comesIn is a client that is new.
func (o *others) comesIn() error {
	return within("a new client", heldPatience, func() error {
		c, err := o.s.client(o.user, "Other")
		if err != nil {
			return err
		}
		return c.Logout()
	})
}

// heldTests: another client of the process is served while reads are in flight.
func (s *raceSite) heldTests(name string) {
	k, other := kindNamed(name), "mdbox-one"
	for i, h := range heldCommands {
		if i%3 != 0 && name != "sdbox" && !s.world.o.full {
			continue
		}
		s.run("noop/"+name+"/"+h.command, func() error {
			if err := s.resetBoth(name, other); err != nil {
				return err
			}
			if err := s.forget(k); err != nil {
				return err
			}
			return s.heldTest(name, other, h.command, h.read)
		})
	}
	s.run("noop/"+name+"/cached", func() error {
		return s.heldTest(name, other, "FETCH 1:* (BODY.PEEK[])", true)
	})
	s.run("login/"+name, func() error { return s.loginMeanwhile(name, other) })
}

func (s *raceSite) heldTest(user, other, command string, reads bool) error {
	a, err := s.client(user, "INBOX")
	if err != nil {
		return err
	}
	defer a.Drop()
	b, err := s.client(other, "INBOX")
	if err != nil {
		return err
	}
	defer b.Drop()
	o := &others{s, b, other}
	reply, waited, err := s.whileHeld(a, command, o.goOn)
	if err != nil {
		return err
	}
	if reads && !waited {
		return errors.New("it was answered without reading any mail")
	}
	return s.same(user, "INBOX", command, reply)
}

// loginMeanwhile: a client comes while another one's reads are held up. Dovecot
// calls setuid() for him, for which every POSIX thread of the process must be out
// of the kernel: those that read are none.
func (s *raceSite) loginMeanwhile(user, other string) error {
	a, err := s.client(user, "INBOX")
	if err != nil {
		return err
	}
	defer a.Drop()
	command := "FETCH 1:* (BODY.PEEK[])"
	o := &others{s: s, user: other}
	came := make(chan error, 1)
	reply, waited, err := s.whileHeld(a, command, func() error {
		go func() { came <- o.comesIn() }()
		time.Sleep(200 * time.Millisecond)
		return nil
	})
	if err == nil && !waited {
		err = errors.New("it was answered without reading any mail")
	}
	if err != nil {
		return err
	}
	return errors.Join(<-came, s.same(user, "INBOX", command, reply))
}

// manyClients: all at once in one process, each gets what is his.
func (s *raceSite) manyClients(users []string, each int) error {
	if err := s.resetBoth(users...); err != nil {
		return err
	}
	commands := []string{"UID FETCH 1:* (BODY.PEEK[])", "SEARCH TEXT needle",
		"FETCH 1:* (ENVELOPE BODYSTRUCTURE)", "FETCH 1:* (BODY.PEEK[TEXT])"}
	expected := make(map[string][]byte)
	for _, user := range users {
		for _, command := range commands {
			reply, err := s.expected(user, "INBOX", command)
			if err != nil {
				return err
			}
			expected[user+command] = untag(reply)
		}
	}
	var group sync.WaitGroup
	errs := make([]error, len(users)*each)
	for i := range errs {
		group.Add(1)
		go func() {
			defer group.Done()
			user := users[i%len(users)]
			c, err := s.client(user, "INBOX")
			if err != nil {
				errs[i] = err
				return
			}
			defer c.Drop()
			for n := range commands {
				command := commands[(n+i)%len(commands)]
				reply, err := c.Do(command)
				d := wire.Difference(expected[user+command], untag(reply))
				if err == nil && d != "" {
					err = fmt.Errorf("%s: %s: %s", user, command, d)
				}
				if err != nil {
					errs[i] = err
					return
				}
			}
			errs[i] = c.Logout()
		}()
	}
	group.Wait()
	return errors.Join(errs...)
}

// mailClosed waits until a process has no mail file open, and returns what it has.
func mailClosed(pid int) (open []string, err error) {
	err = lab.Eventually(func() error {
		if open, err = lab.Descriptors(pid); err != nil {
			return err
		}
		return noMail(open)
	})
	return open, err
}

// descriptors is a test that a process has none left over once its clients are
// gone: as many as before, after the same has happened once.
func (s *raceSite) descriptors(f func() error) error {
	if err := f(); err != nil { // whatever is opened once and for all
		return err
	}
	pid, err := s.lab.OneProcess("imap")
	if err != nil {
		return err
	}
	before, err := mailClosed(pid)
	if err != nil {
		return err
	}
	for range 3 {
		if err := f(); err != nil {
			return err
		}
	}
	return lab.Eventually(func() error {
		after, err := lab.Descriptors(pid)
		if err == nil {
			err = noMail(after)
		}
		if err == nil && len(after) > len(before)+2 {
			err = fmt.Errorf("%d descriptors, %d before: %q", len(after),
				len(before), after)
		}
		return err
	})
}
