package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// How much of a large mail a client takes before it does something else.
const taken = 1 << 20

// gone: clients go in the middle of a large mail, in both ways; others go on, no
// file stays open, and who comes back gets all of it.
func (t *sendTest) gone(other *wire.IMAP) error {
	for _, leave := range []func(*wire.IMAP) error{
		(*wire.IMAP).Drop, (*wire.IMAP).Reset} {
		a, err := t.begun(fetchLong)
		if err != nil {
			return err
		}
		if err := leave(a); err != nil {
			return err
		}
		if _, err := other.OK("NOOP"); err != nil {
			return err
		}
	}
	pid, err := t.s.lab.OneProcess("imap")
	if err != nil {
		return err
	}
	if _, err := mailClosed(pid); err != nil {
		return err
	}
	a, err := t.s.client(t.k.name, "INBOX")
	if err != nil {
		return err
	}
	defer a.Drop()
	reply, err := a.OK(fetchLong)
	if err != nil {
		return err
	}
	return t.sameFetch(fetchLong, reply)
}

// begun is a client that has a small buffer and took only the beginning.
func (t *sendTest) begun(commands string) (*wire.IMAP, error) {
	a, err := t.s.client(t.k.name, "INBOX")
	if err != nil {
		return nil, err
	}
	a.SlowReader()
	err = a.Send("p1 " + commands + "\r\n")
	if err == nil {
		err = a.Skip(taken)
	}
	if err != nil {
		a.Drop()
		return nil, err
	}
	return a, nil
}

// stopped: a client stops reading in the middle, and goes on later.
func (t *sendTest) stopped(other *wire.IMAP) error {
	a, err := t.begun(fetchLong)
	if err != nil {
		return err
	}
	defer a.Drop()
	for range 3 {
		time.Sleep(50 * time.Millisecond)
		if _, err := other.OK("NOOP"); err != nil {
			return err
		}
	}
	rest, err := a.Until("p1 ")
	if err != nil {
		return err
	}
	return t.sameRest(rest)
}

// sameRest compares what came after the beginning with stock's.
func (t *sendTest) sameRest(rest []byte) error {
	stock, err := t.stock.client(t.k.name, "INBOX")
	if err != nil {
		return err
	}
	defer stock.Drop()
	want, err := stock.OK(fetchLong)
	if err != nil {
		return err
	}
	if d := wire.Difference(untag(want[taken:]), untag(rest)); d != "" {
		return errors.New(d)
	}
	return nil
}

// pipelined: commands behind a large mail, which write, too.
func (t *sendTest) pipelined(*wire.IMAP) error {
	sc := &script{lines: []string{"!pipeline", "SELECT INBOX",
		fetchLong, "NOOP", "FETCH 1:6 (UID BODY[]<262144.9>)", "SEARCH SEEN",
		"UID FETCH 2 (BODY.PEEK[])", "FETCH 1:3 (FLAGS)", fetchLong,
		`STORE 3 +FLAGS.SILENT (\Deleted)`, "EXPUNGE",
		"FETCH 3 (UID BODY.PEEK[])"}, unselected: true}
	return t.same(func(s *site) (*transcript, error) {
		return s.play(t.k.name, sc)
	})
}

// compressed: the same through COMPRESS DEFLATE.
func (t *sendTest) compressed(other *wire.IMAP) error {
	sc := &script{lines: []string{fetchLong, "NOOP", "FETCH 1:6 (BODY.PEEK[])",
		"FETCH 7 (BINARY.PEEK[3])", "SEARCH TEXT needle"}}
	if err := t.same(func(s *site) (*transcript, error) {
		c, err := wire.Login(s.lab.IMAPAddr(), t.k.name, lab.Password)
		if err != nil {
			return nil, err
		}
		defer c.Drop()
		if err := c.Compress(); err != nil {
			return nil, err
		}
		return playOn(c, sc), nil
	}); err != nil {
		return err
	}
	_, err := other.OK("NOOP")
	return err
}

// sendLogged: with rawlog_dir what is sent goes to a file, too, all of it.
func sendLogged(w *world, r *report) error {
	if !r.wanted("sending/rawlog") {
		return nil
	}
	dir := filepath.Join(w.dir, "rawlog")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := lab.Own(dir); err != nil {
		return err
	}
	s, err := w.addSite("rawlog", 0, true, func(c *lab.Config) {
		c.Extra += "protocol imap {\n  rawlog_dir = " + dir + "\n}\n"
	})
	if err != nil {
		return err
	}
	k := sentKinds[0]
	if err := errors.Join(w.stock.reset(k), s.reset(k)); err != nil {
		return err
	}
	t := &sendTest{s: s, stock: w.stock, k: k, r: r}
	t.run("rawlog", func(*wire.IMAP) error {
		a, err := s.client(k.name, "INBOX")
		if err != nil {
			return err
		}
		defer a.Drop()
		reply, err := a.OK(fetchLong)
		if err != nil {
			return err
		}
		if err := t.sameFetch(fetchLong, reply); err != nil {
			return err
		}
		return lab.Eventually(func() error { return logged(dir, reply) })
	})
	return s.lab.Stop()
}

// logged looks for a reply in the files of a rawlog.
func logged(dir string, reply []byte) error {
	names, err := filepath.Glob(dir + "/*.out")
	if err != nil {
		return err
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if bytes.Contains(withoutTimes(text), withoutTimes(reply)) {
			return nil
		}
	}
	return fmt.Errorf("none of %d files has it: %s", len(names),
		strings.Join(names, " "))
}

// Each line of a rawlog begins with a time.
var rawlogTime = regexp.MustCompile(`(?m)^[0-9]+\.[0-9]{6} `)

func withoutTimes(text []byte) []byte {
	return rawlogTime.ReplaceAll(text, nil)
}
