package dbox

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestFindEmptyLine(t *testing.T) {
	for body, want := range map[string]int{
		"":                       -1,
		"\n":                     1,
		"\r":                     -1,
		"\r\n":                   2,
		"\r\r\n":                 -1,
		"\nx":                    1,
		"a":                      -1,
		"a\n":                    -1,
		"a\n\r":                  -1,
		"a\n\nb":                 3,
		"a\n\r\nb":               4,
		"a\r\n\nb":               4,
		"a\r\n\r\nb":             5,
		"a\n\rb\n\nc":            6,
		"a\r\r\n\r\n":            6,
		"a: b\nc: d\n\nbody\n\n": 11,
		"a\n \n\nb":              5,
	} {
		if got := FindEmptyLine([]byte(body)); got != want {
			t.Errorf("%q: %d, want %d", body, got, want)
		}
		checkEmptyLinePieces(t, []byte(body))
	}
}

var emptyLine = regexp.MustCompile(`(?s-m)\A\r?\n|\n\r?\n`)

// checkEmptyLinePieces looks for the empty line in pieces of all sizes.
func checkEmptyLinePieces(t *testing.T, body []byte) {
	t.Helper()
	want := -1
	if at := emptyLine.FindIndex(body); at != nil {
		want = at[1]
	}
	if got := FindEmptyLine(body); got != want {
		t.Fatalf("%q: %d, want %d", body, got, want)
	}
	for step := 1; step <= min(len(body), 40); step++ {
		got, scanned := -1, 0
		for got < 0 && scanned < len(body) {
			n := min(scanned+step, len(body))
			got = FindEmptyLineFrom(body[:n:n], scanned)
			scanned = n
		}
		if got != want {
			t.Fatalf("%q in pieces of %d: %d, want %d", body, step, got, want)
		}
	}
}

func TestFindRecordMagic(t *testing.T) {
	const wide = "\x01\x02N          0000000000000005"
	for _, test := range []struct {
		name, b    string
		headerSize uint32
		eof        bool
		index      int
		scanned    int
	}{
		{"nothing", "", 30, false, -1, 0},
		{"text", "hello", 30, false, -1, 5},
		{"record", "xx\n" + goodRecord, 30, false, 3, 3},
		{"record, end of file", "\n" + goodHeader, 30, true, 1, 1},
		{"at once", goodRecord + "\n" + goodRecord, 30, false, 0, 0},
		{"without LF before it", "hello" + goodRecord, 30, false, 5, 5},
		{"magic may be cut", "x\n\x01", 30, false, -1, 2},
		{"header is cut", "x\n" + goodHeader[:29], 30, false, -1, 2},
		{"header is cut for ever", "x\n" + goodHeader[:29], 30, true, -1, 31},
		{"LF at the end", "x\n", 30, true, -1, 2},
		{"metadata magic", "\n\x01\x03\n" + goodRecord, 30, false, 4, 4},
		{"wrong type", "\n\x01\x02M" + goodRecord[3:] + goodRecord, 30, false, 44, 44},
		{"wrong first space", "\n\x01\x02N-" + goodHeader[4:], 30, true, -1, 31},
		{"wrong second space", "\n\x01\x02N         -" + goodHeader[13:], 30, true, -1, 31},
		{"wrong size", "\n\x01\x02N          000000000000000x\n", 30, true, -1, 31},
		{"huge size", "\n\x01\x02N          8000000000000000\n", 30, true, -1, 31},
		{"wrong end", "\n" + goodHeader[:29] + "x" + "\n" + goodHeader, 30, false, 32, 32},
		{"large header", "\n" + wide + strings.Repeat(" ", 34) + "\n", 64, false, 1, 1},
		{"large header is cut", "\n" + wide + strings.Repeat(" ", 33), 64, false, -1, 1},
		{"one in the reserved bytes", "\n" + wide + "\n" + goodHeader + strings.Repeat("y", 99), 64, true, -1, 160},
		{"unknown header size", "\n" + goodHeader, 0, false, 1, 1},
		{"impossible header size", "\n" + goodHeader, 1 << 31, false, 1, 1},
	} {
		index, scanned := FindRecordMagic([]byte(test.b), test.headerSize, test.eof)
		if index != test.index || scanned != test.scanned {
			t.Errorf("%s: %d, %d, want %d, %d", test.name, index, scanned, test.index, test.scanned)
		}
	}
}

