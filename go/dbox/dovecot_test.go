package dbox

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// dovecot runs doveadm on stores below a directory of its own, without a
// server.
type dovecot struct {
	t    *testing.T
	dir  string
	conf string
	// Dovecot does not touch mail as root: then it runs as another user.
	credential *syscall.Credential
}

func newDovecot(t *testing.T) *dovecot {
	if _, err := exec.LookPath("doveadm"); err != nil {
		t.Skip("needs a real Dovecot: doveadm is not installed")
	}
	// doveadm does not tell its version; doveconf does in its first line.
	version, err := exec.Command("doveconf", "-c", "/dev/null", "-n").Output()
	if err != nil || !bytes.HasPrefix(version, []byte("# 2.3.")) {
		line, _, _ := bytes.Cut(version, []byte("\n"))
		t.Skipf("needs Dovecot 2.3, as 2.4 is configured in another way; doveconf says %q, %v", line, err)
	}
	d := &dovecot{t: t, dir: t.TempDir()}
	if os.Getuid() == 0 {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Fatal("as root, a user for Dovecot is needed: ", err)
		}
		uid, _ := strconv.ParseUint(nobody.Uid, 10, 32)
		gid, _ := strconv.ParseUint(nobody.Gid, 10, 32)
		d.credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		// That user has to get there, whatever the umask is.
		for _, dir := range []string{d.dir, filepath.Dir(d.dir)} {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	d.own(d.dir)
	d.conf = filepath.Join(d.dir, "dovecot.conf")
	d.write(d.conf, fmt.Appendf(nil, "base_dir = %s/run\nstate_dir = %s/state\n"+
		"protocols =\nssl = no\nfirst_valid_uid = 1\nmail_fsync = never\n", d.dir, d.dir))
	return d
}

// own gives a file or directory to the user that Dovecot runs as.
func (d *dovecot) own(path string) {
	if d.credential == nil {
		return
	}
	if err := os.Chown(path, int(d.credential.Uid), int(d.credential.Gid)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *dovecot) mkdir(path string) {
	for dir := d.dir; dir != path; {
		rest := strings.TrimPrefix(path, dir+"/")
		next, _, _ := strings.Cut(rest, "/")
		dir = filepath.Join(dir, next)
		if err := os.Mkdir(dir, 0o700); err != nil && !os.IsExist(err) {
			d.t.Fatal(err)
		}
		d.own(dir)
	}
}

func (d *dovecot) write(path string, data []byte) {
	d.mkdir(filepath.Dir(path))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.own(path)
}

// run runs doveadm on a store ("sdbox" or "mdbox", in a directory of that
// name) and returns what it prints and what it logs.
func (d *dovecot) run(store string, input []byte, args ...string) (output []byte, log string, ok bool) {
	format, _, _ := strings.Cut(store, "-")
	args = append([]string{"-c", d.conf, "-o", "mail_location=" + format + ":" + filepath.Join(d.dir, store)}, args...)
	cmd := exec.Command("doveadm", args...)
	cmd.Env = []string{"HOME=" + d.dir, "USER=tester", "PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	cmd.Dir = "/"
	cmd.Stdin = bytes.NewReader(input)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.credential}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	return stdout.Bytes(), stderr.String(), err == nil && stderr.Len() == 0
}

func (d *dovecot) must(store string, input []byte, args ...string) []byte {
	d.t.Helper()
	output, log, ok := d.run(store, input, args...)
	if !ok {
		d.t.Fatalf("doveadm %s on %s: %s", strings.Join(args, " "), store, log)
	}
	return output
}

// resync lets Dovecot make its indexes from the files alone. It says so in
// its log, which must hold nothing worse than that.
func (d *dovecot) resync(store string) {
	d.t.Helper()
	_, log, _ := d.run(store, nil, "force-resync", "INBOX")
	if strings.Contains(log, "Error") || strings.Contains(log, "roken") {
		d.t.Fatalf("force-resync of %s: %s", store, log)
	}
}

// inbox is the directory with the index of the inbox, and of an sdbox with
// its files.
func (d *dovecot) inbox(store string) string {
	return filepath.Join(d.dir, store, "mailboxes/INBOX/dbox-Mails")
}

// forget removes what Dovecot has cached of the messages: it has to read the
// files.
func (d *dovecot) forget(store string) {
	err := os.Remove(filepath.Join(d.inbox(store), "dovecot.index.cache"))
	if err != nil && !os.IsNotExist(err) {
		d.t.Fatal(err)
	}
}

const fetchFields = "guid size.virtual date.received.unixtime text"

// fetched is what "doveadm fetch" prints for fetchFields.
func fetched(guid string, virtualSize uint64, received int64, body []byte) []byte {
	return fmt.Appendf(nil, "guid: %s\nsize.virtual: %d\ndate.received.unixtime: %d\ntext:\n%s",
		guid, virtualSize, received, body)
}

// uids returns the uid of each guid.
func (d *dovecot) uids(store string) map[string]string {
	d.t.Helper()
	uids := map[string]string{}
	for _, line := range strings.Split(string(d.must(store, nil, "-f", "flow", "fetch", "uid guid", "all")), "\n") {
		var uid, guid string
		if n, _ := fmt.Sscanf(line, "uid=%s guid=%s", &uid, &guid); n == 2 {
			uids[guid] = uid
		}
	}
	return uids
}

// mails are bodies of all kinds, by their guids.
func mails() map[string][]byte {
	binary := []byte("Subject: binary\n\n")
	for i := range 2000 {
		binary = append(binary, byte(i*i>>3))
	}
	return map[string][]byte{
		"lf":        sampleBody(1, 400, "\n"),
		"crlf":      sampleBody(2, 400, "\r\n"),
		"large":     sampleBody(3, 300000, "\n"),
		"empty":     {},
		"no-lf":     []byte("Subject: x\n\nno line end"),
		"no-body":   []byte("Subject: x\n"),
		"no-header": []byte("\nbody\n"),
		"lines":     []byte("\r\n\n\r\r\n"),
		"binary":    binary,
		"magic":     []byte("Subject: x\n\n\n\x01\x03\nGx\n\n" + goodRecord),
	}
}

func TestDovecotReadsWhatIsWritten(t *testing.T) {
	d := newDovecot(t)
	const received = 1795494160
	mails := mails()
	for _, variant := range []struct {
		name    string
		header  FileHeader
		padding int
	}{
		{"usual", FileHeader{CreateTime: received}, 0},
		{"large", FileHeader{MessageHeaderSize: 300}, 0},
		{"old", FileHeader{Version: VersionOld}, 20},
	} {
		var all []Message
		for guid, body := range mails {
			all = append(all, Message{
				Body: body, GUID: guid, ReceivedTime: received, OriginalMailbox: "INBOX",
				Lines: []Line{{'Q', "unknown"}}, Padding: variant.padding,
			})
		}
		sdbox, mdbox := "sdbox-"+variant.name, "mdbox-"+variant.name
		for i, m := range all {
			d.write(filepath.Join(d.inbox(sdbox), fmt.Sprintf("u.%d", i+1)), build(t, variant.header, m))
		}
		half := len(all) / 2
		d.mkdir(d.inbox(mdbox))
		d.write(filepath.Join(d.dir, mdbox, "storage/m.1"), build(t, variant.header, all[:half]...))
		last := filepath.Join(d.dir, mdbox, "storage/m.2")
		d.write(last, build(t, variant.header, all[half:]...))

		for _, store := range []string{sdbox, mdbox} {
			d.resync(store)
			uids := d.uids(store)
			if len(uids) != len(all) {
				t.Errorf("%s: Dovecot found %d messages, want %d", store, len(uids), len(all))
			}
			if store == mdbox {
				// Space that is not used yet disturbs nobody who reads by offset.
				d.write(last, append(build(t, variant.header, all[half:]...), make([]byte, 100000)...))
			}
			d.forget(store)
			for _, m := range all {
				got := d.must(store, nil, "fetch", fetchFields, "uid", uids[m.GUID])
				want := fetched(m.GUID, VirtualSize(m.Body), received, m.Body)
				if !bytes.Equal(got, want) {
					t.Errorf("%s: %s: Dovecot reads\n%q, want\n%q", store, m.GUID, got, want)
				}
				if end := FindEmptyLine(m.Body); end >= 0 {
					got := d.must(store, nil, "fetch", "hdr", "uid", uids[m.GUID])
					if want := append([]byte("hdr:\n"), m.Body[:end]...); !bytes.Equal(got, want) {
						t.Errorf("%s: %s: Dovecot's header ends elsewhere:\n%q, want\n%q", store, m.GUID, got, want)
					}
				}
			}
		}
	}
}

func TestParsesWhatDovecotWrites(t *testing.T) {
	d := newDovecot(t)
	for _, format := range []string{"sdbox", "mdbox"} {
		for _, store := range []string{format, format + "-gz"} {
			var options []string
			if strings.HasSuffix(store, "-gz") {
				options = []string{"-o", "mail_plugins=zlib", "-o", "plugin/zlib_save=gz"}
			}
			mails := mails()
			for _, body := range mails {
				d.must(store, body, append(options, "save")...)
			}
			guids := d.uids(store)
			header, records := d.walkAll(store)
			if header.Version != Version || header.MessageHeaderSize != MessageHeaderSize {
				t.Errorf("%s: %+v", store, header)
			}
			if len(records) != len(mails) {
				t.Fatalf("%s: %d records, want %d", store, len(records), len(mails))
			}
			for _, r := range records {
				guid, _ := r.get(KeyGUID)
				uid := guids[guid]
				fetch := append(options, "fetch", "text", "uid", uid)
				text := bytes.TrimPrefix(d.must(store, nil, fetch...), []byte("text:\n"))
				if len(options) == 0 && !bytes.Equal(r.body, text) {
					t.Errorf("%s: body is\n%q, Dovecot reads\n%q", store, r.body, text)
				}
				size := uint64(len(r.body))
				if value, ok := r.get(KeyPlaintextSize); ok {
					size, _ = ParseHex([]byte(value))
				} else if len(options) > 0 && len(text) > 0 {
					t.Errorf("%s: no Z", store)
				}
				if size != uint64(len(text)) {
					t.Errorf("%s: plaintext size %d, want %d", store, size, len(text))
				}
				value, _ := r.get(KeyVirtualSize)
				if size, _ := ParseHex([]byte(value)); size != VirtualSize(text) {
					t.Errorf("%s: virtual size %d, want %d", store, size, VirtualSize(text))
				}
			}
		}
	}
}

// walkAll parses all files of a store, and writes them again: the Writer must
// give the very same bytes.
func (d *dovecot) walkAll(store string) (header FileHeader, records []record) {
	d.t.Helper()
	err := filepath.WalkDir(filepath.Join(d.dir, store), func(path string, entry fs.DirEntry, err error) error {
		name := filepath.Base(path)
		if err != nil || !strings.HasPrefix(name, "u.") && !strings.HasPrefix(name, "m.") {
			return err
		}
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fileHeader, found, rule, offset := walk(file)
		if rule != RuleNone {
			return fmt.Errorf("%s: %w at %d", name, rule, offset)
		}
		var messages []Message
		for _, r := range found {
			number := func(key byte) uint64 {
				value, _ := r.get(key)
				n, _ := ParseHex([]byte(value))
				return n
			}
			m := Message{
				Body: r.body, PlaintextSize: number(KeyPlaintextSize),
				ReceivedTime: int64(number(KeyReceivedTime)), VirtualSize: number(KeyVirtualSize),
			}
			_, m.Compressed = r.get(KeyPlaintextSize)
			m.GUID, _ = r.get(KeyGUID)
			m.OriginalMailbox, _ = r.get(KeyOriginalMailbox)
			messages = append(messages, m)
		}
		if again := build(d.t, fileHeader, messages...); !bytes.Equal(again, file) {
			d.t.Errorf("%s: %s: written again it is\n%q, not\n%q", store, name, again, file)
		}
		header = fileHeader
		records = append(records, found...)
		return nil
	})
	if err != nil {
		d.t.Fatal(store, ": ", err)
	}
	return header, records
}
