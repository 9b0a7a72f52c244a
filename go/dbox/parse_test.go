package dbox

import (
	"bytes"
	"math"
	"strings"
	"testing"
)

func TestParseFileHeader(t *testing.T) {
	for _, test := range []struct {
		line string
		want FileHeader
	}{
		{"2 M1e C6b04150d\n", FileHeader{2, 30, 0x6b04150d, 16}},
		{"1 M1e C5 Aff\nrest", FileHeader{1, 30, 5, 13}},
		{"2 M2000\n", FileHeader{2, 8192, 0, 8}},
		{"2 M28 M1e C1 C2\n", FileHeader{2, 30, 2, 16}},
		// Dovecot converts to time_t without a check.
		{"2 M1e Cffffffffffffffff\n", FileHeader{2, 30, -1, 24}},
	} {
		header, result := ParseFileHeader([]byte(test.line), false)
		if !result.OK() || header != test.want {
			t.Errorf("%q: %+v, %+v", test.line, header, result)
		}
	}
}

func TestParseMessageHeaderNeeds(t *testing.T) {
	header := []byte("\x01\x02N          000000000000000g\n")
	for _, test := range []struct {
		b    []byte
		size uint32
		need int
	}{
		{nil, 30, 30},
		{header[:1], 30, 30},
		{header[:29], 30, 30},
		{make([]byte, 29), 30, 30},
		{make([]byte, 50), 51, 51},
		{header, 64, 64},
		{header, 30, 34},
		{append(header[:30:30], "\n\x01\x03"...), 30, 34},
	} {
		_, result := ParseMessageHeader(test.b, test.size, false)
		if result != (Result{Need: test.need}) {
			t.Errorf("%q of %d: %+v, want %d", test.b, test.size, result, test.need)
		}
	}
}

func TestMessageHeaderSizeOutOfRange(t *testing.T) {
	b := make([]byte, 10000)
	for size, want := range map[uint32]Rule{
		0: RuleMessageHeaderSizeTooSmall, 29: RuleMessageHeaderSizeTooSmall,
		8193: RuleMessageHeaderSizeTooLarge, math.MaxUint32: RuleMessageHeaderSizeTooLarge,
	} {
		if _, result := ParseMessageHeader(b, size, false); result.Rule != want {
			t.Errorf("%d: %+v", size, result)
		}
	}
}

func TestBodyEnd(t *testing.T) {
	const large = math.MaxInt64
	for _, test := range []struct {
		record     uint64
		headerSize uint32
		body, file uint64
		end        uint64
		rule       Rule
	}{
		{9, 30, 5, 44, 44, RuleNone},
		{9, 30, 5, 43, 43, RuleBodyTruncated},
		{9, 30, 0, 39, 39, RuleNone},
		{9, 30, 0, 38, 38, RuleBodyTruncated},
		{9, 30, large, large, large, RuleBodyTruncated},
		{large, 8192, large, large, large, RuleBodyTruncated},
		{large - 35, 30, 5, large, large, RuleNone},
	} {
		end, rule := BodyEnd(test.record, test.headerSize, test.body, test.file)
		if end != test.end || rule != test.rule {
			t.Errorf("%+v: %d, %v", test, end, rule)
		}
	}
}

func TestMetadataLines(t *testing.T) {
	const b = "\n\x01\x03\nR5\r\nG\nP\r\r\nBa\x00b\n\rx\nQ q \nQ\n\nR6\n\n"
	m, result := ParseMetadata([]byte(b), false)
	if want := (Metadata{Size: strings.Index(b, "R6"), Lines: 7}); !result.OK() || m != want {
		t.Fatalf("%+v, %+v, want %+v", m, result, want)
	}
	var got []Line
	lines := MetadataLines([]byte(b)[:m.Size])
	for key, value, ok := lines.Next(); ok; key, value, ok = lines.Next() {
		got = append(got, Line{key, string(value)})
	}
	want := []Line{{'R', "5"}, {'G', ""}, {'P', "\r"}, {'B', "a"}, {'\r', "x"}, {'Q', " q "}, {'Q', ""}}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("line %d is %q, want %q", i, got[i], want[i])
		}
	}
	if _, _, ok := lines.Next(); ok {
		t.Error("there is a line behind the last one")
	}
}

