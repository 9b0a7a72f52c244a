package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"libdbox_aio/tests/plugin/lab"
	"libdbox_aio/tests/plugin/mails"
)

// imaptest runs Dovecot's own tester of IMAP servers against stock and plugin:
// its scripts, whose failures must be the same ones, and random commands of
// many clients that check each other's views.
func imaptest(w *world, r *report) error {
	if w.o.imaptest == "" {
		return errors.New("-imaptest: where imaptest was built")
	}
	if err := lab.CanMount(); err != nil {
		return err
	}
	t := &tester{w: w, r: r, program: filepath.Join(w.o.imaptest, "src", "imaptest"),
		scripts: filepath.Join(w.o.imaptest, "src", "tests")}
	if err := t.writeMbox(); err != nil {
		return err
	}
	w.kinds = testedKinds
	if err := w.makeStores(w.kinds); err != nil {
		return err
	}
	var sites []*site
	for _, plugin := range []bool{false, true} {
		name := map[bool]string{false: "tested-stock", true: "tested-plugin"}[plugin]
		s, err := w.addSite(name, time.Millisecond,
			plugin && w.o.modules != "", func(c *lab.Config) {
				c.Extra += "mail_max_userip_connections = 0\n"
			})
		if err != nil {
			return err
		}
		sites = append(sites, s)
	}
	for _, k := range w.kinds {
		for _, part := range []struct {
			name string
			f    func(*kind, []*site) error
		}{{"scripts", t.compareScripts}, {"clients", t.compareClients}} {
			name := "imaptest/" + part.name + "/" + k.name
			if r.wanted(name) {
				r.test(name, part.f(k, sites))
			}
		}
	}
	return nil
}

// A Message-ID is one mail's only: it tells them apart by that.
var testedKinds = []*kind{
	{name: "sdbox", driver: "sdbox", mails: tested},
	{name: "mdbox", driver: "mdbox", mails: tested},
}

func tested() []mails.Mail { return mails.Usual(20) }

type tester struct {
	w                     *world
	r                     *report
	program, scripts, box string
}

// writeMbox writes the mails that random clients append. There is no empty line
// behind them: it would become part of the mail.
func (t *tester) writeMbox() error {
	t.box = filepath.Join(t.w.dir, "imaptest.mbox")
	var b bytes.Buffer
	for _, m := range tested() {
		b.WriteString("From sender@example.com Mon Jan  1 09:00:00 2024\n")
		b.Write(bytes.ReplaceAll(m, []byte("\r\n"), []byte("\n")))
	}
	return os.WriteFile(t.box, b.Bytes(), 0o644)
}

// run runs it against a site. Returns all that it printed.
func (t *tester) run(s *site, k *kind, args ...string) (lab.Output, error) {
	host, port, err := net.SplitHostPort(s.lab.IMAPAddr())
	if err != nil {
		return lab.Output{}, err
	}
	cmd := exec.Command(t.program, append([]string{"host=" + host, "port=" + port,
		"user=" + k.name, "pass=" + lab.Password}, args...)...)
	cmd.Dir = t.w.dir
	// It is linked with what the installed Dovecot's development files name.
	cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+lab.Libraries)
	return lab.Run(cmd)
}

var (
	scriptFailed = regexp.MustCompile(`(?m)^\*\*\* Test (\S+) command (\S+)`)
	scriptCounts = regexp.MustCompile(
		`(?m)^(\d+ test groups: .*|base protocol: .*|extensions: .*)$`)
	// without the reply that it is about
	clientError = regexp.MustCompile(`Error: (?:[^\n:]*: )?(.*?)(?:: \* .*)?(?:\n|$)`)
	// array.c: of an array's index, which the compiler puts into its callers
	clientPanic = regexp.MustCompile(`Panic: file (?:client-state|array)\.c: .*`)
	digits      = regexp.MustCompile(`\d+`)
)

