package wire

import (
	"bytes"
	"regexp"
)

// Dovecot tells how long a command took: "(0.001 + 0.000 secs)." at the end of
// its tagged response; nothing if that was no time at all.
var secs = regexp.MustCompile(
	`^([A-Za-z0-9.]+ (?:OK|NO) .*?)( \([0-9.]+( \+ [0-9.]+)* secs\))?\.\r\n$`)

// Normal is a reply without how long it took. Nothing but the last line is
// looked at.
func Normal(reply []byte) []byte {
	last := LastLine(reply)
	m := secs.FindSubmatch(last)
	if m == nil {
		return reply
	}
	head := reply[:len(reply)-len(last)]
	return bytes.Join([][]byte{head, m[1], []byte(".\r\n")}, nil)
}

// Difference shows where two replies begin to differ, a and b around it; "" if
// they don't.
func Difference(a, b []byte) string {
	if bytes.Equal(a, b) {
		return ""
	}
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	return formatDifference(a, b, at)
}
