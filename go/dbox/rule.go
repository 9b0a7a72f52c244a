package dbox

// Rule is a rule of the format that a file breaks. As an error it is made
// without an allocation. RuleNone is the absence of one and no error.
type Rule uint8

const (
	RuleNone Rule = iota

	RuleVersionMissing
	RuleVersionUnknown
	RuleFileHeaderTruncated
	RuleFileHeaderTooLong
	RuleMessageHeaderSizeMissing
	RuleMessageHeaderSizeInvalid
	RuleMessageHeaderSizeZero
	RuleMessageHeaderSizeTooSmall
	RuleMessageHeaderSizeTooLarge
	RuleCreateTimeInvalid

	RuleMessageHeaderTruncated
	RuleMessageHeaderUnwritten
	RuleMessageMagic
	RuleMessageHeaderEnd
	RuleBodySizeInvalid
	RuleBodySizeTooLarge
	RuleBodyTruncated

	RuleMetadataTruncated
	RuleMetadataMagic
	RuleMetadataTooLong
	RuleMetadataUnended

	RuleCount // is no rule: all are below it
)

// Status is the kind of a broken rule: what the host is told as a number.
type Status uint8

const (
	StatusOK        Status = iota
	StatusCorrupt          // the bytes are not what the format asks for
	StatusTruncated        // the file ends, or is not written yet, inside a record
	StatusVersion          // not a dbox file of a version that is known
)

var rules = [RuleCount]struct {
	status Status
	detail string
}{
	RuleNone: {StatusOK, "no rule of the format is broken"},

	RuleVersionMissing:            {StatusVersion, "file does not begin with a dbox version number"},
	RuleVersionUnknown:            {StatusVersion, "dbox version is neither 1 nor 2"},
	RuleFileHeaderTruncated:       {StatusTruncated, "file ends inside the file header"},
	RuleFileHeaderTooLong:         {StatusCorrupt, "file header has no end within 8192 bytes"},
	RuleMessageHeaderSizeMissing:  {StatusCorrupt, "file header has no message header size (M)"},
	RuleMessageHeaderSizeInvalid:  {StatusCorrupt, "message header size (M) in the file header is not a hex number of 32 bits"},
	RuleMessageHeaderSizeZero:     {StatusCorrupt, "message header size (M) in the file header is 0"},
	RuleMessageHeaderSizeTooSmall: {StatusCorrupt, "message header size (M) in the file header is less than 1e (30 bytes)"},
	RuleMessageHeaderSizeTooLarge: {StatusCorrupt, "message header size (M) in the file header is more than 2000 (8192 bytes)"},
	RuleCreateTimeInvalid:         {StatusCorrupt, "creation time (C) in the file header is not a hex number of 64 bits"},

	RuleMessageHeaderTruncated: {StatusTruncated, "file ends inside a message header"},
	RuleMessageHeaderUnwritten: {StatusTruncated, "message header is all zero: the message is still being saved, or its save was broken off"},
	RuleMessageMagic:           {StatusCorrupt, "message header does not begin with 01 02"},
	RuleMessageHeaderEnd:       {StatusCorrupt, "message header does not end with LF"},
	RuleBodySizeInvalid:        {StatusCorrupt, "message size in the message header is not hex"},
	RuleBodySizeTooLarge:       {StatusTruncated, "message size in the message header is 2^63 or more: no file is that large"},
	RuleBodyTruncated:          {StatusTruncated, "file ends inside a message body"},

	RuleMetadataTruncated: {StatusTruncated, "file ends before the empty line that ends the metadata"},
	RuleMetadataMagic:     {StatusCorrupt, "no metadata magic (LF 01 03 LF) behind the message body"},
	RuleMetadataTooLong:   {StatusCorrupt, "metadata has no empty line within 1 MiB"},
	RuleMetadataUnended:   {StatusCorrupt, "metadata has no empty line before the next record"},
}

// Status returns the kind of the rule; that of RuleNone is StatusOK.
func (r Rule) Status() Status {
	if r >= RuleCount {
		return StatusCorrupt
	}
	return rules[r].status
}

// Detail returns, in words for an administrator, which rule is broken. The
// text is static.
func (r Rule) Detail() string {
	if r >= RuleCount {
		return "unknown rule"
	}
	return rules[r].detail
}

// Error returns the same as Detail.
func (r Rule) Error() string {
	return r.Detail()
}
