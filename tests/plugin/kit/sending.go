package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/mails"
	"libdbox_aio/tests/plugin/wire"
)

// The plugin sends large mails in pieces of so many bytes.
const slice = 256 << 10

// The mails of these stores: some as large as some pieces are, one with a part to
// decode, and one that takes long to send.
const (
	decodedMail = 7
	longMail    = 8
)

func sent(nl string) func() []mails.Mail {
	return func() []mails.Mail {
		var all []mails.Mail
		for i, size := range []int{slice - 1, slice, slice + 1, 4*slice - 1,
			4 * slice, 4*slice + 1} {
			all = append(all, mails.Sized(i, size, nl))
		}
		return append(all, mails.Mixed(decodedMail, 1500000, nl),
			mails.Sized(longMail, 20_000_000, nl))
	}
}

// Without CRLF in the file, or compressed, each line is converted while it is
// sent. What has CRLF is sent by the kernel, if Dovecot reads it by itself.
var sentKinds = []*kind{
	{name: "sdbox-lf", driver: "sdbox", mails: sent("\n")},
	{name: "sdbox-crlf", driver: "sdbox", mails: sent("\r\n"), crlf: true},
	{name: "sdbox-zlib", driver: "sdbox", mails: sent("\n"), fields: zlib},
	{name: "mdbox-lf", driver: "mdbox", mails: sent("\n"), fields: longFiles},
	{name: "mdbox-crlf", driver: "mdbox", mails: sent("\r\n"), crlf: true,
		fields: longFiles},
	{name: "mdbox-zlib", driver: "mdbox", mails: sent("\n"),
		fields: append(slices.Clone(longFiles), zlib...)},
}

var longFiles = []string{"mdbox_rotate_size=100M"}

// sending: while a large mail is being sent, others of the process have their
// turn; whatever the clients do, each gets what stock Dovecot sends.
func sending(w *world, r *report) error {
	if !r.wanted("sending") {
		return nil
	}
	w.kinds = sentKinds
	if err := w.makeStores(sentKinds); err != nil {
		return err
	}
	var sites []*site
	for _, place := range []struct {
		name  string
		delay time.Duration
	}{{"local", 0}, {"slow", compareDelay}} {
		if why := lab.CanMount(); place.delay > 0 && why != nil {
			r.skip("sending/slow", why.Error())
			continue
		}
		s, err := w.addSite(place.name, place.delay, true, nil)
		if err != nil {
			return err
		}
		sites = append(sites, s)
	}
	for _, k := range sentKinds {
		for _, s := range sites {
			if err := errors.Join(w.stock.reset(k), s.reset(k)); err != nil {
				return err
			}
			t := &sendTest{s: s, stock: w.stock, k: k, r: r}
			t.all(k == sentKinds[0] || k == sentKinds[4] || w.o.full)
			if !w.o.full {
				// The disk has room for one of them at a time.
				if err := s.remove(k); err != nil {
					return err
				}
			}
		}
		if err := w.stock.remove(k); err != nil {
			return err
		}
	}
	if w.o.modules != "" {
		return sendLogged(w, r)
	}
	return nil
}

// sendTest is of one store at one site.
type sendTest struct {
	s, stock *site
	k        *kind
	r        *report
}

func (t *sendTest) all(more bool) {
	t.run("bytes", t.bytes)
	t.run("others", t.others)
	t.run("gone", t.gone)
	if !more {
		return
	}
	t.run("stopped", t.stopped)
	t.run("compressed", t.compressed)
	t.run("pipelined", t.pipelined) // writes
}

// run has f run beside another client, without whom nothing is sent in pieces.
func (t *sendTest) run(what string, f func(other *wire.IMAP) error) {
	name := fmt.Sprintf("sending/%s/%s/%s", t.k.name, what, t.s.name)
	if !t.r.wanted(name) {
		return
	}
	mark := len(t.s.lab.Log())
	other, err := t.s.client(t.k.name, "Empty")
	if err == nil {
		before, _ := t.s.lab.OneProcess("imap")
		err = f(other)
		after, gone := t.s.lab.OneProcess("imap")
		if gone == nil && before != after {
			gone = fmt.Errorf("imap was process %d, now %d", before, after)
		}
		err = errors.Join(err, gone, other.Logout())
	}
	t.s.lab.SettleLog()
	if lines := lab.Faults(t.s.lab.LogSince(mark)); len(lines) > 0 {
		err = errors.Join(err, errors.New(strings.Join(lines, "\n")))
	}
	t.r.test(name, err)
}

