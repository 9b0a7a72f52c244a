package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"golang.org/x/sys/unix"
)

var savedate = regexp.MustCompile(`(?m)^\* (\d+) FETCH \(X-SAVEDATE "([^"]+)"\)`)

// rightDates replaces the dates that an sdbox's mails were saved at by whether
// they are right. They are when the files last changed: another time at each site.
func (s *site) rightDates(k *kind, reply []byte) []byte {
	if k.driver != "sdbox" {
		return reply
	}
	return savedate.ReplaceAllFunc(reply, func(line []byte) []byte {
		m := savedate.FindSubmatch(line)
		if changed := s.changed(k, string(m[1])); string(m[2]) != changed {
			return fmt.Appendf(nil, "* %s FETCH (X-SAVEDATE %s at %s, not %s)",
				m[1], m[2], s.name, changed)
		}
		return fmt.Appendf(nil, "* %s FETCH (X-SAVEDATE right)", m[1])
	})
}

// changed is when the file of a mail last changed, as IMAP has it.
func (s *site) changed(k *kind, uid string) string {
	for _, root := range []string{"mail", "alt"} {
		var st unix.Stat_t
		err := unix.Stat(filepath.Join(s.sourceDir(k), root, "mailboxes", "INBOX",
			"dbox-Mails", "u."+uid), &st)
		if err == nil {
			return time.Unix(st.Ctim.Unix()).UTC().
				Format("_2-Jan-2006 15:04:05 -0700")
		}
	}
	return "no such file"
}
