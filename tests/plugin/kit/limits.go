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
)

// limit is a way to give the plugin less than it needs, or nonsense. Replies must
// be stock's all the same.
type limit struct {
	name   string
	change func(w *world, c *lab.Config) error
	// begin is called when the server runs and one client is there.
	begin func(s *site) error
	// says is what the log must have, exactly once for a process; "": nothing.
	says string
	// without: the library is not used at all.
	without bool
	// large: asked for mails of 20 MB, too.
	large bool
}

const loadError = `Warning:.*dbox_aio: .*without the library`

var limitCases = []limit{
	{name: "vsz-limit", without: true,
		says: `Warning:.*dbox_aio: .*vsz_limit = 0`,
		change: func(_ *world, c *lab.Config) error {
			c.VszLimit = "256M"
			return nil
		}},
	{name: "no-core", says: loadError, without: true, change: frontOnly},
	{name: "broken-core", says: loadError, without: true, change: brokenCore},
	{name: "broken-front", says: loadError, without: true, change: brokenFront},
	{name: "few-descriptors", begin: fewDescriptors,
		change: func(_ *world, c *lab.Config) error { return nil }},
	{name: "threads", change: settings("dbox_aio_backend = threads")},
	{name: "window-1", large: true, change: settings("dbox_aio_window = 1",
		"dbox_aio_queue_depth = 1")},
	{name: "window-large", change: settings("dbox_aio_window = 1000",
		"dbox_aio_queue_depth = 4096"), says: `Error:.*dbox_aio_window = 1000`},
	{name: "few-bytes", large: true, change: settings("dbox_aio_max_bytes = 1M")},
	{name: "nonsense", says: `Error:.*dbox_aio_backend = nonsense`,
		change: settings("dbox_aio_backend = nonsense",
			"dbox_aio_window = -1", "dbox_aio_max_bytes = much")},
	{name: "prefetch-1", change: func(_ *world, c *lab.Config) error {
		c.Prefetch = 1
		return nil
	}},
	{name: "prefetch-1000", change: func(_ *world, c *lab.Config) error {
		c.Prefetch = 1000
		return nil
	}},
	{name: "process-per-client", change: func(_ *world, c *lab.Config) error {
		c.ProcessPerClient = true
		return nil
	}},
}

func settings(lines ...string) func(*world, *lab.Config) error {
	return func(_ *world, c *lab.Config) error {
		c.Plugin = lines
		return nil
	}
}

// frontOnly: libdbox_aio.so is there, what it loads is not.
func frontOnly(w *world, c *lab.Config) error {
	return partOfLibrary(w, c, filepath.Join(w.dir, "front-only"), nil)
}

// brokenCore: what it loads is no library.
func brokenCore(w *world, c *lab.Config) error {
	return partOfLibrary(w, c, filepath.Join(w.dir, "broken-core"),
		[]byte("this is no library\n"))
}

// brokenFront: libdbox_aio.so itself is no library.
func brokenFront(w *world, c *lab.Config) error {
	c.Library = filepath.Join(w.dir, "broken-front")
	if err := os.MkdirAll(c.Library, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.Library, "libdbox_aio.so.1"),
		[]byte("this is no library\n"), 0o755)
}

func partOfLibrary(w *world, c *lab.Config, dir string, core []byte) error {
	from := w.library
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	front, err := filepath.Glob(from + "/libdbox_aio.so.*")
	if err != nil || len(front) == 0 {
		return fmt.Errorf("no libdbox_aio.so in %s", from)
	}
	for _, path := range front {
		if err := copyFile(path, dir); err != nil {
			return err
		}
	}
	if core != nil {
		path := filepath.Join(dir, "libdbox_aio_core.so.1")
		if err := os.WriteFile(path, core, 0o755); err != nil {
			return err
		}
	}
	c.Library = dir
	return nil
}

// fewDescriptors leaves the imap process hardly more than it has open.
func fewDescriptors(s *site) error {
	pid, err := s.lab.OneProcess("imap")
	if err != nil {
		return err
	}
	open, err := lab.Descriptors(pid)
	if err != nil {
		return err
	}
	n := len(open) + 40
	return lab.AsMailUser("prlimit", "--pid", fmt.Sprint(pid),
		fmt.Sprintf("--nofile=%d:%d", n, n))
}

