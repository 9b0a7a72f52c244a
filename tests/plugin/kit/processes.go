package main

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// processRaces are what other processes do to a mailbox while its mails are being
// read.
func (s *raceSite) processRaces() {
	for i, race := range []struct {
		name, user string
		ops        [][]string
		// gone: these mails may be missing in the reply
		goneFrom, goneTo int
	}{
		{"expunge", "sdbox", [][]string{
			{"expunge", "mailbox", "INBOX", "uid", "10:20"}}, 10, 20},
		{"expunge", "mdbox", [][]string{
			{"expunge", "mailbox", "INBOX", "uid", "10:20"}}, 10, 20},
		{"expunge-purge", "mdbox", [][]string{
			{"expunge", "mailbox", "INBOX", "uid", "10:20"}, {"purge"}}, 10, 20},
		{"expunge-purge", "mdbox-one", [][]string{
			{"expunge", "mailbox", "INBOX", "uid", "5:9"}, {"purge"}}, 5, 9},
		{"altmove", "sdbox-alt", [][]string{
			{"altmove", "mailbox", "INBOX", "1:40"}}, 0, 0},
		{"altmove-back", "sdbox-alt", [][]string{
			{"altmove", "-r", "mailbox", "INBOX", "1:40"}}, 0, 0},
		{"altmove", "mdbox-alt", [][]string{
			{"altmove", "mailbox", "INBOX", "1:40"}, {"purge"}}, 0, 0},
		{"force-resync", "sdbox", [][]string{{"force-resync", "INBOX"}}, 0, 0},
		{"force-resync", "mdbox", [][]string{{"force-resync", "INBOX"}}, 0, 0},
		{"flags", "sdbox", [][]string{
			{"flags", "add", `\Flagged`, "mailbox", "INBOX", "all"}}, 0, 0},
		{"index", "mdbox-zlib", [][]string{{"index", "INBOX"}}, 0, 0},
		{"reload", "sdbox", [][]string{{"reload"}}, 0, 0},
		{"reload", "mdbox", [][]string{{"reload"}}, 0, 0},
	} {
		for n, held := range []string{"open", "read"} {
			// In a short run one of the two
			if n != i%2 && !s.world.o.full {
				continue
			}
			name := race.name + "/" + race.user + "/" + held
			run := s.run
			if race.name == "reload" {
				run = s.runEnding
			}
			run(name, func() error {
				return s.meanwhile(race.user, held, race.ops,
					race.goneFrom, race.goneTo)
			})
		}
	}
}

// meanwhile has doveadm do something while a FETCH waits. Each mail that comes
// must be the right one, and all must come but those that are gone.
func (s *raceSite) meanwhile(user, held string, ops [][]string,
	goneFrom, goneTo int) error {
	if err := s.resetBoth(user); err != nil {
		return err
	}
	command := "UID FETCH 1:* (UID BODY.PEEK[])"
	stock, err := s.expected(user, "INBOX", command)
	if err != nil {
		return err
	}
	a, err := s.client(user, "INBOX")
	if err != nil {
		return err
	}
	defer a.Drop()
	if err := s.hold(held); err != nil {
		return err
	}
	tag, err := a.Begin(command)
	if err != nil {
		return err
	}
	if err := s.someHeld(1); err != nil {
		return err
	}
	// It may have to wait for held up files itself.
	done := make(chan error, 1)
	go func() { done <- s.doAll(user, ops) }()
	finished := false
	select {
	case err = <-done:
		finished = true
	case <-time.After(500 * time.Millisecond):
	}
	if err = errors.Join(err, s.letGo()); err != nil {
		return err
	}
	reply, err := a.Until(tag + " ")
	if bytes.HasSuffix(reply, rebuilt) && ops[0][0] == "force-resync" {
		// Stock does so, too. What came must be right.
		err, goneTo = nil, 1<<30
	}
	if err != nil {
		return fmt.Errorf("%w after %.300q", err, reply[max(0, len(reply)-300):])
	}
	if !finished {
		if err := <-done; err != nil {
			return err
		}
	}
	if err := rightBodies(bodies(stock), bodies(reply), goneFrom, goneTo); err != nil {
		return err
	}
	// Whoever comes now sees what is so now.
	a.Drop()
	var b *wire.IMAP
	err = lab.Eventually(func() error {
		// With a new configuration he must wait for the old process's end:
		// there is to be one only.
		var err error
		b, err = s.client(user, "INBOX")
		return err
	})
	if err != nil {
		return err
	}
	defer b.Drop()
	reply, err = b.OK(command)
	if err != nil {
		return err
	}
	if goneTo == 1<<30 {
		goneTo = 0
	}
	return rightBodies(bodies(stock), bodies(reply), goneFrom, goneTo)
}

func (s *raceSite) doAll(user string, ops [][]string) error {
	for _, op := range ops {
		who := user
		if op[0] == "reload" {
			who = ""
		}
		if _, err := s.lab.Admin(who, op...); err != nil {
			return err
		}
	}
	return nil
}

// What a client is told whose mailbox's index was made anew.
var rebuilt = []byte("* BYE IMAP session state is inconsistent, please relogin.\r\n")

var bodyStart = regexp.MustCompile(
	`\* \d+ FETCH \(UID (\d+)[^\r\n]* BODY\[\] \{(\d+)\}\r\n`)

// bodies are those in a reply to a FETCH of UID BODY[], by UID.
func bodies(reply []byte) map[int][]byte {
	all := make(map[int][]byte)
	for {
		m := bodyStart.FindSubmatchIndex(reply)
		if m == nil {
			return all
		}
		uid, _ := strconv.Atoi(string(reply[m[2]:m[3]]))
		size, _ := strconv.Atoi(string(reply[m[4]:m[5]]))
		end := min(len(reply), m[1]+size)
		all[uid] = reply[m[1]:end]
		reply = reply[end:]
	}
}

// rightBodies: what came is what it was, and nothing is missing but what may be.
func rightBodies(stock, came map[int][]byte, goneFrom, goneTo int) error {
	if len(stock) == 0 {
		return errors.New("stock sent no mail")
	}
	for uid, body := range stock {
		got, ok := came[uid]
		if !ok && (uid < goneFrom || uid > goneTo) {
			return fmt.Errorf("UID %d did not come", uid)
		}
		if ok && !bytes.Equal(got, body) {
			return fmt.Errorf("UID %d came wrong: %d bytes, not %d", uid,
				len(got), len(body))
		}
	}
	return nil
}
