// Package wire speaks IMAP and POP3 without understanding much of it: what comes
// back is kept byte for byte.
package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Patience is how long a reply may take. It is no measure of speed: what takes
// longer hangs.
var Patience = 60 * time.Second

// IMAP is a client's connection.
type IMAP struct {
	Greeting []byte

	rw   io.ReadWriteCloser
	conn net.Conn // or nil
	r    *bufio.Reader
	tags int
}

// Login connects and logs in.
func Login(addr, user, password string) (*IMAP, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return login(conn, user, password)
}

func login(conn net.Conn, user, password string) (*IMAP, error) {
	c, err := newIMAP(conn, conn)
	if err != nil {
		return nil, err
	}
	if _, err := c.OK("LOGIN " + user + " " + password); err != nil {
		c.Drop()
		return nil, fmt.Errorf("login of %s: %w", user, err)
	}
	return c, nil
}

// NewIMAP is one with an imap process, by its stdin and stdout.
func NewIMAP(rw io.ReadWriteCloser) (*IMAP, error) {
	return newIMAP(rw, nil)
}

func newIMAP(rw io.ReadWriteCloser, conn net.Conn) (*IMAP, error) {
	c := &IMAP{rw: rw, conn: conn, r: bufio.NewReaderSize(rw, 1<<16)}
	var err error
	if c.Greeting, err = c.Response(); err != nil {
		rw.Close()
		return nil, err
	}
	return c, nil
}

// Drop closes the connection without a word.
func (c *IMAP) Drop() error { return c.rw.Close() }

// Reset closes it so that the other end gets an error rather than an end.
func (c *IMAP) Reset() error {
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	return c.rw.Close()
}

// Logout says good-bye and waits for the end.
func (c *IMAP) Logout() error {
	_, err := c.OK("LOGOUT")
	return errors.Join(err, c.rw.Close())
}

// SlowReader makes the kernel's buffer for what comes a small one.
func (c *IMAP) SlowReader() {
	if tcp, ok := c.conn.(*net.TCPConn); ok {
		tcp.SetReadBuffer(64 << 10)
	}
}

// Packets is how many with data have come.
func (c *IMAP) Packets() (uint32, error) {
	tcp, ok := c.conn.(*net.TCPConn)
	if !ok {
		return 0, errors.New("not a TCP connection")
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, err
	}
	var info *unix.TCPInfo
	var infoErr error
	err = raw.Control(func(fd uintptr) {
		info, infoErr = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP,
			unix.TCP_INFO)
	})
	if err = errors.Join(err, infoErr); err != nil {
		return 0, err
	}
	return info.Data_segs_in, nil
}

// Send sends commands as they are; lines end with CRLF.
func (c *IMAP) Send(text string) error {
	if c.conn != nil {
		c.conn.SetWriteDeadline(time.Now().Add(Patience))
	}
	_, err := io.WriteString(c.rw, text)
	return err
}

// Begin sends a command under the next tag.
func (c *IMAP) Begin(command string) (tag string, err error) {
	c.tags++
	tag = "a" + strconv.Itoa(c.tags)
	return tag, c.Send(tag + " " + command + "\r\n")
}

var literal = regexp.MustCompile(`\{(\d+)\}\r\n$`)

// Response reads one: a line, and what its literals bring.
func (c *IMAP) Response() ([]byte, error) {
	if c.conn != nil {
		c.conn.SetReadDeadline(time.Now().Add(Patience))
	}
	var all []byte
	for {
		start := len(all)
		line, err := c.r.ReadBytes('\n')
		all = append(all, line...)
		if err != nil {
			return all, err
		}
		m := literal.FindSubmatch(all[start:])
		if m == nil {
			return all, nil
		}
		size, err := strconv.Atoi(string(m[1]))
		if err != nil {
			return all, err
		}
		start = len(all)
		all = append(all, make([]byte, size)...)
		n, err := io.ReadFull(c.r, all[start:])
		if err != nil {
			return all[:start+n], err
		}
	}
}

// Until reads responses up to the one that begins with the prefix, and it.
func (c *IMAP) Until(prefix string) ([]byte, error) {
	var all []byte
	for {
		response, err := c.Response()
		all = append(all, response...)
		if err != nil || bytes.HasPrefix(response, []byte(prefix)) {
			return all, err
		}
	}
}

// Do sends a command and returns all that comes, the tagged response last.
func (c *IMAP) Do(command string) ([]byte, error) {
	tag, err := c.Begin(command)
	if err != nil {
		return nil, err
	}
	all, err := c.Until(tag + " ")
	if err != nil {
		err = fmt.Errorf("%.80s: %w, after %d bytes", command, err, len(all))
	}
	return all, err
}

// OK is Do where nothing but OK will do.
func (c *IMAP) OK(command string) ([]byte, error) {
	all, err := c.Do(command)
	if err != nil {
		return all, err
	}
	last := LastLine(all)
	if _, status, _ := bytes.Cut(last, []byte(" ")); !bytes.HasPrefix(status,
		[]byte("OK")) {
		return all, fmt.Errorf("%.80s: %s", command, bytes.TrimSpace(last))
	}
	return all, nil
}

// LastLine is the tagged response, at the end of a reply.
func LastLine(reply []byte) []byte {
	trimmed := bytes.TrimSuffix(reply, []byte("\r\n"))
	return reply[bytes.LastIndexByte(trimmed, '\n')+1:]
}
