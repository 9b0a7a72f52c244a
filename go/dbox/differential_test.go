package dbox

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What Dovecot reads without an error must be read, with the same result; and
// what is read here, Dovecot must read as well, at least as long as it is not
// asked for the metadata.
func TestReadsWhatDovecotReads(t *testing.T) {
	d := newDovecot(t)
	const store = "sdbox"
	path := filepath.Join(d.inbox(store), "u.1")

	// An index that knows of the message but not what is in it.
	full := build(t, FileHeader{CreateTime: 1795494160}, Message{
		Body: []byte("Subject: x\n\n0123456789\n"), ReceivedTime: 1795494160, GUID: "0123456789abcdef",
	})
	d.write(path, full)
	d.resync(store)
	indexPath := filepath.Join(d.inbox(store), "dovecot.index.log")
	index, err := os.ReadFile(indexPath)
	if err != nil {
		t.Fatal(err)
	}
	fetch := func(file []byte, fields string) (string, string, bool) {
		if err := os.RemoveAll(d.inbox(store)); err != nil {
			t.Fatal(err)
		}
		d.write(indexPath, index)
		d.write(path, file)
		output, log, ok := d.run(store, nil, "fetch", fields, "uid", "1")
		return string(output), log, ok
	}

	empty := build(t, FileHeader{}, Message{GUID: "0123456789abcdef"})
	all := mutants(full, empty)
	both, neither, files := 0, 0, some(all)
	for _, m := range files {
		output, log, ok := fetch(m.file, fetchFields)
		header, result := ParseFileHeader(m.file, true)
		rule, r := result.Rule, record{}
		if result.OK() {
			r, rule, _ = walkRecord(m.file, header, int(header.Size))
		}
		switch {
		case rule == RuleMessageHeaderSizeTooSmall:
			// What Dovecot then does depends on what is in its memory.
		case ok && rule != RuleNone:
			t.Errorf("%s: Dovecot reads\n%q, here it is %q", m.name, output, rule.Detail())
		case ok:
			both++
			if want := r.fetched(); output != want {
				t.Errorf("%s: Dovecot reads\n%q, want\n%q", m.name, output, want)
			}
		case rule == RuleNone:
			text, log, ok := fetch(m.file, "text")
			if want := "text:\n" + string(r.body); !ok || text != want {
				t.Errorf("%s: Dovecot reads\n%q, want\n%q\n%s", m.name, text, want, log)
			}
		default:
			neither++
			if strings.Contains(log, "Permission denied") {
				t.Fatal(log)
			}
		}
	}
	if enough := 100 * len(files) / len(all); both < enough || neither < enough {
		t.Errorf("of %d files both read %d, neither %d: too few to tell", len(files), both, neither)
	}
	t.Logf("of %d files both read %d, neither %d", len(files), both, neither)
}

// fetched is what Dovecot prints for the record.
func (r record) fetched() string {
	number := func(key byte, missing uint64) uint64 {
		value, ok := r.get(key)
		if !ok {
			return missing
		}
		n, _ := ParseHex([]byte(value))
		return n
	}
	guid, _ := r.get(KeyGUID)
	return string(fetched(guid, number(KeyVirtualSize, VirtualSize(r.body)), int64(number(KeyReceivedTime, 0)), r.body))
}

type mutant struct {
	name string
	file []byte
}

