// Command slowfs shows a directory a second time, as a slow disk would: a FUSE
// loopback that sleeps in lookup, open and read. Told to over a unix socket it
// misbehaves too: it hangs, fails, or returns less than it was asked for.
//
//	slowfs [-open 5ms] [-read 5ms] [-lookup 0] [-direct] [-match 'u.*,m.*']
//	       [-control SOCKET] SOURCE MOUNTPOINT
//	slowfs -send SOCKET COMMAND [ARGUMENT...]
//
// It prints "ready" once it is mounted, and ends, unmounting, at SIGTERM,
// SIGINT, an unmount by somebody else, or with the process that started it.
// The commands are listed in control.go.
package main

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// How long an unmount waits for the files that are still open. What is left
// then gets ENOTCONN.
const unmountGrace = time.Second

func main() {
	// The parent's death is reported to one thread. It must not end early.
	runtime.LockOSThread()
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "slowfs:", err)
		os.Exit(1)
	}
}

func run() error {
	var (
		open    = flag.Duration("open", 5*time.Millisecond, "time each open takes")
		read    = flag.Duration("read", 5*time.Millisecond, "time each read takes")
		lookup  = flag.Duration("lookup", 0, "time each lookup of a name takes")
		direct  = flag.Bool("direct", false, "bypass the page cache (FOPEN_DIRECT_IO)")
		ttl     = flag.Duration("ttl", 0, "how long the kernel may keep names and attributes")
		match   = flag.String("match", "", "only files of these names, e.g. 'u.*,m.*', are slow or faulty")
		control = flag.String("control", "", "unix socket that takes commands")
		send    = flag.Bool("send", false, "send a command to such a socket, print the reply")
	)
	flag.Usage = func() {
		out := flag.CommandLine.Output()
		fmt.Fprintln(out, "usage: slowfs [options] SOURCE MOUNTPOINT")
		fmt.Fprintln(out, "       slowfs -send SOCKET COMMAND [ARGUMENT...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if *send {
		if flag.NArg() < 2 {
			flag.Usage()
			os.Exit(2)
		}
		return sendCommand(flag.Arg(0), strings.Join(flag.Args()[1:], " "))
	}
	if flag.NArg() != 2 {
		flag.Usage()
		os.Exit(2)
	}
	source, err := filepath.Abs(flag.Arg(0))
	if err != nil {
		return err
	}
	mountpoint := flag.Arg(1)

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGTERM, unix.SIGINT, unix.SIGHUP)
	if err := endWithParent(); err != nil {
		return err
	}

	rules := newRules(*match)
	rules.setDelay(opLookup, *lookup)
	rules.setDelay(opOpen, *open)
	rules.setDelay(opRead, *read)

	// The mount that a killed slowfs left behind answers ENOTCONN.
	if _, err := os.Stat(mountpoint); errors.Is(err, unix.ENOTCONN) {
		if err := unix.Unmount(mountpoint, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount a dead %s: %w", mountpoint, err)
		}
	}
	var listener net.Listener
	if *control != "" {
		if listener, err = listen(*control); err != nil {
			return err
		}
		defer listener.Close() // removes the socket, too
		go serve(listener, rules)
	}
	server, err := mountTree(source, mountpoint, rules, *direct, *ttl)
	if err != nil {
		return err
	}
	fmt.Println("ready")

	gone := make(chan struct{})
	go func() {
		server.Wait()
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-stop:
	}
	rules.release()
	if err := unix.Unmount(mountpoint, unix.MNT_DETACH); err != nil &&
		!errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("unmount %s: %w", mountpoint, err)
	}
	select {
	case <-gone:
	case <-time.After(unmountGrace):
	}
	return nil
}

// endWithParent makes the death of the parent a SIGTERM, so that no test that
// dies leaves a mount behind.
func endWithParent() error {
	parent := os.Getppid()
	err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0)
	if err != nil {
		return fmt.Errorf("prctl: %w", err)
	}
	if os.Getppid() != parent {
		return errors.New("the parent is gone")
	}
	return nil
}
