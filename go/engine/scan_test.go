package engine_test

import (
	"testing"

	"libdbox_aio/go/abi"
	"libdbox_aio/go/dbox"
)

// brokenFile is a file for scans with RESYNC: which records are whole, and
// which reports there are.
type brokenFile struct {
	name    string
	sizes   []int
	damaged []int
}

var brokenFiles = []brokenFile{
	{"first", []int{500, 600, 700}, []int{0}},
	{"middle", []int{500, 600, 700}, []int{1}},
	{"last", []int{500, 600, 700}, []int{2}},
	{"all", []int{500, 600, 700}, []int{0, 1, 2}},
	{"two-apart", []int{500, 600, 700, 800, 900}, []int{1, 3}},
	{"empty-body", []int{0, 0, 0}, []int{1}},
	{"chunk", []int{262_000, 300, 400}, []int{0}},
	{"behind-chunk", []int{700_000, 300, 400}, []int{0}},
	{"behind-chunk-last", []int{300, 700_000}, []int{1}},
	{"behind-chunks", []int{1_300_000, 1_400_000, 400}, []int{0, 1}},
}

// A SCAN with RESYNC reports each gap once, gives every record that is whole,
// and ends with what was wrong first; without, it ends at the first broken
// record.
func TestScanBroken(t *testing.T) {
	dir := t.TempDir()
	for _, c := range brokenFiles {
		f := writeMails(t, dir+"/"+c.name, c.sizes...)
		for _, i := range c.damaged {
			f.damage(t, i)
		}
		for _, flags := range []uint32{0, abi.NoBody, abi.HeadersOnly, abi.NoMetadata} {
			t.Run(c.name, func(t *testing.T) {
				onAll(t, options(), func(t *testing.T, h *host) {
					h.submit(f.scan(1, flags), f.scan(2, flags|abi.Resync))
					h.run()
					verifyBroken(t, f, flags, h.results[1], h.results[2])
				})
			})
		}
	}
}

func verifyBroken(t *testing.T, f *mailFile, flags uint32, plain, resync []result) {
	t.Helper()
	q := abi.Request{Flags: flags}
	var first *record
	at := 0
	next := func(from []result) *result {
		if at >= len(from) {
			t.Fatalf("only %d completions", len(from))
		}
		at++
		return &from[at-1]
	}
	gap := false
	for i := range f.records {
		rec := &f.records[i]
		if !rec.broken {
			f.verify(t, &q, next(resync), rec)
			gap = false
			continue
		}
		if first == nil {
			first = rec
		}
		if gap {
			continue
		}
		gap = true
		if r := next(resync); r.Status != abi.ECORRUPT || r.Flags&abi.More == 0 || r.RecordOffset != rec.offset {
			t.Errorf("the gap at %d: %s", rec.offset, r.text())
		}
	}
	if r := next(resync); r.Status != abi.ECORRUPT || r.Flags&abi.More != 0 || r.RecordOffset != first.offset {
		t.Errorf("the end: %s", r.text())
	}
	at = 0
	for i := range f.records {
		if f.records[i].broken {
			break
		}
		f.verify(t, &q, next(plain), &f.records[i])
	}
	if r := next(plain); r.Status != abi.ECORRUPT || r.Flags&abi.More != 0 || r.RecordOffset != first.offset {
		t.Errorf("the end without RESYNC: %s", r.text())
	}
	if at != len(plain) {
		t.Errorf("there are %d completions more", len(plain)-at)
	}
}

// A file that ends anywhere gives its records up to there, and no scan hangs.
func TestScanTruncated(t *testing.T) {
	dir := t.TempDir()
	whole := writeMails(t, dir+"/whole", 90, 0, 300_000)
	var files []*mailFile
	for n := 0; n < len(whole.data); n++ {
		if n > 420 && n < len(whole.data)-130 && n%50_000 != 0 {
			continue
		}
		f := *whole
		f.path, f.data = dir+"/"+string(rune('a'+n%26))+cutName(n), whole.data[:n]
		f.write(t)
		files = append(files, &f)
	}
	onAll(t, options(), func(t *testing.T, h *host) {
		var all []request
		for i, f := range files {
			for k, flags := range []uint32{0, abi.NoBody, abi.Resync, abi.Resync | abi.HeadersOnly} {
				all = append(all, f.scan(uint64(8*i+k), flags))
			}
		}
		for len(all) > 0 {
			n := min(len(all), 64)
			h.submit(all[:n]...)
			h.run()
			all = all[n:]
		}
		for i, f := range files {
			for k := range 4 {
				verifyTruncated(t, f, h.results[uint64(8*i+k)])
			}
		}
	})
}

