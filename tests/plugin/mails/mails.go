// Package mails makes the mail that both Dovecots are given: what a reader of
// messages could stumble over.
package mails

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Mail is one message, as it is saved.
type Mail []byte

var words = strings.Fields("about after agenda archive because before board " +
	"budget customer delivery draft every figures good invoice later meeting " +
	"message morning need offer office order please plan project question " +
	"release report room server should storage team thank today update week")

// text is prose in lines, at least size bytes.
func text(random *rand.Rand, size int, nl string) string {
	var b strings.Builder
	for b.Len() < size {
		for range 8 + random.IntN(4) {
			b.WriteString(words[random.IntN(len(words))])
			b.WriteByte(' ')
		}
		b.WriteString(nl)
	}
	return b.String()
}

func encoded(random *rand.Rand, size int, nl string) string {
	raw := make([]byte, size)
	for i := range raw {
		raw[i] = byte(random.Uint32())
	}
	all := base64.StdEncoding.EncodeToString(raw)
	var b strings.Builder
	for len(all) > 0 {
		n := min(76, len(all))
		b.WriteString(all[:n] + nl)
		all = all[n:]
	}
	return b.String()
}

// header of the n-th mail.
func header(n int, nl string, more ...string) string {
	day := time.Date(2024, 1, 1, 9, 0, 0, 0, time.UTC).
		Add(time.Duration(n*37) * time.Hour)
	lines := []string{
		fmt.Sprintf("Return-Path: <bounce%d@example.com>", n),
		fmt.Sprintf("Received: from relay (relay.example.com [192.0.2.%d])", n%250),
		"\tby mx.example.com with ESMTP; " + day.Format(time.RFC1123Z),
		"Received: by relay.example.com",
		fmt.Sprintf("From: \"Sender, %d\" <sender%d@example.com>", n, n%7),
		fmt.Sprintf("To: Reader <reader@example.net>, other%d@example.org", n),
		fmt.Sprintf("Cc: friends: a@example.com, b%d@example.com;", n),
		fmt.Sprintf("Subject: %smatter %d of the week", []string{"", "Re: ",
			"[list] ", "Fwd: "}[n%4], n/4),
		"Date: " + day.Format(time.RFC1123Z),
		fmt.Sprintf("Message-ID: <m%d@example.com>", n),
		"MIME-Version: 1.0",
	}
	if n%4 == 1 {
		lines = append(lines,
			fmt.Sprintf("In-Reply-To: <m%d@example.com>", n-1),
			fmt.Sprintf("References: <m%d@example.com>", n-1))
	}
	return strings.Join(append(lines, more...), nl) + nl
}

// Plain is a text of about size bytes. It contains needleN.
func Plain(n, size int, nl string) Mail {
	random := rand.New(rand.NewPCG(uint64(n), 1))
	return Mail(header(n, nl, "Content-Type: text/plain; charset=utf-8") + nl +
		text(random, size, nl) + fmt.Sprintf("needle%d", n) + nl)
}

// Mixed has parts: a text, alternatives, and an attachment of size bytes.
func Mixed(n, size int, nl string) Mail {
	random := rand.New(rand.NewPCG(uint64(n), 2))
	return Mail(header(n, nl, `Content-Type: multipart/mixed; boundary="outer"`,
		"Content-Language: en, de") +
		nl + "This is the preamble." + nl +
		part("outer", nl, "Content-Type: text/plain; charset=iso-8859-1",
			"Content-Transfer-Encoding: quoted-printable") +
		"caf=E9 and a soft =" + nl + "line break, needle" + fmt.Sprint(n) + nl +
		part("outer", nl, `Content-Type: multipart/alternative; boundary=inner`) +
		part("inner", nl, "Content-Type: text/plain; charset=utf-8") +
		text(random, 600, nl) +
		part("inner", nl, "Content-Type: text/html; charset=utf-8") +
		"<p>caf\xc3\xa9 <b>bold</b></p>" + nl + "--inner--" + nl +
		part("outer", nl, `Content-Type: application/octet-stream; name="a.bin"`,
			"Content-ID: <part@example.com>", "Content-Description: some bytes",
			`Content-Disposition: attachment; filename="a.bin"; size=12`,
			"Content-Transfer-Encoding: base64") +
		encoded(random, size, nl) + "--outer--" + nl + "epilogue" + nl)
}

func part(boundary, nl string, fields ...string) string {
	return "--" + boundary + nl + strings.Join(fields, nl) + nl + nl
}

// Forwarded has messages inside messages.
func Forwarded(n int, nl string) Mail {
	inner := string(Mixed(n+1, 900, nl))
	nested := header(n+2, nl, "Content-Type: message/rfc822") + nl + inner
	return Mail(header(n, nl, `Content-Type: multipart/mixed; boundary="fwd"`) +
		nl + part("fwd", nl, "Content-Type: text/plain") + "see below" + nl +
		part("fwd", nl, "Content-Type: message/rfc822",
			"Content-Disposition: inline") + inner + nl +
		part("fwd", nl, "Content-Type: message/rfc822") + nested + nl +
		part("fwd", nl, "Content-Type: multipart/digest; boundary=dig") +
		"--dig" + nl + nl + header(n+3, nl) + nl + "digested" + nl +
		"--dig--" + nl + "--fwd--" + nl)
}

