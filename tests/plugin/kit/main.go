// kit compares a stock Dovecot with one that reads through the plugin: the same
// mail, the same commands, the replies byte for byte; and does to the second what
// clients and administrators do.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

type options struct {
	slowfs, modules, library, only string
	environment, imaptest          string
	keep, full                     bool
	seed                           uint64
	duration                       time.Duration
	jobs, rounds                   int
}

const usage = `usage: kit [options] check|compare|races|sending|services|limits|stress|demo|imaptest
  check    compare, races, sending, services (LMTP, dsync, full-text search)
           and limits in a short form; prints lines of tests
  stress   random commands and races for -duration
  demo     a table of figures
  imaptest Dovecot's tester of IMAP servers, built elsewhere: -imaptest
options:
`

func main() {
	o := &options{}
	flag.StringVar(&o.slowfs, "slowfs", "build/slowfs", "the slow file system")
	flag.StringVar(&o.modules, "modules", "", "where the plugin's modules are;"+
		" without, stock is compared with stock")
	flag.StringVar(&o.library, "library", "lib", "where libdbox_aio.so.1 is")
	flag.StringVar(&o.environment, "environment", "", "NAME=VALUE and more"+
		" for the processes of the Dovecot with the plugin")
	flag.StringVar(&o.imaptest, "imaptest", "", "where imaptest's source was built")
	flag.StringVar(&o.only, "only", "*", "only tests whose names match")
	flag.BoolVar(&o.keep, "keep", false, "keep the directory with the Dovecots")
	flag.BoolVar(&o.full, "full", false, "all commands on all kinds of stores;"+
		" the demo: heavy set-ups, too")
	flag.Uint64Var(&o.seed, "seed", 0, "of stress; 0: a random one")
	flag.DurationVar(&o.duration, "duration", 10*time.Minute, "of stress")
	flag.IntVar(&o.rounds, "rounds", 0, "of the demo; 0: its own idea")
	flag.IntVar(&o.jobs, "j", 4, "stores that are worked on at once")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), usage)
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	for _, p := range []*string{&o.slowfs, &o.modules, &o.library,
		&o.imaptest} {
		if *p != "" {
			*p, _ = filepath.Abs(*p)
		}
	}
	code, err := run(o, flag.Arg(0))
	if err != nil {
		fmt.Fprintln(os.Stderr, "kit:", err)
		code = 1
	}
	os.Exit(code)
}

func run(o *options, command string) (code int, err error) {
	r := &report{only: o.only}
	parts := []func(*world, *report) error{}
	switch command {
	case "check":
		parts = append(parts, compareStores, func(w *world, r *report) error {
			return errors.Join(races(w, r), limits(w, r))
		}, sending, services)
	case "compare":
		parts = append(parts, compareStores)
	case "races":
		parts = append(parts, races)
	case "sending":
		parts = append(parts, sending)
	case "services":
		parts = append(parts, services)
	case "limits":
		parts = append(parts, limits)
	case "stress":
		parts = append(parts, stress)
	case "demo":
		parts = append(parts, demo)
	case "imaptest":
		parts = append(parts, imaptest)
	default:
		return 2, fmt.Errorf("no such command: %s", command)
	}
	err = inWorlds(o, r, parts)
	if r.failed {
		code = 1
	}
	return code, err
}

// inWorlds runs parts that don't know of each other at the same time: most of it
// is waiting. Whatever ends us, the worlds are closed.
func inWorlds(o *options, r *report, parts []func(*world, *report) error) error {
	errs := make([]error, len(parts))
	worlds := make([]*world, len(parts))
	for i := range parts {
		var err error
		if worlds[i], err = newWorld(o); err != nil {
			return err
		}
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		<-stop
		for _, w := range worlds {
			w.close()
		}
		os.Exit(1)
	}()
	var group sync.WaitGroup
	for i, part := range parts {
		group.Add(1)
		go func() {
			defer group.Done()
			errs[i] = errors.Join(part(worlds[i], r), worlds[i].close())
		}()
	}
	group.Wait()
	return errors.Join(errs...)
}

// report prints the lines of tests; why one failed goes to stderr.
type report struct {
	mu     sync.Mutex
	only   string
	failed bool
}

// wanted tells whether a test, or one whose name begins so, is to be run.
func (r *report) wanted(name string) bool {
	if r.only == "" || r.only == "*" {
		return true
	}
	ok, _ := path.Match(r.only, name)
	return ok || strings.HasPrefix(r.only, name+"/") ||
		strings.HasPrefix(name, r.only)
}

// test tells the result of one. err: why it failed.
func (r *report) test(name string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		fmt.Println("ok plugin/" + name)
		return
	}
	r.failed = true
	fmt.Println("not ok plugin/" + name)
	text := err.Error()
	if len(text) > 6000 {
		text = text[:6000] + "..."
	}
	fmt.Fprintf(os.Stderr, "plugin/%s: %s\n", name, text)
}

func (r *report) skip(name, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Println("skip plugin/"+name, reason)
}

// note is a figure, or whatever else is worth knowing.
func (r *report) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fmt.Printf("# "+format+"\n", args...)
}
