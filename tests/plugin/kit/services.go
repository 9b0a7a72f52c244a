package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// The full-text search that is tried.
const searchModule = "lib21_fts_xapian_plugin.so"

// services are what reads and writes mail without an IMAP client: LMTP, dsync with
// another server, the indexing of a full-text search.
func services(w *world, r *report) error {
	if !r.wanted("services") {
		return nil
	}
	users := []*kind{kindNamed("sdbox"), kindNamed("mdbox")}
	if err := w.makeStores(users); err != nil {
		return err
	}
	// Dovecot's own, Squat, crashes in Debian's 2.3.19, as it is.
	search := func(c *lab.Config) {
		c.OtherPlugins = "zlib"
		if lab.HasModule(searchModule) {
			c.OtherPlugins += " fts fts_xapian"
			c.Plugin = append(c.Plugin, "fts = xapian",
				"fts_xapian = partial=3 full=20")
		}
		c.Extra = strings.Replace(c.Extra, virtualNamespace, "", 1)
	}
	if !lab.HasModule(searchModule) {
		r.skip("services/fts", "dovecot-fts-xapian is not installed")
	}
	searching, err := w.addSite("search", 0, false, search)
	if err != nil {
		return err
	}
	target, err := w.addTarget()
	if err != nil {
		return err
	}
	for name, delay := range map[string]time.Duration{"local": 0,
		"slow": compareDelay} {
		if why := lab.CanMount(); delay > 0 && why != nil {
			r.skip("services/slow", why.Error())
			continue
		}
		s, err := w.addSite("services-"+name, delay, true, nil)
		if err != nil {
			return err
		}
		x, err := w.addSite("search-"+name, delay, true, search)
		if err != nil {
			return err
		}
		s.cold, x.cold = delay == 0, delay == 0
		for _, k := range users {
			for _, test := range []struct {
				name string
				f    func(*site) (*transcript, error)
			}{
				{"fts", func(s *site) (*transcript, error) {
					return s.playSearch(k)
				}},
				{"lmtp", func(s *site) (*transcript, error) {
					return s.playLMTP(k.name)
				}},
				{"dsync-backup", func(s *site) (*transcript, error) {
					return target.playSync(s, k, "backup")
				}},
				{"dsync-sync", func(s *site) (*transcript, error) {
					return target.playSync(s, k, "sync")
				}},
			} {
				full := fmt.Sprintf("services/%s/%s/%s", test.name, k.name, name)
				stock, at := w.stock, s
				if test.name == "fts" {
					stock, at = searching, x
				}
				if test.name == "fts" && !lab.HasModule(searchModule) {
					continue
				}
				if r.wanted(full) {
					r.test(full, sameService(stock, at, k, test.f))
				}
			}
		}
		r.test("services/healthy/"+name, errors.Join(s.healthy(), x.healthy()))
	}
	return nil
}

// sameService compares what both did, and what their logs complain of.
func sameService(stock, s *site, k *kind,
	f func(*site) (*transcript, error)) error {
	var results [2]*transcript
	for i, at := range []*site{stock, s} {
		if err := at.reset(k); err != nil {
			return err
		}
		var err error
		if results[i], err = f(at); err != nil {
			return fmt.Errorf("%s: %w", at.name, err)
		}
	}
	if d := compare(results[0], results[1]); d != "" {
		return errors.New(d)
	}
	if d := compareLogs(stock.faults(k), s.faults(k)); d != "" {
		return errors.New(d)
	}
	return nil
}

var searchSays = regexp.MustCompile(`(?m)^.*Info: FTS Xapian: .*\n`)

// playSearch indexes all, and searches by what was indexed.
func (s *site) playSearch(k *kind) (*transcript, error) {
	t := &transcript{}
	for _, command := range [][]string{{"fts", "rescan"}, {"index", "INBOX"}} {
		more, err := s.playDoveadm(k, command)
		if err != nil {
			return nil, err
		}
		// It tells what it does, and how long that took.
		for i, reply := range more.replies {
			more.replies[i] = searchSays.ReplaceAll(reply, nil)
		}
		t.sent = append(t.sent, more.sent...)
		t.replies = append(t.replies, more.replies...)
	}
	found, err := filepath.Glob(s.sourceDir(k) + "/mail/xapian-indexes/db_*")
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("no index for searches: %v", err)
	}
	more, err := s.play(k.name, &script{lines: []string{
		"SEARCH TEXT needle3", "SEARCH BODY project", "SEARCH BODY needle",
		"SEARCH TEXT example.com", "SEARCH NOT BODY order",
		"SEARCH OR BODY budget TEXT nonsense", "SEARCH HEADER SUBJECT week",
		"FETCH 1:* (UID BODY.PEEK[])"}})
	if err != nil {
		return nil, err
	}
	t.sent = append(t.sent, more.sent...)
	t.replies = append(t.replies, more.replies...)
	return t, nil
}

