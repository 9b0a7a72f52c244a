package wire

import (
	"bytes"
	"io"
	"testing"
)

// script is a server that says the same whatever it is told.
type script struct {
	io.Reader
	sent bytes.Buffer
}

func (s *script) Write(p []byte) (int, error) { return s.sent.Write(p) }
func (s *script) Close() error                { return nil }

func TestReplyWithLiterals(t *testing.T) {
	reply := "* 1 FETCH (BODY[HEADER] {6}\r\na1 OK\n BINARY[1] ~{3}\r\n\x00\r\n" +
		" UID 1)\r\n* SEARCH\r\na1 OK Fetch completed.\r\n"
	s := &script{Reader: bytes.NewReader([]byte("* OK ready\r\n" + reply +
		"* not read\r\n"))}
	c, err := NewIMAP(s)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.OK("FETCH 1 X")
	if err != nil || string(got) != reply {
		t.Errorf("%q, %v", got, err)
	}
	if s.sent.String() != "a1 FETCH 1 X\r\n" {
		t.Errorf("sent %q", s.sent.String())
	}
}

func TestOKWantsOK(t *testing.T) {
	for _, reply := range []string{"a1 NO [X] no.\r\n", "a1 BAD what?\r\n",
		"* BYE\r\n", "* 1 FETCH {9}\r\na1 OK\r\n"} {
		c, err := NewIMAP(&script{Reader: bytes.NewReader(
			[]byte("* OK\r\n" + reply))})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := c.OK("NOOP"); err == nil {
			t.Errorf("%q was taken for success", got)
		}
	}
}
