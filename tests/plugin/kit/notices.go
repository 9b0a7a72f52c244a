package main

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
)

// notices is a test of the kit: one byte of one mail is another one, and that is
// found in each way of asking.
func (c *comparison) notices() error {
	s := c.others[0]
	alone := &comparison{r: c.r, k: c.k, stock: c.stock, others: []*site{s}}
	flip := func(s *site) error {
		path := filepath.Join(s.sourceDir(c.k), "mail", "mailboxes", "INBOX",
			"dbox-Mails", "u.2")
		return apply(path, func(data []byte) []byte {
			return bytes.Replace(data, []byte("needle1"), []byte("needlf1"), 1)
		})
	}
	for name, play := range map[string]func(*site) (*transcript, error){
		"IMAP": func(s *site) (*transcript, error) {
			return s.play(c.k.name, &script{lines: []string{
				"FETCH 1:* (BODY.PEEK[])"}})
		},
		"POP3": func(s *site) (*transcript, error) {
			return s.playPOP3(c.k.name, []string{"RETR 2"}, false)
		},
		"doveadm": func(s *site) (*transcript, error) {
			return s.playDoveadm(c.k, []string{"fetch", "text", "all"})
		},
	} {
		found, err := alone.each(name, true, func(at *site) (*transcript, error) {
			if at == s {
				if err := flip(at); err != nil {
					return nil, err
				}
			}
			return play(at)
		})
		if err != nil {
			return err
		}
		if len(found) != 1 || !strings.Contains(found[0], "needlf1") &&
			!strings.Contains(found[0], "| \"f1") {
			return errors.New(name + " did not notice: " +
				strings.Join(found, "\n"))
		}
	}
	return nil
}
