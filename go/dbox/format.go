package dbox

// Version is the version of the format that Dovecot 2.x writes, DBOX_VERSION
// in its dbox-file.h. VersionOld, by Dovecot 1.x betas, is read as well.
const (
	Version    = 2
	VersionOld = 1
)

// MessageMagic begins a record, MetadataMagic follows its body: DBOX_MAGIC_PRE
// and DBOX_MAGIC_POST in Dovecot's dbox-file.h.
const (
	MessageMagic  = "\x01\x02"
	MetadataMagic = "\n\x01\x03\n"
)

// MessageTypeNormal is the type of every message so far: enum
// dbox_message_type in Dovecot's dbox-file.h. Readers do not look at it.
const MessageTypeNormal = 'N'

// Limits, in bytes.
const (
	// MessageHeaderSize is sizeof(struct dbox_message_header) in Dovecot's
	// dbox-file.h: what Dovecot writes, and the least that holds the size.
	MessageHeaderSize = 30

	// MaxMessageHeaderSize is the largest message header that Dovecot reads:
	// its stream's buffer, DBOX_READ_BLOCK_SIZE in dbox-file.c.
	MaxMessageHeaderSize = 8192

	// MaxFileHeaderSize is the longest file header that Dovecot reads, LF
	// included. It is limited by the same buffer.
	MaxFileHeaderSize = 8192

	// MaxMetadataSize is the largest metadata that is read, from its magic to
	// its last LF. Dovecot has no limit; it writes about 150 bytes, and 100
	// more for each attachment that is stored apart.
	MaxMetadataSize = 1 << 20
)

// Keys of the file header: enum dbox_header_key in Dovecot's dbox-file.h.
const (
	HeaderMessageHeaderSize = 'M' // hex bytes
	HeaderCreateTime        = 'C' // hex Unix seconds
	HeaderOldAppendOffset   = 'A' // version 1; skipped
)

// Keys of metadata lines: enum dbox_metadata_key in Dovecot's dbox-file.h.
const (
	KeyGUID            = 'G' // globally unique id; kept by copies
	KeyPOP3UIDL        = 'P' // UIDL that overrides the one of the mailbox format
	KeyPOP3Order       = 'O' // decimal place among migrated messages
	KeyReceivedTime    = 'R' // hex Unix seconds
	KeyPlaintextSize   = 'Z' // hex bytes; only where the body has another size
	KeyVirtualSize     = 'V' // hex bytes, with each line end counted as CRLF
	KeyExternal        = 'X' // parts in other files: <start> <length> <options> <ref> ...
	KeyOriginalMailbox = 'B' // name of the mailbox it was first saved to

	KeyOldExpunged = 'E' // version 1
	KeyOldFlags    = 'F' // version 1
	KeyOldKeywords = 'K' // version 1
	KeyOldSaveTime = 'S' // version 1
	KeyOldSpace    = ' ' // version 1: padding; such a line ends the metadata
)

// Where the fields of a message header lie: struct dbox_message_header in
// Dovecot's dbox-file.h.
const (
	messageSizeOffset = 13
	messageSizeDigits = 16
)
