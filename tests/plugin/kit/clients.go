package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"sync"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// clientRaces are what clients do while their own reads are in flight.
func (s *raceSite) clientRaces() {
	for _, user := range []string{"sdbox", "mdbox", "mdbox-zlib"} {
		for _, command := range []string{"UID FETCH 1:* (BODY.PEEK[])",
			"SEARCH BODY needle"} {
			for i, op := range []string{"open", "read"} {
				// In a short run one of the two
				if i != len(user+command)%2 && !s.world.o.full {
					continue
				}
				s.run("disconnect/"+user+"/"+op+"/"+command[:6], func() error {
					return s.descriptors(func() error {
						return s.disconnect(user, command, op)
					})
				})
			}
		}
	}
	s.run("disconnect/any-moment", func() error {
		return s.disconnectAnyTime(40, rand.New(rand.NewPCG(1, 1)))
	})
	s.run("many-clients", func() error {
		if err := s.slow.SetDelay(2 * time.Millisecond); err != nil {
			return err
		}
		return s.descriptors(func() error {
			return s.manyClients([]string{"sdbox", "mdbox", "mdbox-one",
				"sdbox-zlib"}, 4)
		})
	})
	s.run("pipelined", s.pipelined)
	s.run("slow-reader", s.slowReader)
	s.run("idle", s.idleMeanwhile)
	s.run("notify", s.notify)
}

// disconnect: a client goes while its reads are held up; others are served
// before and after they end.
func (s *raceSite) disconnect(user, command, op string) error {
	if err := s.forget(kindNamed(user)); err != nil {
		return err
	}
	b, err := s.client("mdbox-one", "INBOX")
	if err != nil {
		return err
	}
	defer b.Drop()
	o := &others{s, b, "mdbox-one"}
	for _, gone := range []func(*wire.IMAP) error{
		(*wire.IMAP).Drop, (*wire.IMAP).Reset} {
		a, err := s.client(user, "INBOX")
		if err != nil {
			return err
		}
		if err := s.hold(op); err != nil {
			return err
		}
		_, err = a.Begin(command)
		if err == nil {
			err = s.someHeld(1)
		}
		if err == nil {
			err = gone(a)
		}
		if err == nil {
			err = o.goOn()
		}
		if err = errors.Join(err, s.letGo()); err != nil {
			return err
		}
		if err := o.goOn(); err != nil {
			return err
		}
	}
	// He comes back and gets it.
	a, err := s.client(user, "INBOX")
	if err != nil {
		return err
	}
	defer a.Drop()
	reply, err := a.Do(command)
	if err != nil {
		return err
	}
	return s.same(user, "INBOX", command, reply)
}

// someHeld waits until n calls are held up.
func (s *raceSite) someHeld(n int) error {
	return lab.Eventually(func() error {
		held, err := s.held()
		if err == nil && held < n {
			err = fmt.Errorf("%d reads are held up, not %d", held, n)
		}
		return err
	})
}

// disconnectAnyTime: clients come, ask, and go, at any moment.
func (s *raceSite) disconnectAnyTime(times int, random *rand.Rand) error {
	if err := s.slow.SetDelay(time.Millisecond); err != nil {
		return err
	}
	users := []string{"sdbox", "mdbox", "mdbox-one", "sdbox-zlib", "mdbox-zlib"}
	commands := []string{"FETCH 1:* (BODY.PEEK[])", "SEARCH TEXT needle",
		"FETCH 1:* (ENVELOPE)", "FETCH 1:* (BINARY.PEEK[1])",
		"SORT (SUBJECT) UTF-8 BODY needle", "THREAD REFERENCES UTF-8 ALL"}
	var group sync.WaitGroup
	errs := make([]error, times)
	mark := len(s.lab.Log())
	for i := range times {
		user := users[random.IntN(len(users))]
		command := commands[random.IntN(len(commands))]
		wait := time.Duration(random.IntN(60)) * time.Millisecond
		reset := random.IntN(2) == 0
		group.Add(1)
		go func() {
			defer group.Done()
			c, err := s.client(user, "INBOX")
			if err != nil {
				errs[i] = err
				return
			}
			c.Begin(command)
			time.Sleep(wait)
			if reset {
				c.Reset()
			} else {
				c.Drop()
			}
		}()
		if i%8 == 7 {
			group.Wait()
		}
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	// Before their mail is replaced, the server has to know that they are gone.
	if err := s.allGone(mark, times); err != nil {
		return err
	}
	return s.manyClients([]string{"mdbox-one", "sdbox"}, 1)
}

var disconnected = regexp.MustCompile(`(?m) ?imap\(.*Info: Disconnected`)

// allGone waits until so many sessions have ended since a place in the log.
func (s *raceSite) allGone(mark, sessions int) error {
	return lab.Eventually(func() error {
		ended := len(disconnected.FindAll(s.lab.LogSince(mark), -1))
		if ended < sessions {
			return fmt.Errorf("%d of %d sessions have ended", ended, sessions)
		}
		return nil
	})
}

// pipelined commands that come while the first one is held up.
func (s *raceSite) pipelined() error {
	if err := s.resetBoth("sdbox"); err != nil {
		return err
	}
	a, err := s.client("sdbox", "INBOX")
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
	sc := &script{lines: []string{"!pipeline",
		"FETCH 1:9 (UID BODY[])", "NOOP", "FETCH 2:3 (BODY.PEEK[HEADER])",
		"UID FETCH 4 (BODYSTRUCTURE)", `STORE 9 +FLAGS (\Deleted)`,
		"SEARCH BODY needle", "EXPUNGE", "FETCH 1:9 (UID ENVELOPE)",
		"SELECT Other", "FETCH 1:* (BODY.PEEK[])", "SELECT INBOX",
		"SEARCH TEXT needle"}, unselected: true}
	if err := s.hold("open", "read"); err != nil {
		return err
	}
	done := make(chan *transcript, 1)
	go func() { done <- playOn(a, sc) }()
	err = s.someHeld(1)
	if err == nil {
		err = o.goOn()
	}
	if err = errors.Join(err, s.letGo()); err != nil {
		return err
	}
	plugin := <-done
	c, err := s.world.stock.client("sdbox", "INBOX")
	if err != nil {
		return err
	}
	defer c.Drop()
	if d := compare(playOn(c, sc), plugin); d != "" {
		return errors.New(d)
	}
	return nil
}

// slowReader: a client that does not take its 20 MB holds up nobody.
func (s *raceSite) slowReader() error {
	if err := s.resetBoth("sdbox-large"); err != nil {
		return err
	}
	a, err := s.client("sdbox-large", "INBOX")
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
	a.SlowReader()
	command := "FETCH 1:* (BODY.PEEK[])"
	tag, err := a.Begin(command)
	if err != nil {
		return err
	}
	for range 3 {
		time.Sleep(100 * time.Millisecond)
		if err := o.goOn(); err != nil {
			return err
		}
	}
	reply, err := a.Until(tag + " ")
	if err != nil {
		return err
	}
	if err := s.same("sdbox-large", "INBOX", command, reply); err != nil {
		return err
	}
	// Another one goes in the middle of it.
	c, err := s.client("sdbox-large", "INBOX")
	if err != nil {
		return err
	}
	c.SlowReader()
	if _, err := c.Begin(command); err != nil {
		return err
	}
	time.Sleep(100 * time.Millisecond)
	c.Reset()
	return o.goOn()
}

const newMail = "From: a@example.com\r\nSubject: brand new\r\n\r\nneedle-new\r\n"

// deliver saves a mail for another client's user.
func deliver(c *wire.IMAP) error {
	_, err := c.OK(fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(newMail), newMail))
	return err
}

