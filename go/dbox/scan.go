package dbox

import "bytes"

// FindEmptyLine returns the index right behind the first empty line of body,
// where the header of a mail ends, or -1 if there is none. Lines end with LF or
// CRLF, in any mixture. A body that begins with an empty line gives 1 or 2.
func FindEmptyLine(body []byte) int {
	return FindEmptyLineFrom(body, 0)
}

// FindEmptyLineFrom is FindEmptyLine for a body that arrives in pieces: its
// first scanned bytes are known to have no empty line, as the answer was -1
// when body was that long.
func FindEmptyLineFrom(body []byte, scanned int) int {
	if n := lineEnd(body); n > 0 {
		return n
	}
	// The LF before the empty line, and its CR, may have been seen already.
	for at := max(0, scanned-2); at < len(body); {
		lf := bytes.IndexByte(body[at:], '\n')
		if lf < 0 {
			break
		}
		at += lf + 1
		if n := lineEnd(body[at:]); n > 0 {
			return at + n
		}
	}
	return -1
}

// lineEnd returns the size of the line end that b begins with, or 0.
func lineEnd(b []byte) int {
	switch {
	case len(b) >= 1 && b[0] == '\n':
		return 1
	case len(b) >= 2 && b[0] == '\r' && b[1] == '\n':
		return 2
	}
	return 0
}

// FindRecordMagic looks for the next record in b, after a broken one. It
// returns the index of its magic, or -1 and the number of bytes that need not
// be looked at again: the next search is to begin with b[scanned:] and what
// follows it. eof says that the file ends where b ends.
//
// Mail can contain the two bytes of the magic, compressed mail often does, so
// more is asked for: what dbox_file_match_pre_magic() in Dovecot's
// dbox-file-fix.c looks at, the type 'N', both spaces and the size in hex; and
// what every reader looks at, the LF at the end of the header of headerSize
// bytes. A record found in this way is still to be parsed, and is one only if
// metadata follows its body. Where the file header is broken too,
// MessageHeaderSize is the best guess at headerSize; a size that no file header
// may have is taken for it.
//
// To go on behind the magic of a record that proved broken, begin one byte
// behind it.
func FindRecordMagic(b []byte, headerSize uint32, eof bool) (index, scanned int) {
	if headerSize < MessageHeaderSize || headerSize > MaxMessageHeaderSize {
		headerSize = MessageHeaderSize
	}
	for at := 0; ; at += len(MessageMagic) {
		found := bytes.Index(b[at:], []byte(MessageMagic))
		if found < 0 {
			break
		}
		at += found
		header := b[at:]
		if len(header) < int(headerSize) {
			if eof {
				return -1, len(b)
			}
			return -1, at
		}
		if plausibleHeader(header[:headerSize]) {
			return at, at
		}
	}
	// The magic may be cut apart by the end of b.
	if n := len(b); !eof && n > 0 && b[n-1] == MessageMagic[0] {
		return -1, n - 1
	}
	return -1, len(b)
}

// plausibleHeader reports whether Dovecot would write header, apart from its
// magic, which is known to be right.
func plausibleHeader(header []byte) bool {
	if header[2] != MessageTypeNormal || header[3] != ' ' || header[12] != ' ' {
		return false
	}
	if header[len(header)-1] != '\n' {
		return false
	}
	size, ok := ParseHex(header[messageSizeOffset : messageSizeOffset+messageSizeDigits])
	return ok && size>>63 == 0
}

// AllZero reports whether b has no byte that is not 0: the tail of a file whose
// space was allocated ahead of its records. It is true for an empty b.
func AllZero(b []byte) bool {
	const word = 8
	for _, c := range b[:min(len(b), word)] {
		if c != 0 {
			return false
		}
	}
	if len(b) <= word {
		return true
	}
	// With its first bytes zero, b is zero if it equals itself further on;
	// the comparison is the fastest loop that Go has.
	return bytes.Equal(b[word:], b[:len(b)-word])
}
