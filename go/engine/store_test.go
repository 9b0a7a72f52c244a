package engine_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/dbox"
)

// mailFile is a dbox file and what is in it.
type mailFile struct {
	path    string
	data    []byte
	header  dbox.FileHeader
	records []record
}

type record struct {
	offset, size uint64
	body         []byte
	lines        []dbox.Line
	broken       bool
}

// mail makes a mail of size bytes whose header takes a part of it. No two
// places in it look the same.
func mail(seed uint64, size int) []byte {
	if b := mailsMade[[2]uint64{seed, uint64(size)}]; b != nil {
		return b
	}
	rng := rand.New(rand.NewPCG(seed, uint64(size)))
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789 "
	b := make([]byte, size)
	for i := range b {
		b[i] = letters[rng.IntN(len(letters))]
		if i%61 == 60 {
			b[i] = '\n'
		}
	}
	if end := size / 3; end > 2 {
		b[end-2], b[end-1] = '\n', '\n'
	}
	mailsMade[[2]uint64{seed, uint64(size)}] = b
	return b
}

var mailsMade = map[[2]uint64][]byte{}

// writeMails writes a file with a mail of each size. Each has a metadata line
// more than the one before, so that the metadata grows too.
func writeMails(t testing.TB, path string, sizes ...int) *mailFile {
	t.Helper()
	var out bytes.Buffer
	w, err := dbox.NewWriter(&out, dbox.FileHeader{CreateTime: 0x6b04150d})
	if err != nil {
		t.Fatal(err)
	}
	f := &mailFile{path: path}
	for i, size := range sizes {
		m := dbox.Message{Body: mail(uint64(i), size), ReceivedTime: int64(i + 1), GUID: "8c7e6d2f5d154f6b0a1a00007d2a5b3c"}
		for k := range i % 5 {
			m.Lines = append(m.Lines, dbox.Line{Key: 'x', Value: string(rune('a' + k))})
		}
		offset, length, err := w.Append(m)
		if err != nil {
			t.Fatal(err)
		}
		f.records = append(f.records, record{offset: uint64(offset), size: uint64(length), body: m.Body})
	}
	f.data = out.Bytes()
	f.header, _ = dbox.ParseFileHeader(f.data, true)
	for i := range f.records {
		r := &f.records[i]
		at := r.offset + uint64(f.header.MessageHeaderSize) + uint64(len(r.body))
		md, res := dbox.ParseMetadata(f.data[at:], true)
		if !res.OK() {
			t.Fatal(res.Rule)
		}
		lines := dbox.MetadataLines(f.data[at : at+uint64(md.Size)])
		for key, value, ok := lines.Next(); ok; key, value, ok = lines.Next() {
			r.lines = append(r.lines, dbox.Line{Key: key, Value: string(value)})
		}
	}
	f.write(t)
	return f
}

