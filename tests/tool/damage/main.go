// Damage breaks a mail file that Dovecot wrote, in every way in which the
// format can be broken, and looks whether dboxaio verify says so: the record,
// the byte and the rule.
//
//	damage -list                               the names of the ways
//	damage NAME DBOXAIO BACKEND MDBOX-FILE DIR one of them, in DIR
//
// The file has three records at least. Where they lie is found without the
// library: their magic is in no message.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"libdbox_aio/go/dbox"
)

// finding is a line of dboxaio verify --json, as far as it is looked at.
type finding struct {
	Type         string
	File         string
	Rule         string
	Status       string
	RecordOffset int64 `json:"record_offset"`
	ErrorOffset  int64 `json:"error_offset"`

	Records       int
	Files         int
	BrokenRecords int `json:"broken_records"`
	BrokenFiles   int `json:"broken_files"`
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("damage: ")
	if len(os.Args) == 2 && os.Args[1] == "-list" {
		list()
		return
	}
	if len(os.Args) != 6 {
		log.Fatal("usage: damage -list | NAME DBOXAIO BACKEND MDBOX-FILE DIR")
	}
	for _, w := range ways {
		if w.name != os.Args[1] {
			continue
		}
		if err := try(w, os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
			log.Fatal(err)
		}
		return
	}
	log.Fatal("there is no such way")
}

// list prints the names, and fails if a rule of the format is missing.
func list() {
	seen := map[dbox.Rule]bool{}
	for _, w := range ways {
		fmt.Println(w.name)
		seen[w.rule] = true
	}
	for r := dbox.RuleNone + 1; r < dbox.RuleCount; r++ {
		if !seen[r] {
			log.Fatalf("no way breaks this rule: %s", r.Detail())
		}
	}
}

// try damages a copy beside whole files, and has all of them verified.
func try(w way, tool, backend, source, dir string) error {
	f, err := readMailFile(source)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	// Damage may change the slice in place: first the whole ones.
	for _, name := range []string{"m.1", "m.3"} {
		if err := os.WriteFile(filepath.Join(dir, name), f.data, 0o644); err != nil {
			return err
		}
	}
	whole := 2 * len(f.records)
	want := w.damage(f)
	broken := filepath.Join(dir, "m.2")
	if err := os.WriteFile(broken, want.data, 0o644); err != nil {
		return err
	}
	found, summary, err := verify(tool, backend, dir)
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return fmt.Errorf("%d lines instead of one: %+v", len(found), found)
	}
	got, detail := found[0], w.rule.Detail()
	if got.File != broken || got.Rule != detail || got.RecordOffset != want.record || got.ErrorOffset != want.at {
		return fmt.Errorf("found: %+v\nbut in %s record %d breaks at %d: %s", got, broken, want.record, want.at, detail)
	}
	if summary.Files != 3 || summary.BrokenFiles != 1 || summary.BrokenRecords != 1 || summary.Records != whole+want.left {
		return fmt.Errorf("summary: %+v\nbut %d records of the broken file are whole", summary, want.left)
	}
	return nil
}

// verify runs the tool, which must exit with 1, and returns what it has found
// and its summary.
func verify(tool, backend, dir string) (found []finding, summary finding, err error) {
	cmd := exec.Command(tool, "verify", "--json", "--backend", backend, dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		return nil, finding{}, fmt.Errorf("dboxaio does not exit with 1 (%v): %s", err, out)
	}
	for line := range bytes.Lines(out) {
		var f finding
		if err := json.Unmarshal(line, &f); err != nil {
			return nil, finding{}, fmt.Errorf("%w: %s", err, line)
		}
		if f.Type == "summary" {
			summary = f
		} else {
			found = append(found, f)
		}
	}
	return found, summary, nil
}
