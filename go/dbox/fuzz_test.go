package dbox

import "testing"

// Each target is also run on its seeds by a plain "go test".

func FuzzParseFileHeader(f *testing.F) {
	for _, test := range ruleTests {
		if len(test.file) < 10000 {
			f.Add([]byte(test.file))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		checkPieces(t, b, fileHeaderPieces)
		header, result := ParseFileHeader(b, true)
		if !result.OK() {
			return
		}
		if header.MessageHeaderSize < MessageHeaderSize || header.MessageHeaderSize > MaxMessageHeaderSize ||
			header.Size > MaxFileHeaderSize || b[header.Size-1] != '\n' {
			t.Errorf("%q: %+v", b, header)
		}
	})
}

func FuzzParseMessageHeader(f *testing.F) {
	for _, test := range ruleTests {
		if len(test.file) > 9 && len(test.file) < 10000 {
			f.Add([]byte(test.file[9:]), uint32(30))
			f.Add([]byte(test.file[9:]), uint32(33))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, headerSize uint32) {
		checkPieces(t, b, messageHeaderPieces(headerSize))
		size, result := ParseMessageHeader(b, headerSize, true)
		if result.OK() && (size>>63 != 0 || len(b) < int(headerSize)) {
			t.Errorf("%q: %d", b, size)
		}
	})
}

func FuzzParseMetadata(f *testing.F) {
	for name, file := range sampleFiles(f) {
		header, records, rule, _ := walk(file)
		if rule != RuleNone {
			f.Fatal(name, rule)
		}
		for _, r := range records {
			f.Add(file[r.offset+int(header.MessageHeaderSize)+len(r.body):])
		}
	}
	f.Add([]byte("\n\x01\x03\nR5\r\nBa\x00b\n\rx\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkPieces(t, b, metadataPieces)
		m, result := ParseMetadata(b, true)
		if !result.OK() {
			return
		}
		lines := MetadataLines(b[:m.Size:m.Size])
		count := 0
		for _, _, ok := lines.Next(); ok; _, _, ok = lines.Next() {
			count++
		}
		if count != m.Lines {
			t.Errorf("%q: %d lines, want %d", b, count, m.Lines)
		}
	})
}

func FuzzFile(f *testing.F) {
	for _, file := range sampleFiles(f) {
		f.Add(file)
	}
	for _, test := range ruleTests {
		if len(test.file) < 10000 {
			f.Add([]byte(test.file))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		header, records, rule, offset := walk(b[:len(b):len(b)])
		if offset < 0 || offset > len(b) {
			t.Errorf("%v at %d of %d", rule, offset, len(b))
		}
		at := int(header.Size)
		for _, r := range records {
			if r.offset != at || r.size < len(r.body)+MessageHeaderSize+len(MetadataMagic)+1 {
				t.Errorf("record of %d bytes at %d, want it at %d", r.size, r.offset, at)
			}
			at += r.size
		}
	})
}

func FuzzFind(f *testing.F) {
	f.Add([]byte("a\r\n\r\nb"), uint32(30))
	f.Add([]byte("\n\x01\x02\n"+goodRecord), uint32(30))
	f.Add([]byte("\n\n"+goodHeader[:29]+"  \n"), uint32(32))
	f.Fuzz(func(t *testing.T, b []byte, headerSize uint32) {
		checkEmptyLinePieces(t, b)
		checkRecordMagicPieces(t, b, headerSize)
		index, _ := FindRecordMagic(b, headerSize, true)
		if index < 0 || headerSize < MessageHeaderSize || headerSize > MaxMessageHeaderSize {
			return
		}
		if _, result := ParseMessageHeader(b[index:], headerSize, true); !result.OK() {
			t.Errorf("%q: found at %d, %+v", b, index, result)
		}
	})
}
