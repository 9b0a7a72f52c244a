package main

import (
	"fmt"
	"slices"
	"strings"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// pop3 compares what POP3 clients get.
func (c *comparison) pop3() ([]string, error) {
	n := len(c.k.mails())
	if n > 12 && !c.full {
		n = 12
	}
	lines := []string{"STAT", "UIDL", "LIST"}
	for i := 1; i <= n; i++ {
		lines = append(lines, fmt.Sprintf("TOP %d %d", i, i%4))
	}
	for i := 1; i <= n; i++ {
		lines = append(lines, fmt.Sprintf("RETR %d", i))
	}
	lines = append(lines, "UIDL 2", "LIST 3", "TOP 1 100000", "RETR 99999",
		"DELE 2", "RETR 2", "STAT")
	differences, err := c.each("POP3", true, func(s *site) (*transcript, error) {
		return s.playPOP3(c.k.name, lines, false)
	})
	if err != nil {
		return nil, err
	}
	if c.k.slow && !c.full {
		return differences, nil
	}
	more, err := c.each("POP3 pipelined", true,
		func(s *site) (*transcript, error) {
			return s.playPOP3(c.k.name, lines, true)
		})
	return append(differences, more...), err
}

func (s *site) playPOP3(user string, lines []string,
	pipelined bool) (t *transcript, err error) {
	p, err := wire.LoginPOP3(s.lab.POP3Addr(), user, lab.Password)
	if err != nil {
		return nil, err
	}
	// It looks at other mailboxes when the client has gone, and must not find
	// a store that is just being made anew.
	pids := s.using("pop3", user)
	defer func() {
		p.Close()
		if err == nil {
			err = s.ended("pop3", pids)
		}
	}()
	t = &transcript{}
	lines = append(append([]string{}, lines...), "QUIT")
	if pipelined {
		go p.Send(strings.Join(lines, "\r\n") + "\r\n")
	}
	for _, line := range lines {
		var reply []byte
		if pipelined {
			reply, err = p.Reply(line)
		} else {
			reply, err = p.Do(line)
		}
		t.add(line, reply, err)
		if err != nil {
			break
		}
	}
	return t, nil
}

// What doveadm is asked for, one process each. SITE is where the site has a place
// of its own for the user.
var doveadmCommands = [][]string{
	{"-f", "pager", "fetch", "uid guid flags date.received date.sent " +
		"size.physical size.virtual text", "all"},
	{"fetch", "hdr", "mailbox", "INBOX", "1:9"},
	{"fetch", "body", "mailbox", "INBOX", "all"},
	{"fetch", "body.snippet", "mailbox", "INBOX", "all"},
	{"fetch", "imap.envelope imap.bodystructure imap.body", "all"},
	// Where a mail is not UTF-8 stock's output depends on where its buffers end.
	{"fetch", "text.utf8", "mailbox", "INBOX", "1:3"},
	{"fetch", "hdr.subject hdr.from.utf8 seq pop3.uidl pop3.order", "all"},
	{"fetch", "size.virtual", "all"},
	{"fetch", "guid", "all"},
	{"fetch", "uid", "body", "needle"},
	{"search", "body", "needle"},
	{"search", "text", "example.com"},
	{"search", "header", "subject", "week"},
	{"search", "larger", "4000"},
	{"fetch", "text", "uid", "99999"},
	{"mailbox", "status", "messages vsize guid", "*"},
	{"index", "INBOX"},
	{"fetch", "hdr.subject size.virtual imap.envelope", "all"},
}

func (c *comparison) doveadm() ([]string, error) {
	var differences []string
	for i, command := range doveadmCommands {
		if i%4 != 0 && !c.full && c.k.name != "sdbox" && c.k.name != "mdbox" &&
			!c.k.broken {
			continue
		}
		fresh := i == 0 || c.k.broken
		found, err := c.each(fmt.Sprintf("doveadm %q", command), fresh,
			func(s *site) (*transcript, error) {
				return s.playDoveadm(c.k, command)
			})
		if err != nil {
			return differences, err
		}
		differences = append(differences, found...)
	}
	found, err := c.each("dsync backup", true, func(s *site) (*transcript, error) {
		return s.playBackup(c.k)
	})
	return append(differences, found...), err
}

func (s *site) playDoveadm(k *kind, command []string) (*transcript, error) {
	o, err := s.lab.Doveadm(k.name, command...)
	if err != nil {
		return nil, err
	}
	t := &transcript{}
	t.add("stdout", o.Stdout, nil)
	// An error is told as often as it is met: that can be less often.
	said := strings.ReplaceAll(string(o.Stderr), s.dir(k), "STORE")
	said = reason.ReplaceAllString(said, "(read reason)")
	lines := strings.SplitAfter(said, "\n")
	slices.Sort(lines)
	said = strings.Join(slices.Compact(lines), "")
	t.add("stderr", []byte(said), nil)
	t.add("exit", fmt.Appendf(nil, "code %d, signal %d", o.Code, o.Signal), nil)
	return t, nil
}

// playBackup copies all mail to another store by dsync, and reads that.
func (s *site) playBackup(k *kind) (*transcript, error) {
	to := "maildir:" + s.sourceDir(k) + "/backup"
	t, err := s.playDoveadm(k, []string{"backup", to})
	if err != nil {
		return nil, err
	}
	read, err := s.playDoveadm(k, []string{"-o", "mail_location=" + to,
		"fetch", "uid guid flags date.received size.virtual text", "all"})
	if err != nil {
		return nil, err
	}
	t.sent = append(t.sent, read.sent...)
	t.replies = append(t.replies, read.replies...)
	return t, nil
}

// using are the processes that have a file of the store open.
func (s *site) using(name, user string) []int {
	var pids []int
	for _, pid := range s.lab.Processes(name) {
		open, _ := lab.Descriptors(pid)
		if slices.ContainsFunc(open, func(target string) bool {
			return strings.HasPrefix(target, s.dir(kindNamed(user))+"/")
		}) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// ended waits until these processes have.
func (s *site) ended(name string, pids []int) error {
	return lab.Eventually(func() error {
		for _, pid := range s.lab.Processes(name) {
			if slices.Contains(pids, pid) {
				return fmt.Errorf("%s, process %d, is still there", name, pid)
			}
		}
		return nil
	})
}
