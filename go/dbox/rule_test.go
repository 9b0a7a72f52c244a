package dbox

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

const (
	goodHeader  = "\x01\x02N          0000000000000005\n"
	goodRecord  = goodHeader + "hello\n\x01\x03\nR5\n\n"
	fileHeader9 = "2 M1e C5\n"
)

// ruleTests has at least one file for each rule.
var ruleTests = []struct {
	name   string
	file   string
	rule   Rule
	status Status
	offset int
}{
	{"empty file", "", RuleFileHeaderTruncated, StatusTruncated, 0},
	{"version alone", "2", RuleFileHeaderTruncated, StatusTruncated, 1},
	{"no LF", "2 M1e C5", RuleFileHeaderTruncated, StatusTruncated, 8},
	{"text", "From: me\n", RuleVersionMissing, StatusVersion, 0},
	{"all zero", strings.Repeat("\x00", 100), RuleVersionMissing, StatusVersion, 0},
	{"empty line", "\n", RuleVersionMissing, StatusVersion, 0},
	{"two digits", "12 M1e\n", RuleVersionMissing, StatusVersion, 1},
	{"version without space", "2\n", RuleVersionMissing, StatusVersion, 1},
	{"version 3", "3 M1e\n", RuleVersionUnknown, StatusVersion, 0},
	{"version 0", "0 M1e", RuleVersionUnknown, StatusVersion, 0},
	{"line of 8193 bytes", "2 M1e" + strings.Repeat(" ", 8187) + "\n", RuleFileHeaderTooLong, StatusCorrupt, 8192},
	{"line without end", "2 M1e" + strings.Repeat("x", 1<<20), RuleFileHeaderTooLong, StatusCorrupt, 8192},
	{"no keys", "2 \n", RuleMessageHeaderSizeMissing, StatusCorrupt, 0},
	{"no M", "2 C5 m1e\n", RuleMessageHeaderSizeMissing, StatusCorrupt, 0},
	{"M behind a NUL", "2 C5 \x00 M1e\n", RuleMessageHeaderSizeMissing, StatusCorrupt, 0},
	{"M without value", "2 C5 M\n", RuleMessageHeaderSizeInvalid, StatusCorrupt, 5},
	{"M not hex", "2 M1g\n", RuleMessageHeaderSizeInvalid, StatusCorrupt, 2},
	{"M with sign", "2 M+1e\n", RuleMessageHeaderSizeInvalid, StatusCorrupt, 2},
	{"M with two CR", "2 M1e\r\r\n", RuleMessageHeaderSizeInvalid, StatusCorrupt, 2},
	{"M of 33 bits", "2 M10000001e\n", RuleMessageHeaderSizeInvalid, StatusCorrupt, 2},
	{"M of 68 bits", "2 M1000000000000001e M1e\n", RuleMessageHeaderSizeInvalid, StatusCorrupt, 2},
	{"M zero", "2 C5 M0\n", RuleMessageHeaderSizeZero, StatusCorrupt, 5},
	{"the last M counts", "2 M1e M00\n", RuleMessageHeaderSizeZero, StatusCorrupt, 6},
	{"M 29", "2 M1d\n", RuleMessageHeaderSizeTooSmall, StatusCorrupt, 2},
	{"M 8193", "2 M2001\n", RuleMessageHeaderSizeTooLarge, StatusCorrupt, 2},
	{"M of 32 bits", "2 Mffffffff\n", RuleMessageHeaderSizeTooLarge, StatusCorrupt, 2},
	{"C without value", "2 M1e C\n", RuleCreateTimeInvalid, StatusCorrupt, 6},
	{"C not hex", "2 C-5 M1e\n", RuleCreateTimeInvalid, StatusCorrupt, 2},

	{"header cut", fileHeader9 + goodHeader[:29], RuleMessageHeaderTruncated, StatusTruncated, 38},
	{"magic cut", fileHeader9 + goodHeader[:1], RuleMessageHeaderTruncated, StatusTruncated, 10},
	{"header not written yet", fileHeader9 + strings.Repeat("\x00", 30) + "hello", RuleMessageHeaderUnwritten, StatusTruncated, 9},
	{"first byte of the magic", fileHeader9 + "\x02" + goodRecord[1:], RuleMessageMagic, StatusCorrupt, 9},
	{"second byte of the magic", fileHeader9 + "\x01\x03" + goodRecord[2:], RuleMessageMagic, StatusCorrupt, 10},
	{"wrong offset", fileHeader9 + "hello", RuleMessageMagic, StatusCorrupt, 9},
	{"magic zero", fileHeader9 + "\x00\x00" + goodRecord[2:], RuleMessageMagic, StatusCorrupt, 9},
	{"no LF behind header", fileHeader9 + goodHeader[:29] + "\r" + goodRecord[30:], RuleMessageHeaderEnd, StatusCorrupt, 38},
	{"LF too early for M", "2 M1f C5\n" + goodRecord, RuleMessageHeaderEnd, StatusCorrupt, 39},
	{"size not hex", fileHeader9 + goodHeader[:28] + "g" + goodRecord[29:], RuleBodySizeInvalid, StatusCorrupt, 37},
	{"size of spaces", fileHeader9 + "\x01\x02N                          \n" + goodRecord[30:], RuleBodySizeInvalid, StatusCorrupt, 22},
	{"size not hex at the end", fileHeader9 + goodHeader[:28] + "g\n", RuleBodySizeInvalid, StatusCorrupt, 37},
	{"size not hex, metadata cut", fileHeader9 + goodHeader[:28] + "g\n\n\x01\x03", RuleBodySizeInvalid, StatusCorrupt, 37},
	{"size 2^63", fileHeader9 + goodHeader[:13] + "8000000000000000" + goodRecord[29:], RuleBodySizeTooLarge, StatusTruncated, 22},
	{"size 2^64-1", fileHeader9 + goodHeader[:13] + "FFFFffffFFFFffff" + goodRecord[29:], RuleBodySizeTooLarge, StatusTruncated, 22},
	{"size 2^63-1", fileHeader9 + goodHeader[:13] + "7fffffffffffffff" + goodRecord[29:], RuleBodyTruncated, StatusTruncated, 52},
	{"body cut", fileHeader9 + goodHeader + "hell", RuleBodyTruncated, StatusTruncated, 43},
	{"no metadata", fileHeader9 + goodHeader + "hello", RuleMetadataTruncated, StatusTruncated, 44},
	{"metadata magic cut", fileHeader9 + goodHeader + "hello\n\x01", RuleMetadataTruncated, StatusTruncated, 46},
	{"metadata line cut", fileHeader9 + goodHeader + "hello\n\x01\x03\nR5", RuleMetadataTruncated, StatusTruncated, 50},
	{"empty line cut", fileHeader9 + goodHeader + "hello\n\x01\x03\nR5\n", RuleMetadataTruncated, StatusTruncated, 51},
	{"CR of the empty line", fileHeader9 + goodHeader + "hello\n\x01\x03\nR5\n\r", RuleMetadataTruncated, StatusTruncated, 52},
	{"body too long", fileHeader9 + goodHeader + "hello!\n\x01\x03\nR5\n\n", RuleMetadataMagic, StatusCorrupt, 44},
	{"metadata magic", fileHeader9 + goodHeader + "hello\n\x01\x02\nR5\n\n", RuleMetadataMagic, StatusCorrupt, 46},
	{"empty line overwritten", fileHeader9 + goodRecord[:len(goodRecord)-1] + "x" + goodRecord, RuleMetadataUnended, StatusCorrupt, 52},
	{"metadata without end", fileHeader9 + goodRecord[:len(goodRecord)-1] + strings.Repeat("x", 2<<20), RuleMetadataTooLong, StatusCorrupt, 44 + MaxMetadataSize},
	{"too many lines", fileHeader9 + goodRecord[:len(goodRecord)-1] + strings.Repeat("Q\n", 1<<20) + "\n", RuleMetadataTooLong, StatusCorrupt, 44 + MaxMetadataSize},
}

