package main

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"libdbox_aio/go/dbox"
)

// Sizes of the messages, in bytes; small ones are more frequent.
const (
	smallest = 2 << 10
	largest  = 64 << 10
)

// firstDay is when the first message was received.
const firstDay = 1700000000

var people = [...]string{
	"Ada", "Ben", "Chloe", "David", "Elif", "Farid", "Grace", "Hannu",
	"Ines", "Jonas", "Kaisa", "Luis", "Mina", "Noor", "Olga", "Pekka",
}

var words = [...]string{
	"about", "after", "agenda", "and", "archive", "because", "before", "board",
	"budget", "can", "customer", "date", "delivery", "draft", "every", "figures",
	"for", "from", "good", "have", "invoice", "is", "later", "list",
	"look", "meeting", "message", "Monday", "morning", "need", "new", "next",
	"not", "offer", "office", "on", "order", "our", "please", "plan",
	"project", "question", "release", "report", "room", "send", "server", "should",
	"still", "storage", "team", "thank", "that", "the", "time", "to",
	"today", "update", "version", "week", "when", "will", "with", "you",
}

// mails makes one message after another.
type mails struct {
	random *rand.Rand
	number int
}

func newMails(seed uint64) *mails {
	return &mails{random: rand.New(rand.NewPCG(seed, 0))}
}

func (m *mails) next() dbox.Message {
	m.number++
	received := int64(firstDay + m.number*317)
	return dbox.Message{
		Body:         m.body(received),
		ReceivedTime: received,
		GUID:         fmt.Sprintf("%016x%016x", m.random.Uint64(), m.random.Uint64()),
	}
}

func (m *mails) body(received int64) []byte {
	size := int(smallest * math.Pow(largest/smallest, m.random.Float64()))
	from, to := m.person(), m.person()
	body := bytes.NewBuffer(make([]byte, 0, size+80))
	fmt.Fprintf(body, "Return-Path: <%s@example.org>\n", from)
	fmt.Fprintf(body, "Date: %s\n", time.Unix(received, 0).UTC().Format(time.RFC1123Z))
	fmt.Fprintf(body, "From: %s <%s@example.org>\n", from, from)
	fmt.Fprintf(body, "To: %s <%s@example.com>\n", to, to)
	fmt.Fprintf(body, "Subject: %s %s %s\n", m.word(), m.word(), m.word())
	fmt.Fprintf(body, "Message-ID: <%d.%x@example.org>\n", m.number, m.random.Uint64())
	body.WriteString("MIME-Version: 1.0\n")
	body.WriteString("Content-Type: text/plain; charset=utf-8\n\n")
	for body.Len() < size {
		m.line(body)
	}
	return body.Bytes()
}

// line writes a line of a paragraph, or an empty one.
func (m *mails) line(body *bytes.Buffer) {
	end := body.Len() + 50 + m.random.IntN(22)
	for m.random.IntN(9) != 0 && body.Len() < end {
		body.WriteString(m.word())
		body.WriteByte(' ')
	}
	body.WriteByte('\n')
}

func (m *mails) word() string {
	return words[m.random.IntN(len(words))]
}

func (m *mails) person() string {
	return people[m.random.IntN(len(people))]
}