// mutants returns variants of two files with one record each, one of them
// with an empty body.
func mutants(full, empty []byte) []mutant {
	var all []mutant
	add := func(name string, file ...[]byte) {
		all = append(all, mutant{name, bytes.Join(file, nil)})
	}
	replace := func(name string, file []byte, old, new string) {
		if !bytes.Contains(file, []byte(old)) {
			panic("nothing to replace for " + name)
		}
		add(name, bytes.Replace(file, []byte(old), []byte(new), 1))
	}

	_, records, _, _ := walk(full)
	body := records[0].offset + MessageHeaderSize
	for at, good := range full {
		if at >= body && at < body+len(records[0].body) {
			continue
		}
		for _, bad := range []byte{good + 1, good ^ 0x20, ' ', '\n', 0} {
			if bad != good {
				add(fmt.Sprintf("byte %d is %#x", at, bad), full[:at], []byte{bad}, full[at+1:])
			}
		}
	}
	for at := 0; at < len(full); at += 3 {
		add(fmt.Sprintf("ends at %d", at), full[:at])
		add(fmt.Sprintf("without byte %d", at), full[:at], full[at+1:])
		add(fmt.Sprintf("space at %d", at), full[:at], []byte(" "), full[at:])
	}
	for at := 22; at < 38; at++ {
		add(fmt.Sprintf("empty, byte %d is g", at), empty[:at], []byte("g"), empty[at+1:])
		add(fmt.Sprintf("empty, byte %d is 8", at), empty[:at], []byte("8"), empty[at+1:])
	}

	size := fmt.Sprintf("%016X", len(records[0].body))
	replace("lower case size", full, size, strings.ToLower(size))
	replace("size too small", full, size, "0000000000000001")
	replace("size too large", full, size, "00000000000000FF")
	replace("size 2^63-1", full, size, "7FFFFFFFFFFFFFFF")
	replace("size 2^63", full, size, "8000000000000000")
	replace("size 2^64-1", full, size, "FFFFFFFFFFFFFFFF")
	replace("old uid", full, " "+size, " "+size)
	replace("version 1", full, "2 M", "1 Aff M")
	replace("version 3", full, "2 M", "3 M")
	replace("no M", full, " M1e", "")
	replace("M twice", full, " M1e", " M0 M1e")
	replace("M last wrong", full, " M1e", " M1e M1f")
	replace("M with zeros", full, " M1e", " M0000000000000000000000001e")
	replace("M too large", full, " M1e", " M2001")
	replace("M of 36 bits", full, " M1e", " M10000001e M1e")
	replace("C of 68 bits", full, " C", " C11111111111111111 C")
	replace("spaces", full, " M1e ", "   M1e   ")
	replace("CR in the file header", full, "\n\x01\x02", "\r\n\x01\x02")
	replace("NUL in the file header", full, "\n\x01\x02", "\x00 M1 Cx\n\x01\x02")
	replace("file header of 8192 bytes", full, "\n\x01\x02", strings.Repeat(" ", 8192-records[0].offset)+"\n\x01\x02")
	replace("file header of 8191 bytes", full, "\n\x01\x02", strings.Repeat(" ", 8191-records[0].offset)+"\n\x01\x02")
	for _, size := range []int{31, 64, 8191, 8192, 8193} {
		wide := bytes.Replace(full, []byte(" M1e"), fmt.Appendf(nil, " M%x", size), 1)
		replace(fmt.Sprintf("message header of %d bytes", size), wide,
			"\nSubject", strings.Repeat("x", size-MessageHeaderSize)+"\nSubject")
	}
	end := full[len(full)-2:]
	cut := full[:len(full)-1]
	add("metadata ends with spaces", cut, []byte("   x\n"))
	add("metadata ends with CRLF", cut, []byte("\r\n"))
	add("metadata ends with a NUL", cut, []byte("\x00x\n"))
	add("metadata without end", cut)
	add("metadata with a CR", full[:len(full)-2], []byte("\r"), end)
	add("metadata with two CR", full[:len(full)-2], []byte("\r\r"), end)
	add("metadata with a NUL", full[:len(full)-2], []byte("\x00x"), end)
	add("metadata with a record's magic", cut, []byte("\x01\x02N \n\n"))
	add("second GUID", cut, []byte("Gx\n\n"))
	add("unknown key", cut, []byte("Qx\n\xffx\n\r\rx\n\n"))
	add("metadata of 100 kB", cut, []byte("X"+strings.Repeat("x", 100000)+"\n\n"))
	add("zeros behind", full, make([]byte, 5000))
	add("text behind", full, []byte("hello"))
	add("two records", full, full[records[0].offset:])
	return all
}