// idleMeanwhile: a client that idles is told of new mail while another one's reads
// are held up, and can fetch it afterwards.
func (s *raceSite) idleMeanwhile() error {
	if err := s.resetBoth("sdbox", "mdbox"); err != nil {
		return err
	}
	a, err := s.client("mdbox", "INBOX")
	if err != nil {
		return err
	}
	defer a.Drop()
	b, err := s.client("sdbox", "INBOX")
	if err != nil {
		return err
	}
	defer b.Drop()
	// Saving in an sdbox opens no file that is held up.
	c, err := s.client("sdbox", "Other")
	if err != nil {
		return err
	}
	defer c.Drop()
	tag, err := b.Begin("IDLE")
	if err != nil {
		return err
	}
	if _, err := b.Until("+ "); err != nil {
		return err
	}
	_, waited, err := s.whileHeld(a, "FETCH 1:* (BODY.PEEK[])", func() error {
		if err := deliver(c); err != nil {
			return err
		}
		return within("EXISTS in IDLE", heldPatience, func() error {
			_, err := b.Until("* 47 EXISTS")
			return err
		})
	})
	if err == nil && !waited {
		err = errors.New("nothing was held up")
	}
	if err != nil {
		return err
	}
	if err := b.Send("DONE\r\n"); err != nil {
		return err
	}
	if _, err := b.Until(tag + " OK"); err != nil {
		return err
	}
	reply, err := b.OK("FETCH 47 (BODY.PEEK[])")
	if err == nil && !bytes.Contains(reply, []byte(newMail)) {
		err = fmt.Errorf("the new mail came as %q", reply)
	}
	return err
}

// notify: the fetches that NOTIFY does by itself.
func (s *raceSite) notify() error {
	var replies [2][]byte
	if err := s.resetBoth("sdbox"); err != nil {
		return err
	}
	for i, site := range []*site{s.world.stock, s.site} {
		c, err := site.client("sdbox", "INBOX")
		if err != nil {
			return err
		}
		defer c.Drop()
		_, err = c.OK("NOTIFY SET (selected (MessageNew (UID " +
			"BODY.PEEK[HEADER.FIELDS (SUBJECT)] BODY.PEEK[TEXT]) " +
			"MessageExpunge FlagChange))")
		if err != nil {
			return err
		}
		other, err := site.client("sdbox", "Other")
		if err != nil {
			return err
		}
		defer other.Drop()
		if err := deliver(other); err != nil {
			return err
		}
		came, err := c.OK("NOOP")
		if err != nil {
			return err
		}
		if !bytes.Contains(came, []byte("brand new")) {
			return fmt.Errorf("%s: no new mail by NOTIFY: %q", site.name, came)
		}
		replies[i] = untag(came)
		more, err := c.OK("FETCH 45:47 (BODY.PEEK[])")
		if err != nil {
			return err
		}
		replies[i] = append(replies[i], untag(more)...)
	}
	if d := wire.Difference(replies[0], replies[1]); d != "" {
		return errors.New(d)
	}
	return nil
}