func TestFindRecordMagicInPieces(t *testing.T) {
	b := []byte(strings.Repeat("\n\x01\x02N \n\x01", 50) + "\n" + goodRecord)
	want, _ := FindRecordMagic(b, 30, true)
	if want != len(b)-len(goodRecord) {
		t.Fatalf("found at %d", want)
	}
	checkRecordMagicPieces(t, b, 30)
}

// checkRecordMagicPieces looks for a record in pieces of all sizes.
func checkRecordMagicPieces(t *testing.T, b []byte, headerSize uint32) {
	t.Helper()
	want, _ := FindRecordMagic(b, headerSize, true)
	for step := 1; step <= min(len(b), 70); step++ {
		from := 0
		for to := step; ; to += step {
			eof := to >= len(b)
			to = min(to, len(b))
			index, scanned := FindRecordMagic(b[from:to:to], headerSize, eof)
			if scanned < 0 || scanned > to-from {
				t.Fatalf("%d of %d bytes scanned", scanned, to-from)
			}
			if index >= 0 {
				if from+index != want {
					t.Fatalf("%q in pieces of %d: %d, want %d", b, step, from+index, want)
				}
				break
			}
			from += scanned
			if eof {
				if want != -1 {
					t.Fatalf("%q in pieces of %d: nothing, want %d", b, step, want)
				}
				break
			}
		}
	}
}

// After a broken record the next one is found, whatever is broken.
func TestResync(t *testing.T) {
	file := sampleFiles(t)["mdbox"]
	_, records, _, _ := walk(file)
	second, third := records[1], records[2]
	for at := second.offset; at < second.offset+MessageHeaderSize; at++ {
		broken := bytes.Clone(file)
		broken[at] ^= 0xff
		index, _ := FindRecordMagic(broken[second.offset+1:], 30, true)
		if got := second.offset + 1 + index; index < 0 || got != third.offset {
			t.Errorf("byte %d broken: found at %d, want %d", at, got, third.offset)
		}
	}
}

func TestAllZero(t *testing.T) {
	for n := range 40 {
		b := make([]byte, n)
		if !AllZero(b) {
			t.Errorf("%d zeros", n)
		}
		for i := range b {
			b[i] = 1
			if AllZero(b) {
				t.Errorf("%d bytes, byte %d is not zero", n, i)
			}
			b[i] = 0
		}
	}
	b := make([]byte, 1<<16)
	for _, i := range []int{0, 7, 8, 9, 4095, 1<<16 - 9, 1<<16 - 1} {
		b[i] = 0x80
		if AllZero(b) {
			t.Errorf("byte %d is not zero", i)
		}
		b[i] = 0
	}
	if AllZero(bytes.Repeat([]byte{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1}, 9)) {
		t.Error("a pattern is not zero")
	}
}

func TestUnended(t *testing.T) {
	for _, c := range []struct {
		metadata string
		at       int
	}{
		{"", -1},
		{"\n\x01\x03\nR1\n\n", -1},
		{"\n\x01\x03\nR1\nx\x01\x02N body\n\x01\x03\nR1\n\n", 16},
		{"\n\x01\x03\n\x01\x03\n\n", 3},
		{"\n\x01\x03\nR1\n\x01\x02N          0000000000000010\nA: b\n\n", 7},
		{"\n\x01\x03\nR1\nx\x01\x02N          0000000000000010\nA: b\n\n", 8},
		{"\n\x01\x03\nR1\n\x01\x02 a line with an odd key\n\n", -1},
	} {
		if at := Unended([]byte(c.metadata)); at != c.at {
			t.Errorf("Unended(%q) = %d, want %d", c.metadata, at, c.at)
		}
	}
}