// delivered are the items that don't depend on when and where mail came.
const delivered = "uid flags size.virtual body hdr.subject hdr.message-id " +
	"hdr.delivered-to hdr.return-path"

// playLMTP delivers the mails of the kind to two addresses of a user, and reads
// all that he has then. The second one's mail is a copy of the first one's.
func (s *site) playLMTP(user string) (*transcript, error) {
	conn, err := net.Dial("unix", filepath.Join(s.lab.Dir, "run", "lmtp"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * wire.Patience))
	r, t := bufio.NewReader(conn), &transcript{}
	// say sends something, and returns how each of the replies begins.
	say := func(text string, replies int) error {
		if _, err := conn.Write([]byte(text)); err != nil {
			return err
		}
		for range replies {
			for {
				line, err := r.ReadString('\n')
				if err != nil {
					return err
				}
				if len(line) < 4 || line[3] != '-' {
					t.add(text[:min(20, len(text))], []byte(line[:min(9,
						len(line))]), nil)
					break
				}
			}
		}
		return nil
	}
	err = say("LHLO client.example.com\r\n", 2) // the greeting, too
	for _, mail := range kindNamed(user).mails() {
		for _, line := range []string{"MAIL FROM:<a@example.com>",
			"RCPT TO:<" + user + ">", "RCPT TO:<" + user + "+Other>", "DATA"} {
			if err == nil {
				err = say(line+"\r\n", 1)
			}
		}
		text := bytes.ReplaceAll(mail.CRLF(), []byte("\r\n."), []byte("\r\n.."))
		if err == nil {
			err = say(string(text)+"\r\n.\r\n", 2)
		}
	}
	if err == nil {
		err = say("QUIT\r\n", 1)
	}
	if err != nil {
		return nil, err
	}
	more, err := s.playDoveadm(kindNamed(user), []string{"fetch", delivered, "all"})
	if err != nil {
		return nil, err
	}
	t.sent = append(t.sent, more.sent...)
	t.replies = append(t.replies, more.replies...)
	return t, nil
}

// syncTarget is a stock Dovecot that others send their mail to.
type syncTarget struct {
	*site
	port int
}

func (w *world) addTarget() (*syncTarget, error) {
	port, err := lab.FreePort()
	if err != nil {
		return nil, err
	}
	s, err := w.addSite("target", 0, false, func(c *lab.Config) {
		c.Extra += fmt.Sprintf("service doveadm {\n  inet_listener {\n"+
			"    address = 127.0.0.1\n    port = %d\n  }\n}\n"+
			"doveadm_password = %s\n", port, lab.Password)
	})
	return &syncTarget{s, port}, err
}

// playSync has a site send all of a user's mail to the target, which has none, and
// reads what is there then.
func (t *syncTarget) playSync(from *site, k *kind, how string) (*transcript, error) {
	dir := t.sourceDir(k)
	if err := os.RemoveAll(dir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "mail"), 0o755); err != nil {
		return nil, err
	}
	if err := lab.Own(dir); err != nil {
		return nil, err
	}
	result, err := from.playDoveadm(k, []string{"-o",
		"doveadm_password=" + lab.Password, how,
		fmt.Sprintf("tcp:127.0.0.1:%d", t.port)})
	if err != nil {
		return nil, err
	}
	read, err := t.playDoveadm(k, []string{"fetch",
		"uid guid flags date.received size.virtual text", "all"})
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(read.replies, func(reply []byte) bool {
		return strings.Contains(string(reply), "needle3")
	}) {
		return nil, fmt.Errorf("nothing came: %q", result.replies)
	}
	result.sent = append(result.sent, read.sent...)
	result.replies = append(result.replies, read.replies...)
	return result, nil
}
