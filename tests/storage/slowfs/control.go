package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const usage = `commands, one a line; each is answered by "ok", or "error TEXT":
 hang [lookup|open|read|flush]...
                               calls of this kind (or opens and reads) wait; a
                               close waits for a flush
 resume [KIND]...              these, or all, do not hang any more
 wait N                        answered when N calls hang
 wait-released                 answered when no file is open
 fail OP ERRNO FIRST [COUNT]   of the calls of this kind from now on fail COUNT
                               (or all) from the FIRST-th on; ERRNO like EIO.
                               Without -direct the kernel tries a read again
 fail OP off
 short N                       a read returns N bytes at most; 0: all of them.
                               Without -direct that is the end of the file
 eof N                         reads see the end of the file at N; -1: at its end
 delay OP DURATION             e.g. 5ms
 match [PATTERN,...]           only files of these names are slow or faulty
 clear                         no fault, no delay, nothing hangs
 stats                         answered by counters
 reset                         counters start at 0`

var errUsage = errors.New("not understood; try help")

// listen makes the socket, in the place of one that a killed slowfs left.
func listen(path string) (net.Listener, error) {
	if info, err := os.Lstat(path); err == nil &&
		info.Mode().Type() == os.ModeSocket {
		os.Remove(path)
	}
	return net.Listen("unix", path)
}

func serve(listener net.Listener, r *rules) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			lines := bufio.NewScanner(conn)
			for lines.Scan() {
				reply, err := command(r, strings.Fields(lines.Text()))
				if err != nil {
					reply = "error " + err.Error()
				}
				if _, err := fmt.Fprintln(conn, reply); err != nil {
					return
				}
			}
		}()
	}
}

// sendCommand is the other end: one command, its reply printed.
func sendCommand(path, line string) error {
	conn, err := net.Dial("unix", path)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return err
	}
	reply, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if text, failed := strings.CutPrefix(reply, "error "); failed {
		return errors.New(strings.TrimSpace(text))
	}
	fmt.Print(reply)
	return nil
}

func command(r *rules, words []string) (string, error) {
	if len(words) == 0 {
		return "", errUsage
	}
	name, args := words[0], words[1:]
	switch {
	case name == "help" && len(args) == 0:
		return usage, nil
	case name == "hang":
		return "ok", hang(r, args)
	case name == "resume":
		return "ok", resume(r, args)
	case name == "wait" && len(args) == 1:
		n, err := strconv.ParseUint(args[0], 10, 32)
		if err != nil {
			return "", err
		}
		r.waitHeld(n)
	case name == "wait-released" && len(args) == 0:
		r.waitReleased()
	case name == "fail" && len(args) >= 2:
		return "ok", fail(r, args)
	case (name == "short" || name == "eof") && len(args) == 1:
		n, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return "", err
		}
		if name == "short" {
			r.setShort(n)
		} else {
			r.setEnd(n)
		}
	case name == "delay" && len(args) == 2:
		o, err := parseOp(args[0])
		if err != nil {
			return "", err
		}
		d, err := time.ParseDuration(args[1])
		if err != nil {
			return "", err
		}
		r.setDelay(o, d)
	case name == "match" && len(args) <= 1:
		r.setMatch(strings.Join(args, ""))
	case name == "clear" && len(args) == 0:
		for o := op(0); o < opCount; o++ {
			r.setFailure(o, failure{})
		}
		r.setShort(0)
		r.setEnd(-1)
		r.release()
	case name == "stats" && len(args) == 0:
		return "ok " + r.String(), nil
	case name == "reset" && len(args) == 0:
		r.reset()
	default:
		return "", errUsage
	}
	return "ok", nil
}

func hang(r *rules, names []string) error {
	if len(names) == 0 {
		names = []string{"open", "read"}
	}
	for _, name := range names {
		o, err := parseOp(name)
		if err != nil {
			return err
		}
		r.setHang(o)
	}
	return nil
}

func resume(r *rules, names []string) error {
	if len(names) == 0 {
		r.resumeAll()
		return nil
	}
	for _, name := range names {
		o, err := parseOp(name)
		if err != nil {
			return err
		}
		r.resume(o)
	}
	return nil
}

// fail OP off, or fail OP ERRNO FIRST [COUNT]
func fail(r *rules, args []string) error {
	o, err := parseOp(args[0])
	if err != nil {
		return err
	}
	if len(args) == 2 && args[1] == "off" {
		r.setFailure(o, failure{})
		return nil
	}
	if len(args) < 3 || len(args) > 4 {
		return errUsage
	}
	var f failure
	if f.errno, err = parseErrno(args[1]); err != nil {
		return err
	}
	if f.first, err = strconv.ParseUint(args[2], 10, 32); err != nil {
		return err
	}
	if len(args) == 4 {
		f.count, err = strconv.ParseUint(args[3], 10, 32)
		if err != nil {
			return err
		}
	}
	r.setFailure(o, f)
	return nil
}

func parseOp(name string) (op, error) {
	for o, known := range opNames {
		if name == known {
			return op(o), nil
		}
	}
	return 0, fmt.Errorf("%q is not lookup, open or read", name)
}

func parseErrno(name string) (unix.Errno, error) {
	// To the kernel this is not an error but "never ask me again".
	if name == "ENOSYS" {
		return 0, errors.New("ENOSYS can't be taken back")
	}
	for e := unix.Errno(1); e < 134; e++ {
		if unix.ErrnoName(e) == name {
			return e, nil
		}
	}
	return 0, fmt.Errorf("%q is not the name of an errno", name)
}
