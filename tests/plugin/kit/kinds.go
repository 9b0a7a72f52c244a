package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"libdbox_aio/tests/plugin/mails"
)

// kind is a way to store mail.
type kind struct {
	name   string
	driver string
	alt    bool     // with an alternative storage
	parts  bool     // with external attachments
	crlf   bool     // saved with CRLF
	fields []string // of the userdb

	mails func() []mails.Mail
	// prepare changes the store that Dovecot wrote; dir holds mail/ and alt/.
	prepare func(w *world, k *kind, dir string) error
	broken  bool // Dovecot finds something wrong with it, and may repair it
	slow    bool // large: fewer commands
}

var zlib = []string{"zlib_save=gz"}

var kinds = []*kind{
	{name: "sdbox", driver: "sdbox", mails: usual},
	{name: "mdbox", driver: "mdbox", mails: usual},
	{name: "mdbox-one", driver: "mdbox", mails: small,
		fields: []string{"mdbox_rotate_size=10M"}},
	{name: "sdbox-zlib", driver: "sdbox", mails: usual, fields: zlib},
	{name: "mdbox-zlib", driver: "mdbox", mails: usual, fields: zlib},
	{name: "sdbox-alt", driver: "sdbox", alt: true, mails: usual,
		prepare: moveToAlt},
	{name: "mdbox-alt", driver: "mdbox", alt: true, mails: usual,
		prepare: moveToAlt, fields: []string{"mdbox_rotate_size=30k"}},
	{name: "mdbox-preallocated", driver: "mdbox", mails: usual,
		fields: []string{"mdbox_preallocate_space=yes"}, prepare: zeroTail},
	{name: "sdbox-crlf", driver: "sdbox", mails: usual, crlf: true},
	{name: "sdbox-attachments", driver: "sdbox", parts: true, mails: usual},
	{name: "mdbox-attachments", driver: "mdbox", parts: true, mails: usual},
	{name: "sdbox-large", driver: "sdbox", mails: large, slow: true},
	{name: "mdbox-large", driver: "mdbox", mails: large, slow: true},
	{name: "sdbox-broken", driver: "sdbox", mails: small,
		prepare: breakSdbox, broken: true},
	{name: "mdbox-broken", driver: "mdbox", mails: small,
		fields:  []string{"mdbox_rotate_size=20k"},
		prepare: breakMdbox, broken: true},
}

func usual() []mails.Mail { return append(mails.Usual(20), mails.Odd()...) }
func large() []mails.Mail { return append(mails.Usual(4), mails.Large(4)) }
func small() []mails.Mail {
	var all []mails.Mail
	for i := range 40 {
		all = append(all, mails.Plain(i, 300+i*20, "\n"))
	}
	return all
}

func kindNamed(name string) *kind {
	for _, k := range kinds {
		if k.name == name {
			return k
		}
	}
	panic("no such kind of store: " + name)
}

func moveToAlt(w *world, k *kind, dir string) error {
	_, err := w.maker.Admin(k.name, "altmove", "mailbox", "INBOX", "5:15")
	if err != nil {
		return err
	}
	found, err := filepath.Glob(dir + "/alt/*/*")
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("nothing is in %s/alt", dir)
	}
	return err
}

// zeroTail adds the zero bytes of a preallocation, where the file system did not
// keep them beyond the end of the file.
func zeroTail(w *world, k *kind, dir string) error {
	files, err := filepath.Glob(dir + "/mail/storage/m.*")
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no m.* in %s: %v", dir, err)
	}
	for _, path := range files {
		info, err := os.Stat(path)
		if err == nil {
			err = os.Truncate(path, info.Size()+70000)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// damage is done to the bytes of a file.
type damage func(data []byte) []byte

func cut(at int) damage {
	return func(data []byte) []byte { return data[:min(at, len(data))] }
}

func cutEnd(n int) damage {
	return func(data []byte) []byte { return data[:max(0, len(data)-n)] }
}

func replace(old, with string) damage {
	return func(data []byte) []byte {
		return bytes.Replace(data, []byte(old), []byte(with), 1)
	}
}

func apply(path string, d damage) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed := d(data)
	if bytes.Equal(changed, data) {
		return fmt.Errorf("%s: the damage did nothing", path)
	}
	return os.WriteFile(path, changed, 0o600)
}

// breakSdbox: each file in another way.
func breakSdbox(w *world, k *kind, dir string) error {
	inbox := dir + "/mail/mailboxes/INBOX/dbox-Mails/"
	for n, d := range map[int]damage{
		3:  cut(300),   // in the body
		4:  cutEnd(20), // in the metadata
		6:  cutEnd(1),  // the empty line
		7:  replace("\n\001\003\n", "\n\001\004\n"),
		8:  func(data []byte) []byte { return append(data, "garbage"...) },
		9:  replace("\nG", "\nY"), // no guid
		10: replace("N          0000", "N          ffff"),
		12: replace("\nR", "\nRx"), // no date
		13: replace("\nV", "\nY"),  // no virtual size
		14: replace("\nV", "\nVf"), // a wrong one
		15: replace("\001\002N", "\001\003N"),
		17: replace("\n\001\003\n", "\nxx\n\001\003\n"), // size too small
	} {
		if err := apply(fmt.Sprint(inbox, "u.", n), d); err != nil {
			return err
		}
	}
	return os.Remove(inbox + "u.5")
}

func breakMdbox(w *world, k *kind, dir string) error {
	storage := dir + "/mail/storage/"
	files, err := filepath.Glob(storage + "m.*")
	if err != nil || len(files) < 3 {
		return fmt.Errorf("%d files in %s", len(files), storage)
	}
	if err := apply(storage+"m.1", replace("\n\001\003\n", "\n\001\004\n")); err != nil {
		return err
	}
	return apply(storage+"m.2", cutEnd(700))
}

// location is mail_location with the store in dir.
func (k *kind) location(dir string) string {
	location := k.driver + ":" + dir + "/mail"
	if k.alt {
		location += ":ALT=" + dir + "/alt"
	}
	return location
}

// userdb fields with the store in dir.
func (k *kind) userdb(dir string) []string {
	fields := append([]string{}, k.fields...)
	if k.parts {
		fields = append(fields, "mail_attachment_dir="+dir+"/parts",
			"mail_attachment_min_size=1k")
	}
	if k.crlf {
		fields = append(fields, "mail_save_crlf=yes")
	}
	return fields
}

// eachFile calls f for the files of a store that hold mail.
func (k *kind) eachFile(dir string, f func(path string) error) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() ||
			!(strings.HasPrefix(d.Name(), "u.") ||
				strings.HasPrefix(d.Name(), "m.")) {
			return err
		}
		return f(path)
	})
}

// files counts them.
func (k *kind) files(dir string) int {
	n := 0
	k.eachFile(dir, func(string) error {
		n++
		return nil
	})
	return n
}
