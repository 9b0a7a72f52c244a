package dbox

import (
	"bytes"
	"math"
)

// FileHeader is the line that a file begins with.
type FileHeader struct {
	Version           uint32 // Version or VersionOld
	MessageHeaderSize uint32 // M: 30 to MaxMessageHeaderSize bytes
	CreateTime        int64  // C, in Unix seconds; 0 if it is missing
	Size              uint32 // of the line itself, in bytes, with its LF
}

// ParseFileHeader parses the header of the file that b begins with. eof says
// that the file ends where b ends. It looks at MaxFileHeaderSize bytes at
// most. The rules are those of dbox_file_parse_header() in Dovecot's
// dbox-file.c: of a repeated key the last one counts, unknown keys are skipped.
func ParseFileHeader(b []byte, eof bool) (FileHeader, Result) {
	// A wrong version is told before the line's end is looked for: a file
	// that is not dbox at all may have no line.
	if len(b) > 0 && (b[0] < '0' || b[0] > '9') {
		return FileHeader{}, broken(RuleVersionMissing, 0)
	}
	if len(b) > 1 && b[1] != ' ' {
		return FileHeader{}, broken(RuleVersionMissing, 1)
	}
	if len(b) > 1 && b[0] != '0'+Version && b[0] != '0'+VersionOld {
		return FileHeader{}, broken(RuleVersionUnknown, 0)
	}

	end := bytes.IndexByte(b[:min(len(b), MaxFileHeaderSize)], '\n')
	if end < 0 {
		if len(b) >= MaxFileHeaderSize {
			return FileHeader{}, broken(RuleFileHeaderTooLong, MaxFileHeaderSize)
		}
		return FileHeader{}, short(b, len(b)+1, eof, RuleFileHeaderTruncated)
	}

	header := FileHeader{Version: uint32(b[0] - '0'), Size: uint32(end) + 1}
	return parseHeaderKeys(header, cutLine(b[:end]))
}

// parseHeaderKeys parses the keys behind the version of line, which has no
// line end any more.
func parseHeaderKeys(header FileHeader, line []byte) (FileHeader, Result) {
	const none = -1
	sizeAt := none
	for at := len("2 "); at < len(line); {
		token := line[at:]
		if space := bytes.IndexByte(token, ' '); space >= 0 {
			token = token[:space]
		}
		if len(token) > 0 {
			switch token[0] {
			case HeaderMessageHeaderSize:
				size, ok := ParseHex(token[1:])
				if !ok || size > math.MaxUint32 {
					return FileHeader{}, broken(RuleMessageHeaderSizeInvalid, at)
				}
				header.MessageHeaderSize = uint32(size)
				sizeAt = at
			case HeaderCreateTime:
				seconds, ok := ParseHex(token[1:])
				if !ok {
					return FileHeader{}, broken(RuleCreateTimeInvalid, at)
				}
				header.CreateTime = int64(seconds)
			}
		}
		at += len(token) + 1
	}

	switch {
	case sizeAt == none:
		return FileHeader{}, broken(RuleMessageHeaderSizeMissing, 0)
	case header.MessageHeaderSize == 0:
		return FileHeader{}, broken(RuleMessageHeaderSizeZero, sizeAt)
	case header.MessageHeaderSize < MessageHeaderSize:
		return FileHeader{}, broken(RuleMessageHeaderSizeTooSmall, sizeAt)
	case header.MessageHeaderSize > MaxMessageHeaderSize:
		return FileHeader{}, broken(RuleMessageHeaderSizeTooLarge, sizeAt)
	}
	return header, Result{}
}

// cutLine returns what Dovecot sees of a line whose LF is cut off already:
// i_stream_next_line_finish() in its istream.c strips one CR, and what gets
// the line as a C string stops at a NUL.
func cutLine(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if nul := bytes.IndexByte(line, 0); nul >= 0 {
		line = line[:nul]
	}
	return line
}
