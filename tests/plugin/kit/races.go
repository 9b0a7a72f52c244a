package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"libdbox_aio/tests/plugin/lab"
)

// races are what clients, other processes and administrators do while reads are
// in flight.
func races(w *world, r *report) error {
	if !r.wanted("races") {
		return nil
	}
	if err := lab.CanMount(); err != nil {
		r.skip("races", err.Error())
		return nil
	}
	names := []string{"sdbox", "mdbox", "mdbox-one", "sdbox-alt", "mdbox-alt",
		"sdbox-large", "sdbox-zlib", "mdbox-zlib"}
	var wanted []*kind
	for _, name := range names {
		wanted = append(wanted, kindNamed(name))
	}
	if err := w.makeStores(wanted); err != nil {
		return err
	}
	s, err := w.addRaceSite("race", r, nil)
	if err != nil {
		return err
	}
	if err := s.resetBoth(names...); err != nil {
		return err
	}
	for _, name := range []string{"sdbox", "mdbox"} {
		s.heldTests(name)
		s.packetTests(name)
	}
	// A virtual mailbox reads its mails as Dovecot does; the bytes are right.
	s.run("virtual", func() error {
		return s.heldElsewhere("sdbox", "virtual/all", false)
	})
	s.run("noop/shared", func() error {
		return s.heldElsewhere("mdbox", "shared/sdbox", true)
	})
	s.clientRaces()
	if err := behindTests(w, r); err != nil {
		return err
	}
	s.processRaces()
	s.endings()
	if r.wanted("races/healthy") {
		s.lab.SettleLog()
		r.test("races/healthy", s.healthy())
	}
	return nil
}

// addRaceSite is one with a delay that can be changed, 0 at first.
func (w *world) addRaceSite(name string, r *report,
	change func(*lab.Config)) (*raceSite, error) {
	s, err := w.addSite(name, time.Millisecond, true, func(c *lab.Config) {
		c.Extra += sharedNamespace(w, name)
		if change != nil {
			change(c)
		}
	})
	if err != nil {
		return nil, err
	}
	return &raceSite{s, r}, s.slow.SetDelay(0)
}

// sharedNamespace: everybody sees everybody's sdbox.
func sharedNamespace(w *world, name string) string {
	return fmt.Sprintf(`namespace shared {
  type = shared
  prefix = shared/%%%%u/
  separator = /
  list = no
  subscriptions = no
  location = sdbox:%s/%s/fs/mount/%%%%u/mail
}
`, w.dir, name)
}

// heldElsewhere: a mailbox that belongs to other mailboxes, or to other users.
func (s *raceSite) heldElsewhere(user, mailbox string, goOn bool) error {
	if err := s.resetBoth("sdbox", "mdbox", "mdbox-one"); err != nil {
		return err
	}
	a, err := s.client(user, mailbox)
	if err != nil {
		return err
	}
	defer a.Drop()
	b, err := s.client("mdbox-one", "INBOX")
	if err != nil {
		return err
	}
	defer b.Drop()
	o := &others{s, b, "mdbox-one"}
	// The owner himself, meanwhile
	owner, err := s.client("sdbox", "INBOX")
	if err != nil {
		return err
	}
	defer owner.Drop()
	command := "FETCH 1:20 (BODY.PEEK[])"
	reply, waited, err := s.whileHeld(a, command, func() error {
		if !goOn {
			return nil
		}
		if err := o.goOn(); err != nil {
			return err
		}
		return within("the owner's NOOP", heldPatience, func() error {
			_, err := owner.OK("NOOP")
			return err
		})
	})
	if err == nil && !waited {
		err = errors.New("it was answered without reading any mail")
	}
	if err != nil {
		return err
	}
	// They are the sdbox's first twenty.
	if err := s.same("sdbox", "INBOX", command, reply); err != nil {
		return err
	}
	found, err := a.OK("SEARCH BODY needle")
	if err != nil {
		return err
	}
	return s.same("sdbox", "INBOX", "SEARCH BODY needle", found)
}

// noMail: none of the descriptors is a mail file's.
func noMail(open []string) error {
	for _, target := range open {
		name := target[strings.LastIndexByte(target, '/')+1:]
		if strings.HasPrefix(name, "u.") || strings.HasPrefix(name, "m.") {
			return fmt.Errorf("%s is still open", target)
		}
	}
	return nil
}
