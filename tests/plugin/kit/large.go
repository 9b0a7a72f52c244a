package main

import (
	"errors"
	"fmt"
	"strings"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/wire"
)

// How much of a mail clients ask for at a time.
const piece = 64 << 10

// pieces: clients fetch large mails piece by piece, forward or wherever they
// like. Each is right, and forward not much more is read than is asked for.
func (w *world) pieces() error {
	return w.onLarge("pieces", func(s *raceSite, user string) error {
		for _, section := range []string{"", "TEXT", "1"} {
			if err := s.eachPiece(user, section); err != nil {
				return fmt.Errorf("%s, BODY[%s]: %w", user, section, err)
			}
		}
		return nil
	})
}

// onLarge calls f for stores with a mail of 20 MB on storage without a delay
// that isn't left to Dovecot.
func (w *world) onLarge(name string, f func(*raceSite, string) error) (err error) {
	s, err := w.addRaceSite("limit-"+name, &report{}, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.lab.Stop()) }()
	for _, user := range []string{"sdbox-large", "mdbox-large"} {
		if err := s.resetBoth(user); err != nil {
			return err
		}
		if err := f(s, user); err != nil {
			return err
		}
	}
	s.lab.SettleLog()
	return s.healthy()
}

// eachPiece compares pieces of the large mail with stock's.
func (s *raceSite) eachPiece(user, section string) error {
	c, err := s.client(user, "INBOX")
	if err != nil {
		return err
	}
	defer c.Drop()
	stock, err := s.world.stock.client(user, "INBOX")
	if err != nil {
		return err
	}
	defer stock.Drop()
	one := func(offset int) error {
		command := fmt.Sprintf("FETCH * (BODY.PEEK[%s]<%d.%d>)", section, offset,
			piece)
		want, err := stock.OK(command)
		if err != nil {
			return err
		}
		got, err := c.OK(command)
		if err != nil {
			return err
		}
		if d := wire.Difference(untag(want), untag(got)); d != "" {
			return fmt.Errorf("%s: %s", command, d)
		}
		return nil
	}
	// Dovecot parses all of it, once, to find out where a section is.
	if err := one(0); err != nil {
		return err
	}
	before, err := s.stat("bytes")
	if err != nil {
		return err
	}
	const count = 100
	for i := range count {
		if err := one(i * piece); err != nil {
			return err
		}
	}
	after, err := s.stat("bytes")
	if err != nil {
		return err
	}
	if read := after - before; read > 3*count*piece {
		return fmt.Errorf("%d bytes were read for %d", read, count*piece)
	}
	for _, offset := range []int{19_000_000, 5, 3 << 20, 1 << 20, 1<<20 + 1,
		19_999_990, 20_000_000_000} {
		if err := one(offset); err != nil {
			return err
		}
	}
	return nil
}

// opens: each mail file is opened once, by the library, however little of it is
// wanted. A second time it would be Dovecot, and everybody would wait.
func (w *world) opens() error {
	return w.onLarge("opens", func(s *raceSite, user string) error {
		k := kindNamed(user)
		for _, items := range []string{"RFC822.SIZE", "INTERNALDATE", "X-GUID",
			"BODY.PEEK[HEADER]", "ENVELOPE", "BODY.PEEK[]<0.100>",
			"BODY.PEEK[]<5.100> RFC822.SIZE", "BODY.PEEK[]",
			"INTERNALDATE RFC822.SIZE ENVELOPE"} {
			if err := s.forget(k); err != nil {
				return err
			}
			if err := s.opensOf(k, "FETCH 1:* ("+items+")"); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *raceSite) opensOf(k *kind, command string) error {
	c, err := s.client(k.name, "INBOX")
	if err != nil {
		return err
	}
	defer c.Drop()
	before, err := s.stat("opens")
	if err != nil {
		return err
	}
	if _, err := c.OK(command); err != nil {
		return err
	}
	after, err := s.stat("opens")
	files := k.files(s.sourceDir(k))
	// A file of mdbox can be open from before.
	if err == nil && (after-before > files ||
		after == before && k.driver == "sdbox") {
		err = fmt.Errorf("%s, %s: %d files, %d opens", k.name, command, files,
			after-before)
	}
	return err
}

// memory of a process does not grow with what it has read.
func (w *world) memory() error {
	warm, more := 5, 45
	if w.o.full {
		more = 95
	}
	return w.onLarge("memory", func(s *raceSite, user string) error {
		c, err := s.client(user, "INBOX")
		if err != nil {
			return err
		}
		defer c.Drop()
		pid, err := s.lab.OneProcess("imap")
		if err != nil {
			return err
		}
		var before int
		for i := range warm + more {
			if i == warm {
				if before, err = lab.ResidentKB(pid); err != nil {
					return err
				}
			}
			if _, err := c.OK("FETCH 1:* (BODY.PEEK[])"); err != nil {
				return err
			}
		}
		after, err := lab.ResidentKB(pid)
		if err != nil {
			return err
		}
		if w.o.full {
			fmt.Printf("# %s: %d kB after %d times, %d kB after %d\n", user,
				before, warm, after, warm+more)
		}
		if growth := after - before; growth > 40<<10 {
			return fmt.Errorf("%s: %d kB after %d times, %d kB after %d", user,
				before, warm, after, warm+more)
		}
		return nil
	})
}

// stat is a figure of the slow file system's.
func (s *raceSite) stat(name string) (int, error) {
	reply, err := s.slow.Tell("stats")
	if err != nil {
		return 0, err
	}
	for _, word := range strings.Fields(reply) {
		if value, ok := strings.CutPrefix(word, name+"="); ok {
			var n int
			_, err := fmt.Sscan(value, &n)
			return n, err
		}
	}
	return 0, fmt.Errorf("slowfs says %q", reply)
}
