package main

import (
	"errors"
	"fmt"
)

// packetTests: what a command says at its end leaves together. A tagged reply in
// a packet of its own would be held back by TCP until the client has acknowledged
// the one before it, which it may put off for 40 ms.
func (s *raceSite) packetTests(name string) {
	for _, command := range []string{"FETCH 7 (BODY.PEEK[HEADER])",
		"FETCH 7 (ENVELOPE)", "SEARCH TEXT needle3"} {
		s.run("packets/"+name+"/"+command, func() error {
			if err := s.resetBoth(name); err != nil {
				return err
			}
			if err := s.forget(kindNamed(name)); err != nil {
				return err
			}
			return s.onePacket(name, command)
		})
	}
}

// onePacket is a command whose whole reply, a small one, has to come in one
// packet although the command has waited for storage.
func (s *raceSite) onePacket(user, command string) error {
	c, err := s.client(user, "INBOX")
	if err != nil {
		return err
	}
	defer c.Drop()
	before, err := c.Packets()
	if err != nil {
		return err
	}
	reply, waited, err := s.whileHeld(c, command, func() error { return nil })
	if err == nil && !waited {
		err = errors.New("it was answered without reading any mail")
	}
	if err == nil {
		err = s.same(user, "INBOX", command, reply)
	}
	if err != nil {
		return err
	}
	after, err := c.Packets()
	if err == nil && after-before != 1 {
		err = fmt.Errorf("%d bytes came in %d packets", len(reply), after-before)
	}
	return err
}
