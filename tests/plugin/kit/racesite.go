package main

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// raceSite is a site on slow storage whose reads can be held up for as long as a
// test wants. Then nothing depends on time: what is answered meanwhile, is
// answered by a process that does not wait for its storage.
type raceSite struct {
	*site
	r *report
}

// How long something may take that has to happen while reads are held up. What
// waits for the storage would take for ever.
const heldPatience = 10 * time.Second

// run runs one test and looks at the site after it: the same process is there.
func (s *raceSite) run(name string, f func() error) {
	s.runTest(name, true, f)
}

// runEnding is run, of a test after which there is another process.
func (s *raceSite) runEnding(name string, f func() error) {
	s.runTest(name, false, f)
}

func (s *raceSite) runTest(name string, same bool, f func() error) {
	name = "races/" + name
	if !s.r.wanted(name) {
		return
	}
	mark := len(s.lab.Log())
	before := s.lab.Processes("imap")
	err := f()
	s.letGo()
	s.slow.SetDelay(0)
	if lines := lab.Crashes(s.lab.LogSince(mark)); len(lines) > 0 {
		err = errors.Join(err, errors.New(strings.Join(lines, "\n")))
	}
	if after := s.lab.Processes("imap"); same && len(before) == 1 &&
		!slices.Equal(before, after) {
		err = errors.Join(err, fmt.Errorf("imap was process %d, now %d",
			before, after))
	}
	s.r.test(name, err)
}

// hold makes opens and reads of mail files wait, letGo lets all of them go on.
func (s *raceSite) hold(ops ...string) error {
	_, err := s.slow.Tell("hang " + strings.Join(ops, " "))
	return err
}

func (s *raceSite) letGo() error {
	_, err := s.slow.Tell("resume")
	return err
}

// held is how many calls are held up now.
func (s *raceSite) held() (int, error) {
	return s.stat("held")
}

// client logs in and selects.
func (s *site) client(user, mailbox string) (*wire.IMAP, error) {
	c, err := wire.Login(s.lab.IMAPAddr(), user, lab.Password)
	if err != nil {
		return nil, err
	}
	if _, err := c.OK("SELECT " + mailbox); err != nil {
		c.Drop()
		return nil, err
	}
	return c, nil
}

// answer is a reply that comes, or not.
type answer struct {
	reply []byte
	err   error
}

// within gives up on what should have come.
func within(what string, d time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		if err != nil {
			err = fmt.Errorf("%s: %w", what, err)
		}
		return err
	case <-time.After(d):
		return fmt.Errorf("%s: nothing within %v", what, d)
	}
}

// whileHeld sends a command of a client, and as soon as it waits for held up
// storage calls meanwhile. Returns the reply that came when that was over, and
// whether there was any waiting.
func (s *raceSite) whileHeld(c *wire.IMAP, command string,
	meanwhile func() error) (reply []byte, waited bool, err error) {
	if err := s.hold("open", "read"); err != nil {
		return nil, false, err
	}
	defer s.letGo()
	tag, err := c.Begin(command)
	if err != nil {
		return nil, false, err
	}
	answers := make(chan answer, 1)
	go func() {
		reply, err := c.Until(tag + " ")
		answers <- answer{reply, err}
	}()
	var early *answer
	err = lab.Eventually(func() error {
		select {
		case a := <-answers:
			early = &a
			return nil
		default:
		}
		n, err := s.held()
		if err == nil && n == 0 {
			err = errors.New("no read is in flight")
		}
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if early != nil {
		return early.reply, false, early.err
	}
	err = meanwhile()
	if err := s.letGo(); err != nil {
		return nil, true, err
	}
	a := <-answers
	return a.reply, true, errors.Join(err, a.err)
}

// expected is stock Dovecot's reply to the same command.
func (s *raceSite) expected(user, mailbox, command string) ([]byte, error) {
	c, err := s.world.stock.client(user, mailbox)
	if err != nil {
		return nil, err
	}
	defer c.Drop()
	return c.Do(command)
}

// same compares with stock's reply.
func (s *raceSite) same(user, mailbox, command string, reply []byte) error {
	stock, err := s.expected(user, mailbox, command)
	if err != nil {
		return err
	}
	if d := wire.Difference(untag(stock), untag(reply)); d != "" {
		return fmt.Errorf("%.80s: %s", command, d)
	}
	return nil
}

// untag is a normal reply whatever the command's tag was.
func untag(reply []byte) []byte {
	reply = wire.Normal(reply)
	last := wire.LastLine(reply)
	_, rest, _ := bytes.Cut(last, []byte(" "))
	return append(bytes.Clone(reply[:len(reply)-len(last)]), rest...)
}

// resetBoth gives stock and this site fresh stores.
func (s *raceSite) resetBoth(names ...string) error {
	for _, name := range names {
		k := kindNamed(name)
		err := errors.Join(s.world.stock.reset(k), s.reset(k))
		if err != nil {
			return err
		}
	}
	return nil
}
