package dbox

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// While Dovecot appends to a file that others read, these see whole records
// and then one that is not whole: truncated, never corrupt.
func TestDovecotIsSaving(t *testing.T) {
	d := newDovecot(t)
	libexec, err := exec.Command("doveconf", "-c", "/dev/null", "-h", "libexec_dir").Output()
	if err != nil {
		t.Fatal("doveconf: ", err)
	}
	imap := filepath.Join(strings.TrimSpace(string(libexec)), "imap")
	if _, err := os.Stat(imap); err != nil {
		t.Skip("needs Dovecot's IMAP server: ", err)
	}
	d.must("mdbox", []byte("Subject: first\n\nhello\n"), "save")

	cmd := exec.Command(imap, "-c", d.conf, "-o", "mail_location=mdbox:"+filepath.Join(d.dir, "mdbox"))
	cmd.Env = []string{"HOME=" + d.dir, "USER=tester"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: d.credential}
	var log bytes.Buffer
	cmd.Stderr = &log
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	body := sampleBody(4, 1<<20, "\n")
	half := len(body) / 2
	fmt.Fprintf(input, "a APPEND INBOX {%d+}\r\n%s", len(body), body[:half])

	file := filepath.Join(d.dir, "mdbox/storage/m.1")
	var seen []byte
	for deadline := time.Now().Add(20 * time.Second); len(seen) < 100000; {
		if time.Now().After(deadline) {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			t.Fatalf("%s has %d bytes; the IMAP server says %q", file, len(seen), log.String())
		}
		time.Sleep(10 * time.Millisecond)
		if seen, err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	_, records, rule, _ := walk(seen)
	if rule != RuleMessageHeaderUnwritten || rule.Status() != StatusTruncated || len(records) != 1 {
		t.Errorf("while the message is saved: %q, %d records", rule.Detail(), len(records))
	}

	fmt.Fprintf(input, "%s\r\nb LOGOUT\r\n", body[half:])
	if err := input.Close(); err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, log.String())
	}
	if seen, err = os.ReadFile(file); err != nil {
		t.Fatal(err)
	}
	_, records, rule, offset := walk(seen)
	if rule != RuleNone || len(records) != 2 || !bytes.Equal(records[1].body, body) {
		t.Errorf("when the message is saved: %v at %d, %d records", rule, offset, len(records))
	}
}
