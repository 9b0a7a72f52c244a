package wire

import (
	"bytes"
	"regexp"
)

// Dovecot tells how long a command took, at the end of its response:
// "(0.001 + 0.000 secs)."; nothing if that was no time at all.
var secs = regexp.MustCompile(`(?m)^([ap][0-9]+|\*) (OK|NO|BAD) ([^\r\n]*?)` +
	`( \([0-9.]+( \+ [0-9.]+)* secs\))?\.\r$`)

// When an internal error occurred: "[2024-01-31 23:59:59]".
var when = regexp.MustCompile(`(Refer to server log for more information\.) ` +
	`\[[-0-9]{10} [0-9:]{8}\]`)

// Dovecot 2.3 has freed the error's text when it tells of a failed MOVE: whatever
// is there then is sent.
var freed = regexp.MustCompile(`(?m)^([ap][0-9]+ NO \[SERVERBUG\]) [^\n]*\n`)

// What a search that takes ten seconds tells of its progress.
var progress = regexp.MustCompile(`(?m)^\* OK Searched [0-9]+% of the mailbox` +
	`[^\r\n]*\r\n`)

// Normal is a reply without how long it took, or when it failed.
func Normal(reply []byte) []byte {
	// Replies are large, and what is looked for is rare.
	for _, r := range []struct {
		has, with string
		what      *regexp.Regexp
	}{
		{"* OK Searched ", "", progress},
		{" NO [SERVERBUG] ", "$1\r\n", freed},
		{"Refer to server log", "$1", when},
	} {
		if bytes.Contains(reply, []byte(r.has)) {
			reply = r.what.ReplaceAll(reply, []byte(r.with))
		}
	}
	normal := make([]byte, 0, len(reply))
	for line := range bytes.Lines(reply) {
		if len(line) < 1000 && bytes.ContainsRune([]byte("ap*"), rune(line[0])) {
			line = secs.ReplaceAll(line, []byte("$1 $2 $3.\r"))
		}
		normal = append(normal, line...)
	}
	return normal
}

var validity = regexp.MustCompile(`(?m)^\* OK \[UIDVALIDITY [0-9]+\] UIDs valid\r$`)

// WithoutValidity is the reply to a SELECT of a mailbox that Dovecot made just
// now, and so with a UIDVALIDITY of this moment.
func WithoutValidity(reply []byte) []byte {
	return validity.ReplaceAll(reply, []byte("* OK [UIDVALIDITY] UIDs valid\r"))
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