func TestRules(t *testing.T) {
	var seen [RuleCount]bool
	for _, test := range ruleTests {
		t.Run(test.name, func(t *testing.T) {
			_, _, rule, offset := walk([]byte(test.file))
			seen[rule] = true
			if rule != test.rule || offset != test.offset {
				t.Errorf("%q at %d, want %q at %d", rule.Detail(), offset, test.rule.Detail(), test.offset)
			}
			if rule.Status() != test.status {
				t.Errorf("status %d, want %d", rule.Status(), test.status)
			}
		})
	}
	for rule, ok := range seen {
		if !ok && Rule(rule) != RuleNone {
			t.Errorf("no test breaks rule %d, %q", rule, Rule(rule).Detail())
		}
	}
}

func TestRuleTexts(t *testing.T) {
	texts := map[string]Rule{}
	for rule := RuleNone; rule < RuleCount; rule++ {
		text := rule.Detail()
		if other, ok := texts[text]; ok || text == "" {
			t.Errorf("rules %d and %d have the text %q", rule, other, text)
		}
		texts[text] = rule
		if rule.Error() != text {
			t.Errorf("rule %d: Error() is %q", rule, rule.Error())
		}
		if (rule.Status() == StatusOK) != (rule == RuleNone) {
			t.Errorf("rule %d has status %d", rule, rule.Status())
		}
	}
	if r := Rule(255); r.Status() != StatusCorrupt || r.Detail() == "" {
		t.Error("a rule that does not exist must not look like none")
	}
	var err error = RuleMetadataMagic
	if !errors.Is(err, RuleMetadataMagic) {
		t.Error("a rule is not itself")
	}
}