func TestMetadataLinesOfSomethingElse(t *testing.T) {
	for _, b := range []string{"", "\n", "\n\x01\x03", "\n\x01\x03\n", "\n\x01\x03\nR5", "\n\x01\x03\n\n"} {
		lines := MetadataLines([]byte(b))
		if key, value, ok := lines.Next(); ok {
			t.Errorf("%q has a line %c%s", b, key, value)
		}
	}
}

func TestMetadataOfTheLargestSize(t *testing.T) {
	b := []byte(MetadataMagic + "X" + strings.Repeat("x", MaxMetadataSize-7) + "\n\n")
	m, result := ParseMetadata(b, false)
	if !result.OK() || m != (Metadata{MaxMetadataSize, 1, true}) {
		t.Errorf("%+v, %+v", m, result)
	}
	b = append(b[:len(b)-2], "x\n\n"...)
	if _, result = ParseMetadata(b, false); result.Rule != RuleMetadataTooLong {
		t.Errorf("one byte more: %+v", result)
	}
	b = b[:MaxMetadataSize-1]
	if _, result = ParseMetadata(b, false); result.Need != MaxMetadataSize {
		t.Errorf("without its last byte: %+v", result)
	}
}

func TestParseHex(t *testing.T) {
	for value, want := range map[string]uint64{
		"0": 0, "1e": 30, "1E": 30, "000000000000000000ff": 255,
		"ffffffffffffffff": math.MaxUint64, "fEdCbA9876543210": 0xfedcba9876543210,
	} {
		if n, ok := ParseHex([]byte(value)); !ok || n != want {
			t.Errorf("%q: %d, %v", value, n, ok)
		}
	}
	for _, value := range []string{"", " ", "0x1", "-1", "+1", "1 ", "g", "1\x00", "10000000000000000"} {
		if n, ok := ParseHex([]byte(value)); ok {
			t.Errorf("%q: %d", value, n)
		}
	}
}

// The parsers run where nothing may be allocated.
func TestNoAllocations(t *testing.T) {
	file := sampleFiles(t)["mdbox"]
	header, records, _, _ := walk(file)
	record := file[records[1].offset:]
	end := int(header.MessageHeaderSize) + len(records[1].body)
	size := records[1].size
	large := bytes.Repeat([]byte("\n\x01\x02N x"), 1000)
	var sum int
	var err error
	for name, run := range map[string]func(){
		"ParseFileHeader":    func() { h, _ := ParseFileHeader(file, false); sum += int(h.Size) },
		"ParseMessageHeader": func() { n, _ := ParseMessageHeader(record, 30, false); sum += int(n) },
		"ParseMetadata":      func() { m, _ := ParseMetadata(record[end:], false); sum += m.Size },
		"MetadataLines": func() {
			lines := MetadataLines(record[end:size])
			for _, value, ok := lines.Next(); ok; _, value, ok = lines.Next() {
				n, _ := ParseHex(value)
				sum += int(n)
			}
		},
		"FindEmptyLine":   func() { sum += FindEmptyLine(large) },
		"FindRecordMagic": func() { i, n := FindRecordMagic(large, 30, false); sum += i + n },
		"AllZero": func() {
			if AllZero(large) {
				sum++
			}
		},
		"broken rule as error": func() {
			_, result := ParseMetadata(large, true)
			err = result.Rule
		},
	} {
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	if err == nil || sum == 0 {
		t.Error("nothing was parsed")
	}
}

func BenchmarkParse(b *testing.B) {
	file := sampleFiles(b)["mdbox"]
	header, records, _, _ := walk(file)
	record := file[records[0].offset:]
	end := int(header.MessageHeaderSize) + len(records[0].body)
	for b.Loop() {
		ParseFileHeader(file, false)
		ParseMessageHeader(record, 30, false)
		ParseMetadata(record[end:], false)
	}
}

func BenchmarkAllZero(b *testing.B) {
	zeros := make([]byte, 1<<20)
	b.SetBytes(int64(len(zeros)))
	for b.Loop() {
		AllZero(zeros)
	}
}
