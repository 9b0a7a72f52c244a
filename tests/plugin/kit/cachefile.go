package main

import (
	"errors"
	"fmt"
	"strings"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// cacheFile: a mailbox without a cache file gets it early in a command, not at
// its end. Dovecot asks for the missing file two or three times a mail, and
// everybody waits for the storage each time.
func (w *world) cacheFile() (err error) {
	s, err := w.addRaceSite("limit-cache-file", &report{}, func(c *lab.Config) {
		c.Extra += "plugin {\n  dbox_aio_window = 4\n}\n"
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.lab.Stop()) }()
	for _, name := range []string{"sdbox", "mdbox", "mdbox-one"} {
		for _, command := range []string{"FETCH 1:* (BODY.PEEK[])",
			"FETCH 1:* (ENVELOPE RFC822.SIZE)", "SEARCH TEXT needle"} {
			if err := s.missesOf(kindNamed(name), command); err != nil {
				return fmt.Errorf("%s, %s: %w", name, command, err)
			}
		}
	}
	s.lab.SettleLog()
	return s.healthy()
}

func (s *raceSite) missesOf(k *kind, command string) (err error) {
	if err := s.resetBoth(k.name); err != nil {
		return err
	}
	if err := s.forget(k); err != nil {
		return err
	}
	c, err := s.client(k.name, "INBOX")
	if err != nil {
		return err
	}
	defer c.Drop()
	reply, misses, err := s.count("missing", "dovecot.index.cache", c, command)
	if err != nil {
		return err
	}
	mails := len(k.mails())
	if misses > mails {
		return fmt.Errorf("the missing file was asked for %d times for %d mails",
			misses, mails)
	}
	if err := s.same(k.name, "INBOX", command, reply); err != nil {
		return err
	}
	if !strings.Contains(command, "ENVELOPE") {
		return nil
	}
	// What was learnt of the mails is in it. There is one that never is.
	_, opens, err := s.count("opens", lab.MailFiles, c, command)
	if err == nil && opens > mails/10 {
		err = fmt.Errorf("%d files are opened for what should be cached", opens)
	}
	return err
}

// count is by how much a counter of files of these names grows by a command.
func (s *raceSite) count(counter, names string, c *wire.IMAP, command string) (
	reply []byte, grown int, err error) {
	if _, err := s.slow.Tell("match " + names); err != nil {
		return nil, 0, err
	}
	defer func() {
		_, again := s.slow.Tell("match " + lab.MailFiles)
		err = errors.Join(err, again)
	}()
	before, err := s.stat(counter)
	if err != nil {
		return nil, 0, err
	}
	reply, err = c.Do(command)
	if err != nil {
		return nil, 0, err
	}
	after, err := s.stat(counter)
	return reply, after - before, err
}
