package wire

import (
	"bytes"
	"strings"
	"testing"

	"libdbox_aio/tests/plugin/mails"
)

func TestNormal(t *testing.T) {
	for _, c := range []struct{ reply, want string }{
		{"* 1 FETCH (UID 1)\r\na1 OK Fetch completed (0.001 + 0.000 secs).\r\n",
			"* 1 FETCH (UID 1)\r\na1 OK Fetch completed.\r\n"},
		{"a12 OK Search completed (0.021 + 0.000 + 0.020 secs).\r\n",
			"a12 OK Search completed.\r\n"},
		{"p03 OK NOOP completed.\r\n", "p03 OK NOOP completed.\r\n"},
		{"* BYE FETCH failed: Refer to server log for more information. " +
			"[2026-01-02 03:04:05]\r\n",
			"* BYE FETCH failed: Refer to server log for more information.\r\n"},
		{"* OK Searched 12% of the mailbox, ETA 0:30\r\n* SEARCH 1\r\n",
			"* SEARCH 1\r\n"},
		{"a4 NO [SERVERBUG] \x80-N.\x98.\r\n", "a4 NO [SERVERBUG]\r\n"},
		{"* SEARCH 1 2\r\na1 OK [X 3] Done.\r\n",
			"* SEARCH 1 2\r\na1 OK [X 3] Done.\r\n"},
	} {
		if got := string(Normal([]byte(c.reply))); got != c.want {
			t.Errorf("%q became %q", c.reply, got)
		}
	}
}

// Nothing in a mail is taken for something that may differ.
func TestNormalLeavesMails(t *testing.T) {
	all := append(mails.Usual(40), mails.Odd()...)
	for i, mail := range append(all, mails.Large(1)) {
		if !bytes.Equal(Normal(mail), mail) {
			t.Errorf("mail %d is changed", i)
		}
	}
}

func TestDifference(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"", "", true},
		{"a", "a", true},
		{"a", "b", false},
		{"a", "", false},
		{"", "a", false},
		{long, long + "y", false},
		{long + "a" + long, long + "b" + long, false},
	} {
		if got := Difference([]byte(c.a), []byte(c.b)); (got == "") != c.same {
			t.Errorf("%.10q, %.10q: %s", c.a, c.b, got)
		}
	}
}