// limits: whatever the plugin lacks, replies are stock's.
func limits(w *world, r *report) error {
	if !r.wanted("limits") {
		return nil
	}
	if w.o.modules == "" {
		r.skip("limits", "needs -modules")
		return nil
	}
	if err := lab.CanMount(); err != nil {
		r.skip("limits", err.Error())
		return nil
	}
	users := []string{"sdbox", "mdbox", "mdbox-one"}
	var wanted []*kind
	for _, name := range append(users, "sdbox-large", "mdbox-large") {
		wanted = append(wanted, kindNamed(name))
	}
	if err := w.makeStores(wanted); err != nil {
		return err
	}
	for i := range limitCases {
		l := &limitCases[i]
		if r.wanted("limits/" + l.name) {
			who := users
			if l.large {
				who = append(who, "sdbox-large")
			}
			r.test("limits/"+l.name, w.limit(l, who))
		}
	}
	for _, other := range []struct {
		name string
		f    func() error
	}{{"panics", w.panics}, {"pieces", w.pieces}, {"opens", w.opens},
		{"cache-file", w.cacheFile}, {"memory", w.memory}} {
		if r.wanted("limits/" + other.name) {
			r.test("limits/"+other.name, other.f())
		}
	}
	return nil
}

var commandsOfLimits = []string{"UID FETCH 1:* (BODY.PEEK[])",
	"FETCH 1:* (BODY.PEEK[HEADER])", "SEARCH TEXT needle",
	"FETCH 1:* (ENVELOPE BODYSTRUCTURE RFC822.SIZE X-GUID)"}

func (w *world) limit(l *limit, users []string) (err error) {
	var changed error
	s, err := w.addSite("limit-"+l.name, time.Millisecond, true, func(c *lab.Config) {
		changed = l.change(w, c)
	})
	if err = errors.Join(err, changed); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.lab.Stop()) }()
	for _, user := range users {
		k := kindNamed(user)
		if err := errors.Join(s.reset(k), w.stock.reset(k)); err != nil {
			return err
		}
	}
	first, err := s.client(users[0], "Empty")
	if err != nil {
		return err
	}
	defer first.Drop()
	if l.begin != nil {
		if err := l.begin(s); err != nil {
			return err
		}
	}
	sc := &script{lines: commandsOfLimits}
	for _, user := range users {
		plugin, err := s.play(user, sc)
		if err != nil {
			return err
		}
		stock, err := w.stock.play(user, sc)
		if err != nil {
			return err
		}
		if d := compare(stock, plugin); d != "" {
			return fmt.Errorf("%s: %s", user, d)
		}
	}
	processes := len(s.lab.Processes("imap"))
	s.lab.SettleLog()
	log := s.lab.Log()
	if lines := lab.Crashes(log); len(lines) > 0 {
		return errors.New(strings.Join(lines, "\n"))
	}
	if l.says == "" {
		// the usual line at start, and nothing to complain of
		if faults := lab.Faults(log); len(faults) > 0 {
			return errors.New(strings.Join(faults, "\n"))
		}
	} else {
		n := len(regexp.MustCompile("(?m)"+l.says).FindAll(log, -1))
		if n != 1 || processes != 1 {
			return fmt.Errorf("%d lines of %q for %d processes:\n%s", n, l.says,
				processes, strings.Join(lab.Faults(log), "\n"))
		}
	}
	used := bytes.Contains(log, []byte("dbox_aio: reading with "))
	if used == l.without {
		return fmt.Errorf("reads through the library: %v\n%s", used, log)
	}
	return nil
}

// panics: where a file's header makes stock Dovecot panic, the other clients of
// the process must not pay for it.
func (w *world) panics() (err error) {
	s, err := w.addSite("limit-panics", time.Millisecond, true, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.lab.Stop()) }()
	k := kindNamed("sdbox")
	inbox := s.sourceDir(k) + "/mail/mailboxes/INBOX/dbox-Mails/"
	b, one := &raceSite{site: s}, kindNamed("mdbox-one")
	if err := errors.Join(s.reset(one), w.stock.reset(one)); err != nil {
		return err
	}
	other, err := s.client("mdbox-one", "INBOX")
	if err != nil {
		return err
	}
	defer other.Drop()
	pid, err := s.lab.OneProcess("imap")
	if err != nil {
		return err
	}
	for name, d := range map[string]damage{
		"version": replace("2 M1e", "9 M1e"),
		"no M":    replace("2 M1e ", "2 "),
		"M0":      replace("2 M1e", "2 M0"),
		"empty":   cut(0),
	} {
		if err := s.reset(k); err != nil {
			return err
		}
		if err := apply(inbox+"u.5", d); err != nil {
			return err
		}
		c, err := s.client("sdbox", "INBOX")
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		// Whatever the answer is
		c.Do("FETCH 1:9 (BODY.PEEK[])")
		c.Drop()
		if _, err := other.OK("NOOP"); err != nil {
			return fmt.Errorf("%s: another client: %w", name, err)
		}
		if now, err := s.lab.OneProcess("imap"); err != nil || now != pid {
			return fmt.Errorf("%s: process %d is now %d, %v", name, pid, now, err)
		}
	}
	reply, err := other.Do(commandsOfLimits[0])
	if err != nil {
		return err
	}
	s.lab.SettleLog()
	return errors.Join(b.same("mdbox-one", "INBOX", commandsOfLimits[0], reply),
		s.healthy())
}
