package dbox

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// record is one record of a file in memory, as walk found it.
type record struct {
	offset, size int
	body         []byte
	lines        []Line
	external     bool
}

// get returns the first value of key, as Dovecot looks it up.
func (r record) get(key byte) (string, bool) {
	for _, line := range r.lines {
		if line.Key == key {
			return line.Value, true
		}
	}
	return "", false
}

// walk parses a whole file as a scan would. The offset is that of the broken
// rule in the file.
func walk(file []byte) (header FileHeader, records []record, rule Rule, offset int) {
	header, result := ParseFileHeader(file, true)
	if !result.OK() {
		return header, nil, result.Rule, result.Offset
	}
	for at := int(header.Size); at < len(file) && !AllZero(file[at:]); {
		r, rule, offset := walkRecord(file, header, at)
		if rule != RuleNone {
			return header, records, rule, offset
		}
		records = append(records, r)
		at += r.size
	}
	return header, records, RuleNone, 0
}

func walkRecord(file []byte, header FileHeader, at int) (record, Rule, int) {
	bodySize, result := ParseMessageHeader(file[at:], header.MessageHeaderSize, true)
	if !result.OK() {
		return record{}, result.Rule, at + result.Offset
	}
	end, rule := BodyEnd(uint64(at), header.MessageHeaderSize, bodySize, uint64(len(file)))
	if rule != RuleNone {
		return record{}, rule, int(end)
	}
	metadata, result := ParseMetadata(file[end:], true)
	if !result.OK() {
		return record{}, result.Rule, int(end) + result.Offset
	}
	if k := Unended(file[end : end+uint64(metadata.Size)]); k >= 0 {
		return record{}, RuleMetadataUnended, int(end) + k
	}
	r := record{
		offset:   at,
		size:     int(end) + metadata.Size - at,
		body:     file[at+int(header.MessageHeaderSize) : end],
		external: metadata.External,
	}
	lines := MetadataLines(file[end : end+uint64(metadata.Size)])
	for key, value, ok := lines.Next(); ok; key, value, ok = lines.Next() {
		r.lines = append(r.lines, Line{key, string(value)})
	}
	if len(r.lines) != metadata.Lines {
		panic("ParseMetadata and MetadataLines disagree")
	}
	return r, RuleNone, 0
}

// build writes a file into memory and fails the test where that fails.
func build(t testing.TB, header FileHeader, messages ...Message) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, header)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		if _, _, err := w.Append(m); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

const sampleGUID = "8c7e6d2f5d154f6b0a1a00007d2a5b3c"

// sampleBody is a mail of about size bytes, the same for the same seed.
func sampleBody(seed uint64, size int, lineEnd string) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	var b strings.Builder
	b.WriteString("From: a@example.org" + lineEnd + "Subject: sample" + lineEnd + lineEnd)
	for b.Len() < size {
		for range 1 + random.IntN(70) {
			b.WriteByte(byte(' ' + random.IntN(95)))
		}
		b.WriteString(lineEnd)
	}
	return []byte(b.String())
}

// sampleFiles are whole files of the shapes that are found in the wild.
func sampleFiles(t testing.TB) map[string][]byte {
	plain := Message{
		Body:         sampleBody(1, 300, "\n"),
		ReceivedTime: 1795494160,
		GUID:         sampleGUID,
	}
	rich := Message{
		Body:            sampleBody(2, 200, "\r\n"),
		Compressed:      true,
		PlaintextSize:   4711,
		ReceivedTime:    1795494161,
		POP3UIDL:        "uidl\rwith a CR",
		POP3Order:       7,
		GUID:            "any text is a guid",
		OriginalMailbox: "INBOX",
		External:        "10 20 B76 0a/1b/abc",
		Lines:           []Line{{'Q', "unknown"}, {'Q', ""}},
	}
	empty := Message{GUID: sampleGUID}
	return map[string][]byte{
		"sdbox":        build(t, FileHeader{CreateTime: 1795494160}, plain),
		"mdbox":        build(t, FileHeader{CreateTime: 1795494160}, plain, rich, empty, plain),
		"large header": build(t, FileHeader{MessageHeaderSize: 64}, rich, plain),
		"version 1": build(t, FileHeader{Version: VersionOld}, Message{
			Body:    []byte("a\n\nb\n"),
			Lines:   []Line{{KeyOldExpunged, "0"}, {KeyOldSaveTime, "6b041510"}},
			Padding: 12,
		}, plain),
		"no record": build(t, FileHeader{}),
	}
}

func TestWalkGivesWhatWasWritten(t *testing.T) {
	body := []byte("ab\nc\r\nd\n")
	file := build(t, FileHeader{CreateTime: 5}, Message{
		Body: body, ReceivedTime: 0x6b041510, GUID: sampleGUID,
		OriginalMailbox: "INBOX", External: "1 2 - x", POP3Order: 10,
		POP3UIDL: "u", Compressed: true, PlaintextSize: 0xABC, VirtualSize: 10, Lines: []Line{{'Q', "q"}},
	}, Message{})
	header, records, rule, _ := walk(file)
	if rule != RuleNone {
		t.Fatal(rule)
	}
	if want := (FileHeader{Version, MessageHeaderSize, 5, 9}); header != want {
		t.Errorf("header is %+v, want %+v", header, want)
	}
	if len(records) != 2 {
		t.Fatalf("%d records, want 2", len(records))
	}
	if !bytes.Equal(records[0].body, body) {
		t.Errorf("body is %q", records[0].body)
	}
	var text strings.Builder
	for _, line := range records[0].lines {
		text.WriteString(string(line.Key) + line.Value + " ")
	}
	want := "Zabc R6b041510 Va Pu O10 G" + sampleGUID + " BINBOX X1 2 - x Qq "
	if text.String() != want {
		t.Errorf("metadata is\n%s, want\n%s", text.String(), want)
	}
	if !records[0].external || records[1].external {
		t.Error("only the first record has an X")
	}
}

