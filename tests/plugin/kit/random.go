package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// randomScript is a session that nobody would think of. Left out is what stock
// Dovecot does not answer in the same way twice: pipelined commands if they take
// longer than its time slices, and copies that fail.
func randomScript(r *rand.Rand, k *kind) *script {
	g := &generator{r, len(k.mails()), !k.broken}
	sc := &script{writes: true}
	if !k.slow && r.IntN(8) == 0 {
		sc.lines = append(sc.lines, "!pipeline")
		for range 2 + r.IntN(6) {
			sc.lines = append(sc.lines, g.reading())
		}
		return sc
	}
	for range 1 + r.IntN(7) {
		if r.IntN(4) == 0 {
			sc.lines = append(sc.lines, g.writing())
		} else {
			sc.lines = append(sc.lines, g.reading())
		}
	}
	return sc
}

type generator struct {
	*rand.Rand
	mails  int
	copies bool
}

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

// set is a set of messages, by number or UID.
func (g *generator) set() string {
	switch g.IntN(4) {
	case 0:
		return "1:*"
	case 1:
		return fmt.Sprint(1 + g.IntN(g.mails))
	case 2:
		a, b := 1+g.IntN(g.mails), 1+g.IntN(g.mails)
		return fmt.Sprintf("%d:%d", a, b)
	}
	var parts []string
	for range 1 + g.IntN(6) {
		parts = append(parts, fmt.Sprint(1+g.IntN(g.mails)))
	}
	return strings.Join(parts, ",")
}

func (g *generator) section() string {
	switch g.IntN(7) {
	case 0:
		return ""
	case 1:
		return "HEADER"
	case 2:
		return "TEXT"
	case 3:
		return "HEADER.FIELDS (" + g.one("SUBJECT", "FROM TO", "X-MANY DATE",
			"NO-SUCH") + ")"
	case 4:
		return "HEADER.FIELDS.NOT (" + g.one("RECEIVED", "X-MANY SUBJECT") + ")"
	}
	part := g.one("1", "2", "3", "1.1", "2.1", "2.2", "3.1", "2.2.1", "4.1")
	return part + g.one("", "", ".MIME", ".HEADER", ".TEXT")
}

func (g *generator) item() string {
	partial := ""
	if g.IntN(3) == 0 {
		partial = fmt.Sprintf("<%d.%d>", g.IntN(5000), 1+g.IntN(20000))
	}
	switch g.IntN(6) {
	case 0:
		return g.one("ENVELOPE", "BODYSTRUCTURE", "BODY", "RFC822.SIZE",
			"RFC822.HEADER", "INTERNALDATE", "X-GUID", "FLAGS", "UID", "MODSEQ",
			"SNIPPET")
	case 1:
		return "BINARY.PEEK[" + g.one("1", "2", "3", "1.1", "2.1") + "]" + partial
	case 2:
		return "BINARY.SIZE[" + g.one("1", "2", "3", "2.1") + "]"
	}
	return g.one("BODY.PEEK[", "BODY.PEEK[", "BODY.PEEK[", "BODY[") +
		g.section() + "]" + partial
}

func (g *generator) key(depth int) string {
	word := g.one("needle", "needle3", "project", "order", "week", "example.com",
		"nowhere", "caf")
	switch g.IntN(9) {
	case 0:
		return "TEXT " + word
	case 1:
		return "HEADER " + g.one("SUBJECT", "FROM", "X-MANY", "TO") + " " + word
	case 2:
		return g.one("SUBJECT ", "FROM ", "TO ", "CC ") + word
	case 3:
		return g.one("LARGER ", "SMALLER ") + fmt.Sprint(g.IntN(20000))
	case 4:
		return g.one("SEEN", "UNSEEN", "DELETED", "ALL", "SENTSINCE 5-Jan-2024",
			"BEFORE 15-Nov-2023")
	case 5, 6:
		if depth > 0 {
			return g.one("NOT "+g.key(depth-1), "OR "+g.key(depth-1)+" "+
				g.key(depth-1), "("+g.key(depth-1)+" "+g.key(depth-1)+")")
		}
	}
	return "BODY " + word
}

func (g *generator) reading() string {
	uid := g.one("", "UID ")
	switch g.IntN(10) {
	case 0, 1, 2:
		return uid + "SEARCH " + g.one("", "RETURN (COUNT ALL) ") + g.key(2)
	case 3:
		return uid + g.one("SORT (SUBJECT)", "SORT (DATE)", "SORT (REVERSE SIZE)",
			"THREAD REFERENCES", "THREAD ORDEREDSUBJECT") + " UTF-8 " + g.key(1)
	}
	var items []string
	for range 1 + g.IntN(4) {
		items = append(items, g.item())
	}
	return uid + "FETCH " + g.set() + " (" + strings.Join(items, " ") + ")"
}

func (g *generator) writing() string {
	uid := g.one("", "UID ")
	switch g.IntN(8) {
	case 0:
		return uid + "COPY " + g.set() + " Other"
	case 1:
		return uid + "MOVE " + g.set() + " Other"
	case 2:
		return "EXPUNGE"
	case 3:
		return g.one("SELECT Other", "SELECT INBOX", "EXAMINE INBOX", "NOOP",
			"CHECK", "!idle")
	case 4:
		text := strings.Repeat("needle of chance\r\n", 1+g.IntN(300))
		mail := "From: x@example.com\r\nSubject: appended\r\n\r\n" + text
		return fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(mail), mail)
	}
	return uid + "STORE " + g.set() + " " + g.one("+FLAGS", "-FLAGS",
		"FLAGS.SILENT") + " (" + g.one(`\Deleted`, `\Seen`, `\Flagged`, "Word") +
		")"
}