func (f *mailFile) write(t testing.TB) {
	t.Helper()
	if err := os.WriteFile(f.path, f.data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// damage breaks the metadata magic of a record: its body can still be read
// alone.
func (f *mailFile) damage(t testing.TB, i int) {
	t.Helper()
	r := &f.records[i]
	f.data[r.offset+uint64(f.header.MessageHeaderSize)+uint64(len(r.body))+1] = 'Z'
	r.broken = true
	f.write(t)
}

// window is the part of a body that a request asks for.
func window(q *abi.Request, body []byte) []byte {
	switch {
	case q.Flags&abi.NoBody != 0:
		return nil
	case q.Flags&abi.HeadersOnly != 0:
		if k := dbox.FindEmptyLine(body); k >= 0 {
			return body[:k]
		}
		return body
	}
	from := min(q.BodyOffset, uint64(len(body)))
	to := uint64(len(body))
	if q.BodyLimit != 0 && q.BodyLimit < to-from {
		to = from + q.BodyLimit
	}
	return body[from:to]
}

// verify compares a completion that has a message with the record of a file.
func (f *mailFile) verify(t testing.TB, q *abi.Request, got *result, rec *record) {
	t.Helper()
	m := got.message
	if got.Status != abi.OK || m == nil {
		t.Errorf("%s at %d: %s", filepath.Base(f.path), q.Offset, got.text())
		return
	}
	want := window(q, rec.body)
	if !bytes.Equal(m.body, want) {
		t.Errorf("%s at %d: a body of %d bytes that is not the right one, of %d", filepath.Base(f.path), q.Offset, len(m.body), len(want))
	}
	if (m.Body == 0) != (q.Flags&abi.NoBody != 0) {
		t.Errorf("%s at %d: body %#x, flags %#x", filepath.Base(f.path), q.Offset, m.Body, q.Flags)
	}
	flags := uint32(0)
	if q.Flags&abi.NoMetadata == 0 {
		flags |= abi.HaveMetadata
		if !slices.Equal(m.lines, rec.lines) || m.RecordSize != rec.size {
			t.Errorf("%s at %d: metadata %q, record size %d", filepath.Base(f.path), q.Offset, m.lines, m.RecordSize)
		}
	}
	if len(want) < len(rec.body) {
		flags |= abi.PartialBody
	}
	if have := got.Flags &^ (abi.More | abi.FromAlt); have != flags {
		t.Errorf("%s at %d: flags %#x, not %#x", filepath.Base(f.path), q.Offset, have, flags)
	}
	if got.RecordOffset != rec.offset || m.BodySize != uint64(len(rec.body)) {
		t.Errorf("%s at %d: record at %d with a body of %d", filepath.Base(f.path), q.Offset, got.RecordOffset, m.BodySize)
	}
	if m.Raw != 0 && (m.RawOffset > rec.offset || m.RawOffset+m.RawSize > uint64(len(f.data)) ||
		!bytes.Equal(m.raw, f.data[m.RawOffset:m.RawOffset+m.RawSize])) {
		t.Errorf("%s at %d: raw is not what lies in the file at %d", filepath.Base(f.path), q.Offset, m.RawOffset)
	}
}

// verifyScan compares the completions of a SCAN of a file without a broken
// record.
func (f *mailFile) verifyScan(t testing.TB, q *abi.Request, got []result) {
	t.Helper()
	i := 0
	for i < len(f.records) && f.records[i].offset < q.Offset {
		i++
	}
	want := f.records[i:]
	if len(got) != len(want)+1 {
		t.Errorf("scan of %s: %d completions for %d records: last %s", filepath.Base(f.path), len(got), len(want), got[len(got)-1].text())
		return
	}
	for k := range want {
		f.verify(t, q, &got[k], &want[k])
	}
	if last := got[len(want)]; last.Status != abi.OK || last.Flags&abi.More != 0 || last.message != nil {
		t.Errorf("scan of %s: ends with %s", filepath.Base(f.path), last.text())
	}
}

// store is a directory with files of all kinds.
type store struct {
	dir                string
	small, big         *mailFile // sdbox
	many, mixed, large *mailFile // mdbox
	moved              *mailFile // only at the alternative path
	missing            string
}

func newStore(t testing.TB) *store {
	t.Helper()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	s := &store{
		dir:     dir,
		small:   writeMails(t, at("u.1"), 700),
		big:     writeMails(t, at("u.2"), 300_000),
		mixed:   writeMails(t, at("m.2"), 100, 70_000, 0, 400_000, 1, 5_000, 40_000),
		large:   writeMails(t, at("m.3"), 2_000_000, 3_000, 700_000),
		moved:   writeMails(t, at("alt.u.4"), 900),
		missing: at("u.4"),
	}
	sizes := make([]int, 40)
	for i := range sizes {
		sizes[i] = 200 + i*i*7%2500
	}
	s.many = writeMails(t, at("m.1"), sizes...)
	if err := unix.Mkdir(at("directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(at("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *store) at(name string) string { return filepath.Join(s.dir, name) }

func (s *store) mails() []*mailFile {
	return []*mailFile{s.small, s.big, s.many, s.mixed, s.large}
}

// byPath returns a file, or nil if there is none that can be read.
func (s *store) byPath(path string) *mailFile {
	for _, f := range append(s.mails(), s.moved) {
		if f.path == path {
			return f
		}
	}
	return nil
}

// read is a READ of a record of a file.
func (f *mailFile) read(context uint64, i int) request {
	return request{Request: abi.Request{Op: abi.OpRead, Context: context, Offset: f.records[i].offset}, path: f.path}
}

// hinted is read with the size of the record.
func (f *mailFile) hinted(context uint64, i int) request {
	q := f.read(context, i)
	q.SizeHint = f.records[i].size
	return q
}

func (f *mailFile) scan(context uint64, flags uint32) request {
	return request{Request: abi.Request{Op: abi.OpScan, Context: context, Flags: flags}, path: f.path}
}
