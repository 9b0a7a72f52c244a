// Mkstore makes a sample mail store in both dbox formats: an sdbox mailbox with
// one file a message, and an mdbox storage with many messages in a few files.
// The same arguments always give the same bytes. There are no index files in
// it: it is for reading through the library, not for Dovecot.
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"libdbox_aio/go/dbox"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("mkstore: ")
	single := flag.Int("sdbox", 2000, "messages in sdbox files")
	multi := flag.Int("mdbox", 2000, "messages in mdbox files")
	files := flag.Int("files", 10, "mdbox files")
	seed := flag.Uint64("seed", 1, "of the random messages")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: mkstore [options] DIRECTORY")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 || *single < 0 || *multi < 0 || *files < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := makeStore(flag.Arg(0), *single, *multi, *files, *seed); err != nil {
		log.Fatal(err)
	}
}

// makeStore writes the store beside dir first, so that a dir which is there is
// whole.
func makeStore(dir string, single, multi, files int, seed uint64) error {
	if _, err := os.Lstat(dir); err == nil {
		return fmt.Errorf("%s: it exists", dir)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o777); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".mkstore-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}

	mails := newMails(seed)
	if err := makeSdbox(filepath.Join(tmp, "sdbox/mailboxes/INBOX/dbox-Mails"), mails, single); err != nil {
		return err
	}
	if err := makeMdbox(filepath.Join(tmp, "mdbox/storage"), mails, multi, files); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

func makeSdbox(dir string, mails *mails, count int) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for uid := 1; uid <= count; uid++ {
		if err := writeFile(filepath.Join(dir, fmt.Sprintf("u.%d", uid)), mails, 1); err != nil {
			return err
		}
	}
	return nil
}

func makeMdbox(dir string, mails *mails, count, files int) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for id := 1; id <= files; id++ {
		n := count*id/files - count*(id-1)/files
		if n == 0 {
			continue
		}
		if err := writeFile(filepath.Join(dir, fmt.Sprintf("m.%d", id)), mails, n); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, mails *mails, count int) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
	}()

	out := bufio.NewWriterSize(file, 128<<10)
	w, err := dbox.NewWriter(out, dbox.FileHeader{CreateTime: firstDay})
	if err != nil {
		return err
	}
	for range count {
		if _, _, err := w.Append(mails.next()); err != nil {
			return err
		}
	}
	return out.Flush()
}
