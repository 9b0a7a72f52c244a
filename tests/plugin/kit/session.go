package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// transcript is what came back in a session. Each reply is Normal; a session
// that ended early says so, as a reply of its own.
type transcript struct {
	sent    []string
	replies [][]byte
}

func (t *transcript) add(sent string, reply []byte, err error) {
	reply = wire.Normal(reply)
	if err != nil {
		reply = fmt.Appendf(reply, "<connection ended>")
	}
	t.sent = append(t.sent, sent)
	t.replies = append(t.replies, reply)
}

// compare returns "" if both got the same.
func compare(stock, plugin *transcript) string {
	for i, sent := range stock.sent {
		if i >= len(plugin.sent) {
			return fmt.Sprintf("%.100q was not reached", sent)
		}
		diff := wire.Difference(stock.replies[i], plugin.replies[i])
		if diff != "" {
			return fmt.Sprintf("%.100q: %s", sent, diff)
		}
	}
	if len(plugin.sent) > len(stock.sent) {
		return fmt.Sprintf("stock did not come to %.100q",
			plugin.sent[len(stock.sent)])
	}
	return ""
}

// play runs a script as a client of the site.
func (s *site) play(user string, sc *script) (*transcript, error) {
	c, err := wire.Login(s.lab.IMAPAddr(), user, lab.Password)
	if err != nil {
		return nil, err
	}
	defer c.Drop()
	return playOn(c, sc), nil
}

// playPiped runs it with an imap of its own, without a server.
func (s *site) playPiped(user string, sc *script) (*transcript, error) {
	pipe, err := s.lab.Imap(user)
	if err != nil {
		return nil, err
	}
	c, err := wire.NewIMAP(pipe)
	if err != nil {
		return nil, err
	}
	t := playOn(c, sc)
	return t, c.Drop()
}

func playOn(c *wire.IMAP, sc *script) *transcript {
	t := &transcript{}
	lines := sc.lines
	if !sc.unselected {
		lines = append([]string{"SELECT INBOX"}, lines...)
	}
	for i, line := range lines {
		var reply []byte
		var err error
		switch line {
		case "!pipeline":
			return pipeline(c, t, lines[i+1:])
		case "!idle":
			reply, err = idle(c)
		default:
			reply, err = c.Do(line)
		}
		if strings.HasPrefix(line, "SELECT virtual/") {
			reply = wire.WithoutValidity(reply)
		}
		t.add(line, reply, err)
		if err != nil {
			return t
		}
	}
	reply, err := c.Do("LOGOUT")
	t.add("LOGOUT", reply, err)
	return t
}

// pipeline sends lines at once: all of them, but what comes behind an EXPUNGE only
// when that is completed. Until then the numbers of a FETCH may be those of before
// or those of after, by whether the server was waiting for the client to read.
func pipeline(c *wire.IMAP, t *transcript, lines []string) *transcript {
	lines = append(slices.Clone(lines), "LOGOUT")
	for len(lines) > 0 {
		n := slices.Index(lines, "EXPUNGE") + 1
		if n == 0 {
			n = len(lines)
		}
		if !pipelined(c, t, lines[:n]) {
			break
		}
		lines = lines[n:]
	}
	return t
}

// pipelined sends all lines at once and tells if the connection stands. A server
// may begin a command before it tells that an earlier one is completed, and answer
// those that only read in any order: what is compared is all untagged responses,
// in their order if one of the commands changes the numbers of messages, and how
// each command ended.
func pipelined(c *wire.IMAP, t *transcript, lines []string) bool {
	var all strings.Builder
	for i, line := range lines {
		fmt.Fprintf(&all, "p%02d %s\r\n", i, line)
	}
	if err := c.Send(all.String()); err != nil {
		t.add("pipeline", nil, err)
		return false
	}
	var untagged, tagged []string
	var err error
	for err == nil && len(tagged) < len(lines) {
		var response []byte
		response, err = c.Response()
		normal := string(wire.Normal(response))
		if bytes.HasPrefix(response, []byte("p")) {
			tagged = append(tagged, normal)
		} else {
			untagged = append(untagged, normal)
		}
	}
	slices.Sort(tagged)
	if !slices.Contains(lines, "EXPUNGE") {
		slices.Sort(untagged)
	}
	t.add("pipelined: untagged responses", []byte(strings.Join(untagged, "")), err)
	t.add("pipelined: tagged responses", []byte(strings.Join(tagged, "")), nil)
	return err == nil
}

// idle begins to idle and ends it.
func idle(c *wire.IMAP) ([]byte, error) {
	tag, err := c.Begin("IDLE")
	if err != nil {
		return nil, err
	}
	first, err := c.Until("+ ")
	if err != nil {
		return first, err
	}
	if err := c.Send("DONE\r\n"); err != nil {
		return first, err
	}
	rest, err := c.Until(tag + " ")
	return bytes.Join([][]byte{first, rest}, nil), err
}