func cutName(n int) string {
	name := ""
	for ; n > 0; n /= 10 {
		name += string(rune('0' + n%10))
	}
	return name
}

func verifyTruncated(t *testing.T, f *mailFile, got []result) {
	t.Helper()
	n := uint64(len(f.data))
	whole, boundary := 0, n == uint64(f.header.Size)
	for i := range f.records {
		if end := f.records[i].offset + f.records[i].size; end <= n {
			whole++
			boundary = boundary || end == n
		}
	}
	messages := 0
	for i := range got {
		if got[i].message != nil {
			messages++
		}
	}
	last := got[len(got)-1]
	want := abi.ETRUNCATED
	if boundary {
		want = abi.OK
	}
	if messages != whole || last.Status != want || last.Flags&abi.More != 0 {
		t.Errorf("cut at %d: %d records of %d, then %s", n, messages, whole, last.text())
	}
}

// Zero bytes behind the last record are a good end, however many.
func TestScanPreallocated(t *testing.T) {
	dir := t.TempDir()
	onAll(t, options(), func(t *testing.T, h *host) {
		for i, zeros := range []int{1, 40, 300_000, 3_000_000} {
			f := writeMails(t, dir+"/m."+cutName(i+1), 90, 2000)
			data := f.data
			f.data = append(data[:len(data):len(data)], make([]byte, zeros)...)
			f.write(t)
			for k, flags := range []uint32{0, abi.NoBody, abi.Resync} {
				q := f.scan(uint64(8*i+k), flags)
				h.submit(q)
				h.run()
				q.Flags &^= abi.Resync
				f.verifyScan(t, &q.Request, h.results[q.Context])
			}
		}
	})
}

// Metadata can be long, with or without its body before it in memory.
func TestScanLongMetadata(t *testing.T) {
	dir := t.TempDir()
	f := writeMails(t, dir+"/m.1", 10, 600_000)
	value := string(mail(1, 400_000))
	f.records[0].size += uint64(writeLong(t, f, 0, value))
	onAll(t, options(), func(t *testing.T, h *host) {
		for k, flags := range []uint32{0, abi.NoBody, abi.HeadersOnly} {
			q := f.scan(uint64(k), flags)
			h.submit(q)
			h.run()
			got := h.results[q.Context]
			if len(got) != 2 || got[0].Status != abi.OK || got[1].Status != abi.OK {
				t.Errorf("flags %#x: %s", flags, got[len(got)-1].text())
			}
			r := f.read(uint64(10+k), 0)
			r.Flags = flags
			h.submit(r)
			h.run()
			if got := h.one(r.Context); got.Status != abi.OK || got.message.RecordSize != uint64(len(f.data))-f.records[0].offset {
				t.Errorf("READ, flags %#x: %s", flags, got.text())
			}
		}
		h.results = map[uint64][]result{}
	})
}

// writeLong writes a file of one record of 600000 bytes with a long metadata
// line.
func writeLong(t *testing.T, f *mailFile, _ int, value string) int {
	t.Helper()
	long := make([]byte, 0, 2<<20)
	cut := f.records[1].offset + f.records[1].size - 1 // before the empty line
	long = append(long, f.data[:f.records[0].offset]...)
	long = append(long, f.data[f.records[1].offset:cut]...)
	for at := 0; at < len(value); at += 1000 {
		long = append(long, 'x')
		for _, c := range []byte(value[at:min(at+1000, len(value))]) {
			if c == '\n' {
				c = ' '
			}
			long = append(long, c)
		}
		long = append(long, '\n')
	}
	long = append(long, '\n')
	if _, res := dbox.ParseMetadata(long[f.records[0].offset+30+600_000:], true); !res.OK() {
		t.Fatal(res.Rule)
	}
	f.data = long
	f.write(t)
	return 0
}
