package wire

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// LoginRoomy is Login with a connection whose kernel has room for so much that
// nobody has read yet: a client that takes whatever is sent, as fast as it is.
func LoginRoomy(addr, user, password string, room int) (*IMAP, error) {
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		// before it connects: how far the window can grow is agreed then
		return errors.Join(raw.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET,
				unix.SO_RCVBUFFORCE, room)
		}), err)
	}}
	conn, err := dialer.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return login(conn, user, password)
}

var literalInside = regexp.MustCompile(`\{(\d+)\}\r\n`)

// LiteralEnd waits for the first bytes of a literal, and returns how many bytes
// from here on it ends. Nothing is read.
func (c *IMAP) LiteralEnd() (int, error) {
	const beginning = 200
	start, err := c.r.Peek(beginning)
	if err != nil {
		return 0, err
	}
	m := literalInside.FindSubmatchIndex(start)
	if m == nil || m[1] == len(start) {
		return 0, fmt.Errorf("no literal begins in %q", start)
	}
	size, err := strconv.Atoi(string(start[m[2]:m[3]]))
	return m[1] + size, err
}

// Arrived is how many bytes have come that were not read yet.
func (c *IMAP) Arrived() (int, error) {
	raw, err := c.conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return 0, err
	}
	var n int
	var failed error
	err = raw.Control(func(fd uintptr) {
		n, failed = unix.IoctlGetInt(int(fd), unix.TIOCINQ)
	})
	return c.r.Buffered() + n, errors.Join(err, failed)
}

// Skip reads n bytes, and forgets them.
func (c *IMAP) Skip(n int) error {
	_, err := c.r.Discard(n)
	return err
}
