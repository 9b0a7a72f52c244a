package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// behindTests: commands that a client sends without waiting for replies, and that
// the server works on at the same time or one after the other.
func behindTests(w *world, r *report) error {
	if !r.wanted("races/behind") {
		return nil
	}
	// So few are read at once that a SEARCH takes its time.
	s, err := w.addRaceSite("behind", r, func(c *lab.Config) {
		c.Extra += "plugin {\n  dbox_aio_window = 2\n}\n"
	})
	if err != nil {
		return err
	}
	s.run("behind/fetch", func() error { return s.behindSearch(s.fetchBehind) })
	s.run("behind/append", func() error { return s.behindSearch(s.appendBehind) })
	s.run("behind/order", s.orderBehind)
	return s.lab.Stop()
}

// In so many tries some replies came out of order, one in eight, before there was
// anything against it.
const orderTries = 60

// A SEARCH that takes longer than those who come behind it wait for. The FETCH has
// begun, and its first mail, which is more than a client's buffers have room for,
// been read, before it ends.
const (
	behindMails = 160
	behindLarge = 5 << 20
	behindDelay = 30 * time.Millisecond
	behindFirst = "s1 UID SEARCH UID 2:* TEXT nowhere\r\n" +
		"s2 UID FETCH 1:* (UID BODY.PEEK[])\r\n"
	// a bit more than the SEARCH takes
	behindEnd = 6 * time.Second
)

// behindSearch has f talk to a client of such a mailbox. The last reply is s3's.
func (s *raceSite) behindSearch(f func(c *wire.IMAP) error) error {
	if err := s.resetBoth("sdbox"); err != nil {
		return err
	}
	c, err := s.client("sdbox", "Other")
	if err != nil {
		return err
	}
	defer c.Drop()
	if err := fillBehind(c); err != nil {
		return err
	}
	if err := s.slow.SetDelay(behindDelay); err != nil {
		return err
	}
	c.SlowReader()
	if err := f(c); err != nil {
		return err
	}
	reply, err := c.Until("s3 ")
	if err != nil {
		return err
	}
	for _, line := range []string{"\r\ns1 OK ", "\r\ns2 OK "} {
		if !bytes.Contains(reply, []byte(line)) {
			return fmt.Errorf("no %q in %d bytes", line, len(reply))
		}
	}
	if n := bytes.Count(reply, []byte("Subject: behind\r\n")); n != behindMails-1 {
		return fmt.Errorf("%d whole mails came", n)
	}
	_, err = c.OK("NOOP")
	return err
}

// fillBehind makes the mailbox and selects it.
func fillBehind(c *wire.IMAP) error {
	var all strings.Builder
	for i := range behindMails {
		mail := "Subject: behind\r\n\r\nsmall\r\n"
		if i == 0 {
			mail = "Subject: large\r\n\r\n" +
				strings.Repeat("0123456789abcde\r\n", behindLarge/17)
		}
		fmt.Fprintf(&all, " {%d+}\r\n%s", len(mail), mail)
	}
	for _, command := range []string{"CREATE Behind",
		"APPEND Behind" + all.String(), "SELECT Behind"} {
		if _, err := c.OK(command); err != nil {
			return err
		}
	}
	return nil
}

// fetchBehind: the SEARCH is ready when the FETCH is in the middle of a mail,
// which then has to wait for another one.
func (s *raceSite) fetchBehind(c *wire.IMAP) error {
	if err := c.Send(behindFirst + "s3 UID FETCH 1 (FLAGS)\r\n"); err != nil {
		return err
	}
	if err := c.Skip(taken); err != nil {
		return err
	}
	time.Sleep(behindEnd)
	return nil
}

// appendBehind: while both wait, the client is in the middle of a mail that it
// saves, and that can't be saved.
func (s *raceSite) appendBehind(c *wire.IMAP) error {
	const half = 10000
	err := c.Send(fmt.Sprintf("%ss3 APPEND Nowhere {%d+}\r\n%s", behindFirst,
		2*half, strings.Repeat("x", half)))
	if err != nil {
		return err
	}
	time.Sleep(behindEnd)
	return c.Send(strings.Repeat("x", half) + "\r\n")
}

// orderBehind: a busy process, and a client whose output wants to be flushed by
// itself, as COMPRESS has it. The two replies come in the order that they have with
// stock Dovecot: a command that can't be understood is answered before the FETCH
// is synced.
func (s *raceSite) orderBehind() error {
	if err := s.resetBoth("sdbox-large", "sdbox"); err != nil {
		return err
	}
	if err := s.slow.SetDelay(200 * time.Microsecond); err != nil {
		return err
	}
	var group sync.WaitGroup
	stop := make(chan struct{})
	errs := make([]error, 3)
	for i := range errs {
		group.Add(1)
		go func() {
			defer group.Done()
			errs[i] = s.keepBusy("sdbox-large", stop)
		}()
	}
	err := s.ordered()
	close(stop)
	group.Wait()
	return errors.Join(append(errs, err)...)
}

func (s *raceSite) keepBusy(user string, stop chan struct{}) error {
	c, err := s.client(user, "INBOX")
	if err != nil {
		return err
	}
	defer c.Drop()
	for {
		select {
		case <-stop:
			return nil
		default:
		}
		if _, err := c.OK("FETCH 1:* (BODY.PEEK[])"); err != nil {
			return err
		}
	}
}

func (s *raceSite) ordered() error {
	c, err := wire.Login(s.lab.IMAPAddr(), "sdbox", lab.Password)
	if err != nil {
		return err
	}
	defer c.Drop()
	if err := c.Compress(); err != nil {
		return err
	}
	if _, err := c.OK("SELECT INBOX"); err != nil {
		return err
	}
	for i := range orderTries {
		err := c.Send(fmt.Sprintf("o1 FETCH %d (BODY.PEEK[TEXT]<0.10>)\r\n"+
			"o2 FETCH abc FLAGS\r\n", i%40+1))
		if err != nil {
			return err
		}
		reply, err := c.Until("o1 OK ")
		if err == nil && !bytes.Contains(reply, []byte("\r\no2 BAD ")) {
			err = fmt.Errorf("round %d: out of order: %q", i, reply)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
