package dbox

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// library reads records by the whole library, through its C ABI: it talks to
// tests/dovecot/readrecord.c, which tests/dovecot/run.sh has built.
type library struct {
	t  *testing.T
	to io.Writer
	in *bufio.Reader
}

func newLibrary(t *testing.T) *library {
	program := os.Getenv("READRECORD")
	if program == "" {
		t.Skip("is run by tests/dovecot/run.sh, which has built the library")
	}
	cmd := exec.Command(program, os.Getenv("READRECORD_BACKEND"))
	cmd.Stderr = os.Stderr
	to, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		to.Close()
		if err := cmd.Wait(); err != nil {
			t.Error("readrecord: ", err)
		}
	})
	return &library{t, to, bufio.NewReader(in)}
}

// libraryRecord is what the library says of a record.
type libraryRecord struct {
	status  int
	detail  string
	body    []byte
	fetched string // as doveadm would print it for fetchFields
}

func (l *library) read(path string, offset int) libraryRecord {
	l.t.Helper()
	if _, err := fmt.Fprintln(l.to, offset, path); err != nil {
		l.t.Fatal("readrecord: ", err)
	}
	line, err := l.in.ReadString('\n')
	words := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 6)
	if err != nil || len(words) != 6 {
		l.t.Fatalf("readrecord: %q, %v", line, err)
	}
	status, _ := strconv.Atoi(words[0])
	guidSize, _ := strconv.Atoi(words[3])
	bodySize, _ := strconv.Atoi(words[4])
	data := make([]byte, guidSize+bodySize)
	if _, err := io.ReadFull(l.in, data); err != nil {
		l.t.Fatal("readrecord: ", err)
	}
	body := data[guidSize:]
	received, _ := strconv.ParseInt(words[1], 10, 64)
	virtual, err := strconv.ParseUint(words[2], 10, 64)
	if err != nil {
		virtual = VirtualSize(body)
	}
	return libraryRecord{
		status, words[5], body,
		string(fetched(string(data[:guidSize]), virtual, received, body)),
	}
}

// verdicts compares what Dovecot and the library say of files.
type verdicts struct {
	*testing.T
	name                        string
	both, neither, onlyMetadata int
}

// add takes Dovecot's output for a record, and whether it logged no error.
// text asks it for the body alone, which it reads without the metadata.
func (v *verdicts) add(r libraryRecord, output string, ok bool, text func() (string, bool)) {
	switch {
	case r.detail == RuleMessageHeaderSizeTooSmall.Detail():
		// What Dovecot then does depends on what is in its memory.
	case ok && r.status != 0:
		v.Errorf("%s: Dovecot reads\n%q, the library says %d, %q", v.name, output, r.status, r.detail)
	case ok:
		v.both++
		if output != r.fetched {
			v.Errorf("%s: Dovecot reads\n%q, the library\n%q", v.name, output, r.fetched)
		}
	case r.status == 0:
		v.onlyMetadata++
		if got, ok := text(); !ok || got != "text:\n"+string(r.body) {
			v.Errorf("%s: Dovecot reads\n%q, the library\n%q", v.name, got, r.body)
		}
	default:
		v.neither++
	}
}

func (v *verdicts) end(files int) {
	if v.both < files/10 || v.neither < files/10 {
		v.Errorf("both read %d records, neither %d: too few to tell", v.both, v.neither)
	}
	v.Logf("%d files: both read %d records, neither %d; Dovecot read only the body of %d",
		files, v.both, v.neither, v.onlyMetadata)
}

// some returns all of the mutants, or, with -short, each fifth: Dovecot takes
// minutes for all.
func some[M any](all []M) (chosen []M) {
	if !testing.Short() {
		return all
	}
	for i := 0; i < len(all); i += 5 {
		chosen = append(chosen, all[i])
	}
	return chosen
}

// cuts returns the file at each length it can have.
func cuts(file []byte) (all []mutant) {
	for at := range file {
		all = append(all, mutant{fmt.Sprintf("ends at %d", at), file[:at]})
	}
	return all
}

func TestLibraryReadsSdboxLikeDovecot(t *testing.T) {
	l := newLibrary(t)
	d := newDovecot(t)
	const store = "sdbox"
	path := filepath.Join(d.inbox(store), "u.1")
	full := build(t, FileHeader{CreateTime: 1795494160}, Message{
		Body: []byte("Subject: x\n\n0123456789\n"), ReceivedTime: 1795494160, GUID: "0123456789abcdef",
	})
	d.write(path, full)
	d.resync(store)
	pristine := d.load(store)

	fetch := func(file []byte, fields string) (string, bool) {
		d.restore(store, pristine)
		d.write(path, file)
		output, _, ok := d.run(store, nil, "fetch", fields, "uid", "1")
		return string(output), ok
	}
	v := &verdicts{T: t}
	empty := build(t, FileHeader{}, Message{GUID: "0123456789abcdef"})
	files := some(append(mutants(full, empty), cuts(full)...))
	for _, m := range files {
		v.name = m.name
		output, ok := fetch(m.file, fetchFields)
		d.restore(store, pristine)
		d.write(path, m.file)
		v.add(l.read(path, 0), output, ok, func() (string, bool) { return fetch(m.file, "text") })
	}
	v.end(len(files))
}

