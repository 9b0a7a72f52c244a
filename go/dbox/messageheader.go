package dbox

import "math"

// ParseMessageHeader parses the message header that b begins with and returns
// the size of the body behind it, in bytes: at most 2^63-1. headerSize is
// FileHeader.MessageHeaderSize; eof says that the file ends where b ends. It
// needs headerSize bytes; for a size that is not hex, four more.
//
// The rules are those of dbox_file_read_mail_header() in Dovecot's dbox-file.c.
//
// Whether the body ends inside the file is not known here; see [BodyEnd].
func ParseMessageHeader(b []byte, headerSize uint32, eof bool) (bodySize uint64, result Result) {
	switch {
	case headerSize < MessageHeaderSize:
		return 0, broken(RuleMessageHeaderSizeTooSmall, 0)
	case headerSize > MaxMessageHeaderSize:
		return 0, broken(RuleMessageHeaderSizeTooLarge, 0)
	}
	size := int(headerSize)

	// While a message is being saved its header is zero: dbox_save_begin() in
	// Dovecot's dbox-save.c puts the real one there when all else is written.
	header := b[:min(len(b), size)]
	unwritten := AllZero(header)
	if !unwritten {
		for i := range min(len(header), len(MessageMagic)) {
			if header[i] != MessageMagic[i] {
				return 0, broken(RuleMessageMagic, i)
			}
		}
	}
	if len(header) < size {
		return 0, short(b, size, eof, RuleMessageHeaderTruncated)
	}
	if unwritten {
		return 0, broken(RuleMessageHeaderUnwritten, 0)
	}
	if header[size-1] != '\n' {
		return 0, broken(RuleMessageHeaderEnd, size-1)
	}

	digits := header[messageSizeOffset : messageSizeOffset+messageSizeDigits]
	for i, c := range digits {
		digit, ok := hexDigit(c)
		if !ok {
			return 0, emptyMessage(b, size, eof, messageSizeOffset+i)
		}
		bodySize = bodySize<<4 | uint64(digit)
	}
	if bodySize > math.MaxInt64 {
		return 0, broken(RuleBodySizeTooLarge, messageSizeOffset)
	}
	return bodySize, Result{}
}

// emptyMessage decides on a message header of size bytes whose message size
// has something else than a hex digit at offset. To Dovecot it is 0: right if
// the metadata follows at once, else a corrupt file as soon as it looks there.
func emptyMessage(b []byte, size int, eof bool, offset int) Result {
	behind := b[size:min(len(b), size+len(MetadataMagic))]
	if string(behind) != MetadataMagic[:len(behind)] {
		return broken(RuleBodySizeInvalid, offset)
	}
	if len(behind) == len(MetadataMagic) {
		return Result{}
	}
	if eof {
		return broken(RuleBodySizeInvalid, offset)
	}
	return Result{Need: size + len(MetadataMagic)}
}

// BodyEnd returns the file offset right behind a body, where its metadata
// begins. record is the file offset of the record, fileSize the size of the
// file, both in bytes and below 2^63. A body that ends behind the file's end
// breaks RuleBodyTruncated; where it is broken is then fileSize.
func BodyEnd(record uint64, headerSize uint32, bodySize, fileSize uint64) (uint64, Rule) {
	body := record + uint64(headerSize)
	// The end itself may be 2^64 or more, so it is not summed up first.
	if body > fileSize || bodySize > fileSize-body {
		return fileSize, RuleBodyTruncated
	}
	return body + bodySize, RuleNone
}