func TestEveryTruncationIsTruncated(t *testing.T) {
	for name, file := range sampleFiles(t) {
		t.Run(name, func(t *testing.T) {
			header, records, rule, _ := walk(file)
			if rule != RuleNone {
				t.Fatal(rule)
			}
			clean := map[int]int{int(header.Size): 0, len(file): len(records)}
			for i, r := range records {
				clean[r.offset+r.size] = i + 1
			}
			for n := range len(file) + 1 {
				_, records, rule, offset := walk(file[:n:n])
				if count, ok := clean[n]; ok {
					if rule != RuleNone || len(records) != count {
						t.Errorf("%d bytes: %v, %d records, want %d", n, rule, len(records), count)
					}
					continue
				}
				if rule.Status() != StatusTruncated || offset != n {
					t.Errorf("%d bytes: %q at %d", n, rule.Detail(), offset)
				}
			}
		})
	}
}

func TestZerosBehindTheLastRecord(t *testing.T) {
	for name, file := range sampleFiles(t) {
		_, want, _, _ := walk(file)
		for _, n := range []int{1, 7, 8, 9, 29, 30, 31, 4096} {
			_, records, rule, _ := walk(append(file[:len(file):len(file)], make([]byte, n)...))
			if rule != RuleNone || len(records) != len(want) {
				t.Errorf("%s with %d zeros: %v, %d records", name, n, rule, len(records))
			}
		}
	}
}

func TestRecordThatIsBeingSaved(t *testing.T) {
	file := sampleFiles(t)["mdbox"]
	_, records, _, _ := walk(file)
	last := records[3]
	clear(file[last.offset : last.offset+MessageHeaderSize])
	for n := last.offset + MessageHeaderSize + 1; n <= len(file); n++ {
		_, records, rule, offset := walk(file[:n])
		if rule != RuleMessageHeaderUnwritten || offset != last.offset || len(records) != 3 {
			t.Fatalf("%d bytes: %v at %d, %d records", n, rule, offset, len(records))
		}
	}
}

// checkPieces tells whether a parser gives the same answer for a slice that
// grows byte by byte as for the whole: until the answer, it asks for more
// than there is; after it, the answer stays.
func checkPieces(t *testing.T, b []byte, parse func(b []byte, eof bool) (any, Result)) {
	t.Helper()
	whole, last := parse(b[:len(b):len(b)], true)
	if last.Need != 0 || last.Offset < 0 || last.Offset > len(b) {
		t.Fatalf("%q at the end of the file: %+v", b, last)
	}
	again, lastAgain := parse(b, true)
	if again != whole || lastAgain != last {
		t.Fatalf("%q: two answers", b)
	}
	for n := 0; n <= len(b); {
		part, result := parse(b[:n:n], false)
		if result.Need == 0 {
			if part != whole || result != last {
				t.Fatalf("%q: %+v for %d bytes, %+v for all", b, result, n, last)
			}
			n++
			continue
		}
		if result.Need <= n || result.Rule != RuleNone {
			t.Fatalf("%q: %+v for %d bytes", b, result, n)
		}
		if result.Need > len(b) {
			if last.Rule == RuleNone {
				t.Fatalf("%q: asked for %d bytes", b, result.Need)
			}
			return
		}
		// What was asked for is really needed: one byte less is no answer.
		if _, less := parse(b[:result.Need-1], false); less.Need == 0 && less.Rule == RuleNone {
			t.Fatalf("%q: asked for %d bytes, parses with one less", b, result.Need)
		}
		n = result.Need
	}
}

func fileHeaderPieces(b []byte, eof bool) (any, Result) {
	return any2(ParseFileHeader(b, eof))
}

func messageHeaderPieces(headerSize uint32) func(b []byte, eof bool) (any, Result) {
	return func(b []byte, eof bool) (any, Result) {
		return any2(ParseMessageHeader(b, headerSize, eof))
	}
}

func metadataPieces(b []byte, eof bool) (any, Result) {
	return any2(ParseMetadata(b, eof))
}

func any2[T any](v T, r Result) (any, Result) { return v, r }

func TestEveryMutationOfHeadersAndMetadata(t *testing.T) {
	for name, file := range sampleFiles(t) {
		t.Run(name, func(t *testing.T) {
			header, records, _, _ := walk(file)
			mutate := func(from, to int) {
				for at := from; at < to; at++ {
					good := file[at]
					for _, bad := range []byte{0, 1, '\n', '\r', ' ', '0', '9', 'A', 'F', 'f', 'G', 'M', 'X', 0x7f, 0x80, 0xff, good + 1, good ^ 0x20} {
						file[at] = bad
						_, got, rule, offset := walk(file)
						if rule.Status() != StatusOK && (offset < 0 || offset > len(file)) {
							t.Fatalf("byte %d is %#x: %v at %d", at, bad, rule, offset)
						}
						for _, r := range got {
							if r.offset+r.size > len(file) {
								t.Fatalf("byte %d is %#x: a record ends at %d", at, bad, r.offset+r.size)
							}
						}
					}
					file[at] = good
				}
			}
			mutate(0, int(header.Size))
			for _, r := range records {
				body := r.offset + int(header.MessageHeaderSize)
				mutate(r.offset, body)
				mutate(body+len(r.body), r.offset+r.size)
			}
		})
	}
}