// sentCommands ask for pieces that begin and end where slices do, and don't.
func sentCommands() []string {
	all := []string{"FETCH 1:* (UID BODY.PEEK[])", "FETCH 1:6 (BODY.PEEK[TEXT])"}
	for _, item := range []string{
		"BODY.PEEK[]<0.300000>", "BODY.PEEK[]<262144.262144>",
		"BODY.PEEK[]<0.262144>", "BODY.PEEK[]<262143.262145>",
		"BODY.PEEK[]<1.524287>", "BODY.PEEK[]<19000000.2000000>",
		"BODY.PEEK[TEXT]<7.1048576>", "BINARY.PEEK[]", "BINARY.PEEK[1]",
		"BINARY.PEEK[1]<5.300000>", "BODY.PEEK[1]<262144.262144>",
		"BODY.PEEK[HEADER] BODY.PEEK[TEXT]"} {
		all = append(all, fmt.Sprintf("FETCH %d (%s)", longMail, item))
	}
	for _, item := range []string{"BINARY.PEEK[3]", "BINARY.PEEK[3]<9.600000>",
		"BODY.PEEK[3]", "BODY.PEEK[3]<262144.524289>", "RFC822"} {
		all = append(all, fmt.Sprintf("FETCH %d (%s)", decodedMail, item))
	}
	return all
}

// bytes: whatever is asked for, it is what stock sends.
func (t *sendTest) bytes(*wire.IMAP) error {
	sc := &script{lines: sentCommands()}
	return t.same(func(s *site) (*transcript, error) {
		return s.play(t.k.name, sc)
	})
}

// same has f done at both sites.
func (t *sendTest) same(f func(*site) (*transcript, error)) error {
	stock, err := f(t.stock)
	if err != nil {
		return err
	}
	plugin, err := f(t.s)
	if err != nil {
		return err
	}
	if d := compare(stock, plugin); d != "" {
		return errors.New(d)
	}
	return nil
}

// sameFetch compares one reply with stock's.
func (t *sendTest) sameFetch(command string, reply []byte) error {
	return (&raceSite{site: t.s}).same(t.k.name, "INBOX", command, reply)
}

var fetchLong = fmt.Sprintf("FETCH %d (BODY.PEEK[])", longMail)

// How often, in all, another client must be answered while the mail is being sent;
// and how often it is tried at most: on a busy machine the mail can be there before
// the other client was given the processor to ask. What sends in one go never
// answers.
const (
	enoughTurns = 3
	turnTries   = 10
)

// others are answered before all of a mail has been sent, although its client
// takes whatever is sent: its kernel has room for all of it. A server that sends
// in one go has sent all of it by the time that another one's command is
// answered.
func (t *sendTest) others(other *wire.IMAP) error {
	var counts []int
	sum := 0
	for range turnTries {
		n, err := t.turns(other)
		if err != nil {
			return err
		}
		counts = append(counts, n)
		if sum += n; sum >= enoughTurns {
			if t.r.only != "" && t.r.only != "*" {
				t.r.note("%s, %s: %d commands answered", t.k.name, t.s.name,
					counts)
			}
			return nil
		}
	}
	return fmt.Errorf("other clients' commands that were answered meanwhile: %d",
		counts)
}

// turns counts commands that began when the mail had begun to come and were
// answered before all of it had.
func (t *sendTest) turns(other *wire.IMAP) (int, error) {
	a, err := wire.LoginRoomy(t.s.lab.IMAPAddr(), t.k.name, lab.Password, 256<<20)
	if err != nil {
		return 0, err
	}
	defer a.Drop()
	if _, err := a.OK("SELECT INBOX"); err != nil {
		return 0, err
	}
	tag, err := a.Begin(fetchLong)
	if err != nil {
		return 0, err
	}
	end, err := a.LiteralEnd()
	if err != nil {
		return 0, err
	}
	n := 0
	for ; ; n++ {
		if _, err := other.OK("NOOP"); err != nil {
			return n, err
		}
		arrived, err := a.Arrived()
		if err != nil {
			return n, err
		}
		if arrived >= end {
			break
		}
	}
	reply, err := a.Until(tag + " ")
	if err != nil {
		return n, err
	}
	return n, t.sameFetch(fetchLong, reply)
}
