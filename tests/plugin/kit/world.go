package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/mails"

	"golang.org/x/sys/unix"
)

// world is everything that a run needs: the stores as Dovecot wrote them, and
// sites that have copies.
type world struct {
	dir   string
	o     *options
	maker *lab.Lab // writes the stores
	kinds []*kind  // of which users there are
	made  map[*kind]bool
	stock *site
	// Copies of the plugin's modules, and of what they are linked with
	modules, library string
	mu               sync.Mutex
	closers          []func() error
	// direct: slow storage has no read-ahead. That makes more reads.
	direct bool
}

// site is a Dovecot with a copy of each store.
type site struct {
	name string
	lab  *lab.Lab
	slow *lab.Slow // or nil
	// The stores, as we write them, and as this Dovecot sees them.
	source, root string
	world        *world
	// cold: mail files are put out of the page cache before they are read.
	cold bool
}

func newWorld(o *options) (*world, error) {
	dir, err := os.MkdirTemp("", "dovecot.")
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	w := &world{dir: dir, o: o, kinds: kinds, made: make(map[*kind]bool),
		direct: true}
	if err := w.copyPlugin(); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// onClose has f called at the end, before what was there earlier.
func (w *world) onClose(f func() error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closers = append(w.closers, f)
}

// close stops everything, the latest first, once. An error says what did not end
// well.
func (w *world) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []error
	for i := len(w.closers) - 1; i >= 0; i-- {
		all = append(all, w.closers[i]())
	}
	w.closers = nil
	if !w.o.keep {
		all = append(all, os.RemoveAll(w.dir))
	}
	return errors.Join(all...)
}

func (w *world) template(k *kind) string {
	return filepath.Join(w.dir, "template", k.name)
}

// config is what all Dovecots of this world have in common.
func (w *world) config(root string) lab.Config {
	c := lab.Config{OtherPlugins: "zlib virtual", IMAPPlugins: "imap_zlib",
		Extra: virtualNamespace}
	for _, k := range w.kinds {
		dir := filepath.Join(root, k.name)
		c.Users = append(c.Users, lab.User{Name: k.name, Home: dir,
			Mail: k.location(dir), Fields: k.userdb(dir)})
	}
	return c
}

// makeStores has stock Dovecot write the stores that are not there yet, and
// starts the stock site.
func (w *world) makeStores(wanted []*kind) error {
	if w.maker == nil {
		root := filepath.Join(w.dir, "template")
		if err := os.MkdirAll(root, 0o755); err != nil {
			return err
		}
		var err error
		w.maker, err = lab.New(filepath.Join(w.dir, "maker"), w.config(root))
		if err != nil {
			return err
		}
		if err := w.maker.Start(); err != nil {
			return err
		}
		w.onClose(w.maker.Stop)
		if w.stock, err = w.addSite("stock", 0, false, nil); err != nil {
			return err
		}
	}
	for _, k := range wanted {
		if w.made[k] {
			continue
		}
		if err := w.makeStore(k); err != nil {
			return fmt.Errorf("making store %s: %w", k.name, err)
		}
		w.made[k] = true
	}
	return nil
}

func (w *world) makeStore(k *kind) error {
	maildir := filepath.Join(w.dir, "maildir", k.name)
	if err := mails.WriteMaildir(maildir, k.mails()); err != nil {
		return err
	}
	defer os.RemoveAll(maildir)
	dir := w.template(k)
	for _, sub := range []string{"mail", "alt", "parts"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	for _, path := range []string{maildir, dir} {
		if err := lab.Own(path); err != nil {
			return err
		}
	}
	_, err := w.maker.Admin(k.name, "mailbox", "create", "Other", "Empty")
	if err != nil {
		return err
	}
	_, err = w.maker.Admin(k.name, "import", "maildir:"+maildir, "", "all")
	if err != nil {
		return err
	}
	// Flags, so that they can be compared.
	_, err = w.maker.Admin(k.name, "flags", "add", `\Seen`, "mailbox", "INBOX",
		"2:8")
	if err != nil {
		return err
	}
	if k.prepare != nil {
		if err := k.prepare(w, k, dir); err != nil {
			return err
		}
	}
	if err := writeVirtual(dir); err != nil {
		return err
	}
	if k.files(dir) == 0 {
		return errors.New("there is no mail in it")
	}
	return lab.Own(dir)
}

// addSite starts a Dovecot with stores of its own; with a delay, on slow storage.
func (w *world) addSite(name string, delay time.Duration, plugin bool,
	change func(*lab.Config)) (*site, error) {
	s := &site{name: name, world: w}
	dir := filepath.Join(w.dir, name)
	s.source = filepath.Join(dir, "fs", "source")
	s.root = s.source
	if err := os.MkdirAll(s.source, 0o755); err != nil {
		return nil, err
	}
	if delay > 0 {
		var err error
		s.slow, err = lab.Mount(w.o.slowfs, filepath.Join(dir, "fs"), delay,
			w.direct)
		if err != nil {
			return nil, err
		}
		s.root = s.slow.Mount
		w.onClose(s.slow.Unmount)
	}
	config := w.config(s.root)
	if plugin {
		config.Modules, config.Library = w.modules, w.library
		config.Environment = strings.Fields(w.o.environment)
	}
	if change != nil {
		change(&config)
	}
	var err error
	if s.lab, err = lab.New(dir, config); err != nil {
		return nil, err
	}
	if err := s.lab.Start(); err != nil {
		return nil, err
	}
	w.onClose(s.lab.Stop)
	return s, nil
}

// dir is where this site's Dovecot has a store, source where we have it.
func (s *site) dir(k *kind) string       { return filepath.Join(s.root, k.name) }
func (s *site) sourceDir(k *kind) string { return filepath.Join(s.source, k.name) }

// reset makes the site's store what it was at first. Nobody may be using it.
func (s *site) reset(k *kind) error {
	to := s.sourceDir(k)
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	out, err := exec.Command("cp", "-a", s.world.template(k), to).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cp: %w: %s", err, out)
	}
	// Dovecot keeps the path of the alternative storage.
	link := filepath.Join(to, "mail", "dbox-alt-root")
	if _, err := os.Lstat(link); err == nil {
		if err := os.Remove(link); err != nil {
			return err
		}
		err := os.Symlink(filepath.Join(s.dir(k), "alt"), link)
		if err != nil {
			return err
		}
	}
	return s.chill(k)
}

// remove removes the site's store. Nobody may be using it.
func (s *site) remove(k *kind) error {
	return os.RemoveAll(s.sourceDir(k))
}

// chill puts the mail files of a cold site out of the page cache.
func (s *site) chill(k *kind) error {
	if !s.cold {
		return nil
	}
	return k.eachFile(s.sourceDir(k), func(path string) error {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := f.Sync(); err != nil {
			return err
		}
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// forget removes what Dovecot has cached of the mails.
func (s *site) forget(k *kind) error {
	if err := s.chill(k); err != nil {
		return err
	}
	return filepath.WalkDir(s.sourceDir(k), func(path string, d os.DirEntry,
		err error) error {
		if err == nil && d.Name() == "dovecot.index.cache" {
			err = os.Remove(path)
		}
		return err
	})
}
