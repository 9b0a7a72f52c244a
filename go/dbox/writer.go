package dbox

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Line is one line of metadata.
type Line struct {
	Key   byte
	Value string // without a line end
}

// Message is what Writer.Append writes as a record. Metadata is written in
// the order of the fields, which is that of dbox_save_write_metadata() in
// Dovecot's dbox-save.c; a zero field is left out unless it says otherwise.
type Message struct {
	Body []byte // as it is to lie on disk

	// Compressed says that Body is not the plain text itself. Then the sizes
	// of the plain text have to be given, and 0 means an empty text.
	Compressed bool

	PlaintextSize   uint64 // Z, in bytes; written only if Compressed
	ReceivedTime    int64  // R, in Unix seconds; never left out
	VirtualSize     uint64 // V, in bytes; unless Compressed, 0 stands for that of Body
	POP3UIDL        string // P
	POP3Order       uint32 // O
	GUID            string // G
	OriginalMailbox string // B
	External        string // X

	// More lines, behind the others.
	Lines []Line

	// Padding is the number of spaces in the line that ends the metadata.
	// Only version 1 had it.
	Padding int
}

// Writer writes a dbox file from its start to its end. It does not buffer:
// a record is three writes.
type Writer struct {
	out        io.Writer
	headerSize uint32
	offset     int64
	scratch    []byte
	err        error
}

// NewWriter writes a file header to out. A header.Version of 0 stands for
// Version, a header.MessageHeaderSize of 0 for MessageHeaderSize; header.Size is
// not looked at.
func NewWriter(out io.Writer, header FileHeader) (*Writer, error) {
	if header.Version == 0 {
		header.Version = Version
	}
	if header.MessageHeaderSize == 0 {
		header.MessageHeaderSize = MessageHeaderSize
	}
	if header.Version != Version && header.Version != VersionOld {
		return nil, RuleVersionUnknown
	}
	if header.MessageHeaderSize < MessageHeaderSize {
		return nil, RuleMessageHeaderSizeTooSmall
	}
	if header.MessageHeaderSize > MaxMessageHeaderSize {
		return nil, RuleMessageHeaderSizeTooLarge
	}
	w := &Writer{out: out, headerSize: header.MessageHeaderSize}
	w.scratch = fmt.Appendf(w.scratch, "%d %c%x %c%x\n", header.Version,
		HeaderMessageHeaderSize, header.MessageHeaderSize,
		HeaderCreateTime, uint64(header.CreateTime))
	w.write(w.scratch)
	if w.err != nil {
		return nil, w.err
	}
	return w, nil
}

// Append writes a record and returns its offset in the file and its size, in
// bytes: what the map of an mdbox has of it. After a failed write nothing
// more can be written; a message that breaks the format is refused unwritten.
func (w *Writer) Append(m Message) (offset, size int64, err error) {
	if w.err != nil {
		return 0, 0, w.err
	}
	offset = w.offset
	w.scratch = appendMessageHeader(w.scratch[:0], w.headerSize, uint64(len(m.Body)))
	headerEnd := len(w.scratch)
	w.scratch, err = appendMetadata(w.scratch, m)
	if err != nil {
		return 0, 0, err
	}
	w.write(w.scratch[:headerEnd])
	w.write(m.Body)
	w.write(w.scratch[headerEnd:])
	return offset, w.offset - offset, w.err
}

// Preallocate writes n zero bytes: space that no record has used yet. The next
// record would lie behind them, where a reader does not look for it.
func (w *Writer) Preallocate(n int64) error {
	var zeros [4096]byte
	for n > 0 && w.err == nil {
		piece := min(n, int64(len(zeros)))
		w.write(zeros[:piece])
		n -= piece
	}
	return w.err
}

// Offset returns the number of bytes written so far.
func (w *Writer) Offset() int64 {
	return w.offset
}

func (w *Writer) write(b []byte) {
	if w.err != nil {
		return
	}
	n, err := w.out.Write(b)
	w.offset += int64(n)
	w.err = err
}

// appendMessageHeader appends what dbox_msg_header_fill() in Dovecot's
// dbox-file.c fills in.
func appendMessageHeader(b []byte, headerSize uint32, bodySize uint64) []byte {
	b = fmt.Appendf(b, "%s%c%10s%016X", MessageMagic, MessageTypeNormal, "", bodySize)
	for range headerSize - MessageHeaderSize {
		b = append(b, ' ')
	}
	return append(b, '\n')
}

var errLine = errors.New("dbox: metadata line that a reader would see as something else")

func appendMetadata(b []byte, m Message) ([]byte, error) {
	hex := func(n uint64) string {
		return strconv.FormatUint(n, 16)
	}
	if m.VirtualSize == 0 && !m.Compressed {
		m.VirtualSize = VirtualSize(m.Body)
	}
	standard := [...]struct {
		Line
		written bool
	}{
		{Line{KeyPlaintextSize, hex(m.PlaintextSize)}, m.Compressed},
		{Line{KeyReceivedTime, hex(uint64(m.ReceivedTime))}, true},
		{Line{KeyVirtualSize, hex(m.VirtualSize)}, true},
		{Line{KeyPOP3UIDL, m.POP3UIDL}, m.POP3UIDL != ""},
		{Line{KeyPOP3Order, strconv.FormatUint(uint64(m.POP3Order), 10)}, m.POP3Order != 0},
		{Line{KeyGUID, m.GUID}, m.GUID != ""},
		{Line{KeyOriginalMailbox, m.OriginalMailbox}, m.OriginalMailbox != ""},
		{Line{KeyExternal, m.External}, m.External != ""},
	}

	b = append(b, MetadataMagic...)
	var err error
	for _, line := range standard {
		if line.written && err == nil {
			b, err = appendLine(b, line.Line)
		}
	}
	for _, line := range m.Lines {
		if err == nil {
			b, err = appendLine(b, line)
		}
	}
	for range m.Padding {
		b = append(b, ' ')
	}
	return append(b, '\n'), err
}

func appendLine(b []byte, line Line) ([]byte, error) {
	switch line.Key {
	case 0, KeyOldSpace, '\r', '\n':
		return b, errLine
	}
	if strings.ContainsAny(line.Value, "\x00\n") || strings.HasSuffix(line.Value, "\r") {
		return b, errLine
	}
	b = append(b, line.Key)
	b = append(b, line.Value...)
	return append(b, '\n'), nil
}

// VirtualSize returns the size of body in bytes with each line end counted as
// CRLF, whether it is LF or CRLF, as message_get_body_size() in Dovecot does.
func VirtualSize(body []byte) uint64 {
	size := uint64(len(body))
	for i, c := range body {
		if c == '\n' && (i == 0 || body[i-1] != '\r') {
			size++
		}
	}
	return size
}