// What Dovecot reads without an error although it looks wrong.
func TestLenient(t *testing.T) {
	const meta = "\n\x01\x03\nR5\n\n"
	for _, test := range []struct {
		name, file string
		body       string
		size       int // of the record
	}{
		{"CR in the file header", "2 M1e C5\r\n" + goodRecord, "hello", 43},
		{"NUL in the file header", "2 M1e\x00Cx\n" + goodRecord, "hello", 43},
		{"spaces in the file header", "2   M1e    C5  \n" + goodRecord, "hello", 43},
		{"upper case M", "2 M1E\n" + goodRecord, "hello", 43},
		{"repeated M", "2 M0 M1e\n" + goodRecord, "hello", 43},
		{"leading zeros", "2 M00000000000000000000001e\n" + goodRecord, "hello", 43},
		{"unknown keys", "2 Zx M1e A00000000000000ff x\n" + goodRecord, "hello", 43},
		{"header of 8192 bytes", "2 M1e" + strings.Repeat(" ", 8186) + "\n" + goodRecord, "hello", 43},
		{"version 1", "1 M1e C5 Aff\n" + goodRecord, "hello", 43},
		{"type", fileHeader9 + "\x01\x02x" + goodRecord[3:], "hello", 43},
		{"no spaces", fileHeader9 + "\x01\x02NNNNNNNNNNN0000000000000005\n" + goodRecord[30:], "hello", 43},
		{"old uid", fileHeader9 + "\x01\x02N 0000002a 0000000000000005\n" + goodRecord[30:], "hello", 43},
		{"size not hex, no body", fileHeader9 + goodHeader[:28] + "g\n" + meta, "", 38},
		{"size of spaces, no body", fileHeader9 + "\x01\x02N                          \n" + meta, "", 38},
		{"metadata with CRLF", fileHeader9 + goodHeader + "hello\n\x01\x03\nR5\r\n\r\n", "hello", 45},
		{"metadata ends with spaces", fileHeader9 + goodHeader + "hello\n\x01\x03\nR5\n   \n", "hello", 46},
		{"metadata ends with a NUL", fileHeader9 + goodHeader + "hello\n\x01\x03\nR5\n\x00x\n", "hello", 45},
		{"no lines", fileHeader9 + goodHeader + "hello\n\x01\x03\n\n", "hello", 40},
		{"control character as a key", fileHeader9 + goodHeader + "hello\n\x01\x03\n\x01\x02N\n\n", "hello", 44},
		{"size in lower case", fileHeader9 + "\x01\x02N          000000000000000a\n0123456789" + meta, "0123456789", 48},
		{"size in upper case", fileHeader9 + "\x01\x02N          000000000000000A\n0123456789" + meta, "0123456789", 48},
	} {
		_, records, rule, offset := walk([]byte(test.file))
		if rule != RuleNone || len(records) != 1 {
			t.Errorf("%s: %q at %d, %d records", test.name, rule.Detail(), offset, len(records))
			continue
		}
		if r := records[0]; string(r.body) != test.body || r.size != test.size {
			t.Errorf("%s: body %q, record of %d bytes", test.name, r.body, r.size)
		}
	}
}

func TestPieces(t *testing.T) {
	for _, test := range ruleTests {
		file := []byte(test.file)
		file = file[:min(len(file), 9000)]
		checkPieces(t, file, fileHeaderPieces)
		if len(file) > 9 {
			record := file[9:min(len(file), 200)]
			checkPieces(t, record, messageHeaderPieces(30))
			checkPieces(t, record, messageHeaderPieces(64))
		}
		if at := bytes.Index(file, []byte("\n\x01")); at >= 0 {
			checkPieces(t, file[at:min(len(file), at+200)], metadataPieces)
		}
	}
	for _, file := range sampleFiles(t) {
		header, records, _, _ := walk(file)
		checkPieces(t, file, fileHeaderPieces)
		for _, r := range records {
			checkPieces(t, file[r.offset:], messageHeaderPieces(header.MessageHeaderSize))
			end := r.offset + int(header.MessageHeaderSize) + len(r.body)
			checkPieces(t, file[end:], metadataPieces)
		}
	}
}