// Odd are those that are not as they should be.
func Odd() []Mail {
	bad := `Content-Type: multipart/mixed; boundary="none"`
	odd := []string{
		"\n",
		"A: b\n\n",
		"Subject: no empty line\n",
		"Subject: no newline at the end\n\ntext without one",
		"Subject: CRLF\r\n\r\nCRLF text\r\n",
		"Subject: bytes\n\nNUL \000 and \377\376 and form feed \f\n\f\n",
		// as if a record ended here and another one began
		"Subject: record\n\n\n\001\003\nR1\nGx\n\n\001\002N          " +
			"0000000000000010\nA: c\n\n",
		"Subject: mixed\r\n\r\nmixed\r\nline\nends\r\n\r",
		"Subject: bare CR\r\rtext\r",
		"Subject: =?utf-8?b?w6TDtsO8IGdyw7zDn2U=?= =?iso-8859-1?q?caf=E9?=\n" +
			"From: =?utf-8?q?J=C3=B6rg?= <j@example.com>\n" +
			"Subject: a second one\n\nneedle-umlaut \xc3\xa4\xc3\xb6\n",
		header(1, "\n", bad) + "\nno part at all\n",
		header(2, "\n", bad) + "\n--none\nContent-Type: text/plain\n\nnot closed",
		header(5, "\n", "Content-Type: message/rfc822",
			"Content-Transfer-Encoding: base64") + "\nU3ViamVjdDogeA0KDQp5DQo=\n",
		"From: <@a,@b:c@d>, \"\\\"q\\\" \\\\\" <x@y> (comment (nested))\n" +
			"To: undisclosed-recipients:;\nDate: nonsense\n" +
			"Message-ID: <not closed\n\naddresses\n",
		"Subject: one long line\n\n" + strings.Repeat("x", 100000) + "\n",
		"Subject: " + strings.Repeat("h", 70000) + " long header\n\nbody\n",
		strings.Repeat("X-Many: field\n", 2000) + "\nmany fields\n",
	}
	// around the sizes in which a reader may read
	for _, size := range []int{4095, 4096, 4097, 8192, 16384, 65536, 131072} {
		head := fmt.Sprintf("Subject: %d\n\n", size)
		odd = append(odd, head+strings.Repeat("y", size-len(head)))
	}
	// A BINARY of these ends the FETCH.
	odd = append(odd,
		header(3, "\n", "Content-Type: text/plain",
			"Content-Transfer-Encoding: base64")+"\nthis is *not* base64!!\n",
		header(4, "\n", "Content-Type: text/plain",
			"Content-Transfer-Encoding: x-unknown")+"\nwhat is it?\n")
	all := make([]Mail, 0, len(odd))
	for _, text := range odd {
		all = append(all, Mail(text))
	}
	return all
}

// Usual are n mails, a mixture of sizes and kinds with LF or CRLF.
func Usual(n int) []Mail {
	all := make([]Mail, 0, n)
	sizes := []int{200, 1500, 4000, 12000, 40000, 700}
	for i := range n {
		nl := []string{"\n", "\r\n"}[i%2]
		size := sizes[i%len(sizes)]
		switch i % 5 {
		case 3:
			all = append(all, Mixed(i, size, nl))
		case 4:
			all = append(all, Forwarded(i, nl))
		default:
			all = append(all, Plain(i, size, nl))
		}
	}
	return all
}

// Large is one of 20 MB.
func Large(n int) Mail {
	const line = "A line of a large mail, with nothing to say but that it is long.\r\n"
	return Mail(header(n, "\r\n", "Content-Type: text/plain") + "\r\n" +
		strings.Repeat(line, 20000000/len(line)) + "needle-large\r\n")
}

// Sized is a text of exactly so many bytes, with LF or with CRLF: that many are
// sent to a client.
func Sized(n, size int, nl string) Mail {
	head := header(n, "\r\n", "Content-Type: text/plain") + "\r\n"
	all := make([]byte, 0, size)
	all = append(all, head...)
	for i := 0; size-len(all) > 200; i++ {
		all = fmt.Appendf(all, "Line %d: %d and %s\r\n", i, i*i,
			words[i%len(words)])
	}
	all = append(all, strings.Repeat("e", size-len(all)-2)+"\r\n"...)
	return bytes.ReplaceAll(all, []byte("\r\n"), []byte(nl))
}

// WriteMaildir writes a Maildir that Dovecot can import: a mail's guid is its
// file's name, the time it was received the file's.
func WriteMaildir(dir string, all []Mail) error {
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return err
		}
	}
	for i, mail := range all {
		received := time.Unix(1700000000+int64(i)*3601, 0)
		path := filepath.Join(dir, "cur",
			fmt.Sprintf("%d.M%dP1.test:2,", received.Unix(), i))
		if err := os.WriteFile(path, mail, 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(path, received, received); err != nil {
			return err
		}
	}
	return nil
}

// CRLF is what a client is given of a mail.
func (m Mail) CRLF() []byte {
	lf := bytes.ReplaceAll(m, []byte("\r\n"), []byte("\n"))
	return bytes.ReplaceAll(lf, []byte("\n"), []byte("\r\n"))
}