// compareScripts: the same counts, and the same commands of the same scripts
// fail.
func (t *tester) compareScripts(k *kind, sites []*site) error {
	var results []string
	for _, s := range sites {
		if err := s.reset(k); err != nil {
			return err
		}
		o, err := t.run(s, k, "test="+t.scripts)
		if err != nil {
			return err
		}
		text := append(o.Stdout, o.Stderr...)
		counts := scriptCounts.FindAll(text, -1)
		if len(counts) == 0 {
			return fmt.Errorf("%s: no counts in %q", s.name, text)
		}
		var lines []string
		for _, line := range counts {
			lines = append(lines, string(line))
			t.r.note("%s %s: %s", k.name, s.name, line)
		}
		for _, m := range scriptFailed.FindAllSubmatch(text, -1) {
			lines = append(lines, fmt.Sprintf("failed: %s %s", m[1], m[2]))
		}
		results = append(results, strings.Join(lines, "\n"))
		s.lab.SettleLog()
		if err := s.healthy(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	if results[0] != results[1] {
		return fmt.Errorf("stock:\n%s\nplugin:\n%s", results[0], results[1])
	}
	return nil
}

// compareClients: many clients at once on one mailbox, and checkpoints. What
// they complain of must be what they complain of with stock.
func (t *tester) compareClients(k *kind, sites []*site) error {
	var complaints []map[string]bool
	for _, s := range sites {
		if err := s.reset(k); err != nil {
			return err
		}
		mark := len(s.lab.Log())
		text, err := t.runClients(s, k)
		if err != nil {
			return err
		}
		all, kinds := clientError.FindAllSubmatch(text, -1), map[string]bool{}
		for _, m := range all {
			kinds[digits.ReplaceAllString(string(m[1]), "N")] = true
			if t.w.o.keep {
				fmt.Printf("# %s\n", m[1])
			}
		}
		s.lab.SettleLog()
		faults := lab.Faults(s.lab.LogSince(mark))
		t.r.note("%s %s: %d complaints, %d kinds of them; %d in Dovecot's log",
			k.name, s.name, len(all), len(kinds), len(faults))
		t.r.note("%s %s: %s", k.name, s.name, lastTotals(text))
		for _, fault := range faults {
			kinds["log: "+digits.ReplaceAllString(fault, "N")] = true
		}
		complaints = append(complaints, kinds)
		if err := s.healthy(); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	var only []string
	for kind := range complaints[1] {
		if !complaints[0][kind] {
			only = append(only, kind)
		}
	}
	if len(only) > 0 {
		return fmt.Errorf("only with the plugin:\n%s", strings.Join(only, "\n"))
	}
	return nil
}

// runClients lets random clients run for a minute. imaptest of 2022 has faults of
// its own in what it keeps of a mailbox (client-state.c), whatever the server:
// then it is run again, and that is noted for each server.
func (t *tester) runClients(s *site, k *kind) ([]byte, error) {
	for seed := t.w.o.seed + 1; ; seed++ {
		o, err := t.run(s, k, "mbox="+t.box, "secs=60", "clients=20",
			"checkpoint=10", "msgs=100", fmt.Sprint("seed=", seed))
		if err != nil {
			return nil, err
		}
		text := append(o.Stdout, o.Stderr...)
		if o.Signal == 0 && len(text) > 0 {
			return text, nil
		}
		panicked := clientPanic.Find(text)
		if panicked == nil || seed > t.w.o.seed+5 {
			return nil, fmt.Errorf("%s: imaptest ended by signal %v: %s", s.name,
				o.Signal, text[max(0, len(text)-2000):])
		}
		t.r.note("%s %s: imaptest itself: %s", k.name, s.name, panicked)
	}
}

// lastTotals is the line of sums at the end of what it prints.
func lastTotals(text []byte) string {
	_, rest, ok := bytes.Cut(text, []byte("Totals:"))
	if !ok {
		return "no totals"
	}
	rest, _, _ = bytes.Cut(rest, []byte("Error:"))
	return strings.Join(strings.Fields(string(rest)), " ")
}
