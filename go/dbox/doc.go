// Package dbox knows the bytes of Dovecot's sdbox and mdbox files: it parses
// them where they lie, and writes them. It does no I/O.
//
// # Format
//
// A file is a header line and then records, one behind the other. An sdbox
// file (u.<uid>) has exactly one record, an mdbox file (m.<id>) any number.
// There is no footer; zero bytes can follow the last record.
//
//	2 M1e C6b04150d\n                        file header, ends at the first LF
//	\x01\x02N          00000000000010B2\n    message header, M bytes
//	<body: 0x10B2 bytes>
//	\n\x01\x03\n                             metadata magic
//	R6b041510\n                              metadata lines: <key><value>
//	V10f1\n
//	G8c7e6d2f5d154f6b0a1a00007d2a5b3c\n
//	\n                                       the empty line ends the record
//
// The message header is laid out as follows; offsets are in bytes, and what
// lies between its fields is reserved:
//
//	 0  2  magic 01 02
//	 2  1  type, 'N'
//	 3  1  space
//	 4  8  uid, by old versions; else spaces
//	12  1  space
//	13 16  size of the body in hex
//	M-1 1  LF
//
// Dovecot appends a record with its message header all zero and writes the
// real header last. So a zero header with something behind it is a record
// that is still being saved; nothing but zeros up to the end of the file is
// no record at all, see [AllZero].
//
// # Parsing
//
// The parsers look at a slice that begins with the thing to be parsed. It may
// lie outside the Go heap; it is never written, copied or kept, and nothing is
// allocated. The caller says whether the slice ends where the file ends, and
// gets a [Result]: parsed, or more bytes are needed (how many at least), or
// the [Rule] of the format that is broken and where.
//
// No parser looks at more than its documented limit, so a file without line
// ends costs no more than that: [MaxFileHeaderSize], [MaxMessageHeaderSize],
// [MaxMetadataSize].
//
// # How strict
//
// The measure is Dovecot 2.3 (dbox-file.c). What its readers take without an
// error is taken, with the same bytes as result:
//
//   - A CR before the LF of the file header and of metadata lines is not part
//     of the line, and a NUL ends what is seen of a line.
//   - Of the message header only the magic, the size and the last byte are
//     looked at, not the type, not the spaces, not the uid.
//   - Metadata ends at an empty line, and at a line that begins with a space
//     or a NUL, whatever the version of the file.
//   - Unknown keys, repeated keys and lines that begin with a control
//     character are kept.
//   - A size that is not hex is read as 0. With metadata right behind the
//     message header that is an empty message; without, Dovecot calls the file
//     corrupt as soon as it looks at the metadata, and so does this package,
//     at once.
//
// It is stricter than Dovecot in three points: a message header of less than
// 30 bytes has no room for the size (Dovecot then reads memory that was never
// set), a size of 2^63 or more (Dovecot's sums wrap around), and metadata of
// more than [MaxMetadataSize] (Dovecot reads on, whatever it costs).
package dbox