// A file of mdbox has several messages, and Dovecot's map says where: what
// happens to one must be told apart from the others.
func TestLibraryReadsMdboxLikeDovecot(t *testing.T) {
	l := newLibrary(t)
	d := newDovecot(t)
	const store = "mdbox"
	path := filepath.Join(d.dir, store, "storage/m.1")
	messages := []Message{
		{Body: []byte("Subject: a\n\n0123\n"), ReceivedTime: 1795494160, GUID: "aaaa"},
		{Body: []byte("Subject: b\r\n\r\n\x01\x02\r\n"), ReceivedTime: 1795494161, GUID: "bbbb"},
		{Body: []byte("c"), ReceivedTime: 1795494162, GUID: "cccc"},
	}
	file := build(t, FileHeader{CreateTime: 1795494160}, messages...)
	d.mkdir(d.inbox(store))
	d.write(path, file)
	d.resync(store)
	uids := d.uids(store)
	d.forget(store)
	pristine := d.load(store)

	fetch := func(file []byte, fields, uid string) (string, bool) {
		d.restore(store, pristine)
		d.write(path, file)
		output, _, ok := d.run(store, nil, "fetch", fields, "uid", uid)
		return string(output), ok
	}
	_, records, _, _ := walk(file)
	v := &verdicts{T: t}
	files := some(mdboxMutants(file, records))
	for _, m := range files {
		for i, r := range records {
			if m.far(i, records) {
				continue
			}
			uid := uids[messages[i].GUID]
			v.name = fmt.Sprintf("%s, message %d", m.name, i+1)
			output, ok := fetch(m.file, fetchFields, uid)
			d.restore(store, pristine)
			d.write(path, m.file)
			v.add(l.read(path, r.offset), output, ok, func() (string, bool) { return fetch(m.file, "text", uid) })
		}
	}
	v.end(len(files))
}

type mdboxMutant struct {
	mutant
	at int // of the first byte that differs
}

// far reports whether message i can't tell the mutant from the original: then
// only each tenth is asked for.
func (m *mdboxMutant) far(i int, records []record) bool {
	r := records[i]
	begins := r.offset + r.size
	return m.at >= begins && m.at%10 != 0
}

func mdboxMutants(file []byte, records []record) (all []mdboxMutant) {
	add := func(name string, parts ...[]byte) {
		changed := bytes.Join(parts, nil)
		at := 0
		for at < min(len(file), len(changed)) && file[at] == changed[at] {
			at++
		}
		all = append(all, mdboxMutant{mutant{name, changed}, at})
	}
	whole := func(i int) []byte { return file[records[i].offset : records[i].offset+records[i].size] }
	begin, a, b, c := file[:records[0].offset], whole(0), whole(1), whole(2)

	inBody := func(at int) bool {
		for _, r := range records {
			body := r.offset + MessageHeaderSize
			if at >= body && at < body+len(r.body) {
				return true
			}
		}
		return false
	}
	for at, good := range file {
		if inBody(at) {
			continue
		}
		for _, bad := range []byte{good + 1, '\n'} {
			if bad != good {
				add(fmt.Sprintf("byte %d is %#x", at, bad), file[:at], []byte{bad}, file[at+1:])
			}
		}
	}
	for _, m := range cuts(file) {
		add(m.name, m.file)
	}

	add("swapped 1 2", begin, b, a, c)
	add("swapped 2 3", begin, a, c, b)
	add("swapped 1 3", begin, c, b, a)
	add("turned around", begin, c, a, b)
	add("first twice", begin, a, a, b, c)
	add("second twice", begin, a, b, b, c)
	add("without the first", begin, b, c)
	add("without the second", begin, a, c)
	add("without the last", begin, a, b)
	add("inserted at the start", begin, c, a, b, c)
	add("text between", begin, a, []byte("text"), b, c)
	add("zeros between", begin, a, make([]byte, len(b)), c)
	add("zeros instead of the last", begin, a, b, make([]byte, len(c)))
	add("zeros behind", file, make([]byte, 3000))
	add("text behind", file, []byte("text"))
	add("two files", file, file)
	add("empty line missing", begin, a[:len(a)-1], b, c)
	add("half a record inserted", begin, a, b[:len(b)/2], b, c)
	add("cut and appended to", begin, a, b[:len(b)/2], c)
	return all
}

// load returns all files of a store, by their paths.
func (d *dovecot) load(store string) map[string][]byte {
	files := map[string][]byte{}
	err := filepath.WalkDir(filepath.Join(d.dir, store), func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		files[path], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return files
}

// restore makes the store what it was: Dovecot repairs what it finds broken,
// and remembers it.
func (d *dovecot) restore(store string, files map[string][]byte) {
	if err := os.RemoveAll(filepath.Join(d.dir, store)); err != nil {
		d.t.Fatal(err)
	}
	for path, data := range files {
		d.write(path, data)
	}
}
