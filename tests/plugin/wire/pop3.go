package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// POP3 is a client's connection.
type POP3 struct {
	conn net.Conn
	r    *bufio.Reader
}

// LoginPOP3 connects and logs in.
func LoginPOP3(addr, user, password string) (*POP3, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	p := &POP3{conn: conn, r: bufio.NewReaderSize(conn, 1<<16)}
	if _, err := p.line(); err != nil {
		conn.Close()
		return nil, err
	}
	for _, command := range []string{"USER " + user, "PASS " + password} {
		reply, err := p.Do(command)
		if err == nil && !bytes.HasPrefix(reply, []byte("+OK")) {
			err = fmt.Errorf("%.20s: %s", command, reply)
		}
		if err != nil {
			conn.Close()
			return nil, err
		}
	}
	return p, nil
}

// Close closes the connection without a QUIT.
func (p *POP3) Close() error { return p.conn.Close() }

func (p *POP3) line() ([]byte, error) {
	p.conn.SetReadDeadline(time.Now().Add(Patience))
	return p.r.ReadBytes('\n')
}

// Send sends lines as they are.
func (p *POP3) Send(text string) error {
	p.conn.SetWriteDeadline(time.Now().Add(Patience))
	_, err := io.WriteString(p.conn, text)
	return err
}

// multiline tells whether a +OK is followed by lines up to a dot.
func multiline(command string) bool {
	name, args, _ := strings.Cut(command, " ")
	switch strings.ToUpper(name) {
	case "RETR", "TOP", "CAPA":
		return true
	case "LIST", "UIDL":
		return args == ""
	}
	return false
}

// Reply reads the reply to a command that was sent.
func (p *POP3) Reply(command string) ([]byte, error) {
	all, err := p.line()
	if err != nil || !multiline(command) ||
		!bytes.HasPrefix(all, []byte("+OK")) {
		return all, err
	}
	for {
		line, err := p.line()
		all = append(all, line...)
		if err != nil || string(line) == ".\r\n" {
			return all, err
		}
	}
}

// Do sends a command and returns its reply.
func (p *POP3) Do(command string) ([]byte, error) {
	if err := p.Send(command + "\r\n"); err != nil {
		return nil, err
	}
	return p.Reply(command)
}
