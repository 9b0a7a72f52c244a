package dbox

import "bytes"

// Metadata says what the metadata of a record measures.
type Metadata struct {
	Size     int  // in bytes, from its magic to the LF that ends the record
	Lines    int  // number of lines that MetadataLines gives
	External bool // there is a KeyExternal: parts of the body are in other files
}

// ParseMetadata parses the metadata that b begins with: b is what follows the
// body. eof says that the file ends where b ends. It looks at MaxMetadataSize
// bytes at most; a caller that is asked for more should double what it has,
// as each call begins at the start.
//
// The rules are those of dbox_file_metadata_read_at() in Dovecot's
// dbox-file.c. There, a line that begins with a space ends the metadata in
// version 2 as it does in version 1.
func ParseMetadata(b []byte, eof bool) (Metadata, Result) {
	for i := range min(len(b), len(MetadataMagic)) {
		if b[i] != MetadataMagic[i] {
			return Metadata{}, broken(RuleMetadataMagic, i)
		}
	}
	if len(b) < len(MetadataMagic) {
		return Metadata{}, short(b, len(MetadataMagic)+1, eof, RuleMetadataTruncated)
	}

	var m Metadata
	seen := b[:min(len(b), MaxMetadataSize)]
	for at := len(MetadataMagic); ; {
		length := bytes.IndexByte(seen[at:], '\n')
		if length < 0 {
			if len(b) >= MaxMetadataSize {
				return Metadata{}, broken(RuleMetadataTooLong, MaxMetadataSize)
			}
			return Metadata{}, short(b, len(b)+1, eof, RuleMetadataTruncated)
		}
		line := seen[at : at+length]
		at += length + 1
		if endsMetadata(line) {
			m.Size = at
			return m, Result{}
		}
		m.Lines++
		if line[0] == KeyExternal {
			m.External = true
		}
	}
}

// endsMetadata reports whether line, without its LF, is the last one.
func endsMetadata(line []byte) bool {
	switch {
	case len(line) == 0:
		return true
	case line[0] == KeyOldSpace, line[0] == 0:
		return true
	}
	return len(line) == 1 && line[0] == '\r'
}

// Lines walks the lines of a record's metadata in the order of the file.
type Lines struct {
	rest []byte
}

// MetadataLines returns the lines of b, the Metadata.Size bytes that
// ParseMetadata was content with.
func MetadataLines(b []byte) Lines {
	if len(b) < len(MetadataMagic) {
		return Lines{}
	}
	return Lines{b[len(MetadataMagic):]}
}

// Next returns the next line, or false if there is none left. value lies in
// the slice that was given to MetadataLines. It has no line end, and stops at
// a NUL, as it does for Dovecot, to which it is a C string.
func (l *Lines) Next() (key byte, value []byte, ok bool) {
	length := bytes.IndexByte(l.rest, '\n')
	if length < 0 || endsMetadata(l.rest[:length]) {
		l.rest = nil
		return 0, nil, false
	}
	// The key is cut off first: it can be a CR itself.
	line := l.rest[:length]
	l.rest = l.rest[length+1:]
	return line[0], cutLine(line[1:]), true
}

// Unended looks whether metadata, b[:Metadata.Size] of a record, has run into
// the record behind it, as it does where the empty line was overwritten or is
// missing: then it contains that record's header, as Dovecot writes it, or, if
// the header is damaged as well, another metadata magic. It returns where, or
// -1.
//
// Dovecot does not notice when it reads by offset, so ParseMetadata does not
// mind; who walks a file from record to record would miss a message.
func Unended(b []byte) int {
	if len(b) < len(MetadataMagic) {
		return -1
	}
	// Mails have an empty line behind their headers, where the metadata then
	// seems to end: their own metadata magic is not in b.
	if at, _ := FindRecordMagic(b[len(MetadataMagic):], MessageHeaderSize, true); at >= 0 {
		return at + len(MetadataMagic)
	}
	// The LF of the first magic can be that of the second.
	at := bytes.Index(b[len(MetadataMagic)-1:], []byte(MetadataMagic))
	if at < 0 {
		return -1
	}
	return at + len(MetadataMagic) - 1
}
