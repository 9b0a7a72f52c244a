package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"libdbox_aio/go/dbox"
)

// mailFile is a file that Dovecot wrote: "2 M1e C<8 digits>" and its records.
type mailFile struct {
	data    []byte
	records []int // where they begin
}

func readMailFile(path string) (*mailFile, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := &mailFile{data: data}
	for at := 0; ; {
		i := bytes.Index(data[at:], []byte("\x01\x02N "))
		if i < 0 {
			break
		}
		f.records = append(f.records, at+i)
		at += i + 1
	}
	if len(f.records) < 3 || !bytes.HasPrefix(data, []byte("2 M1e C")) {
		return nil, errors.New(path + " is not what this test is about")
	}
	return f, nil
}

// body and metadata return where those of a record begin.
func (f *mailFile) body(i int) int { return f.records[i] + dbox.MessageHeaderSize }

func (f *mailFile) metadata(i int) int {
	digits := f.data[f.records[i]+13:][:16]
	size, err := strconv.ParseInt(string(digits), 16, 64)
	if err != nil {
		panic(err)
	}
	return f.body(i) + int(size)
}

// header returns the file with another header line.
func (f *mailFile) header(line string) []byte {
	rest := f.data[f.records[0]:]
	return append([]byte(line), rest...)
}

// with returns the file with other bytes at off.
func (f *mailFile) with(off int, s string) []byte {
	copy(f.data[off:], s)
	return f.data
}

// damaged is a file that breaks a rule, and what must be said about it.
type damaged struct {
	data   []byte
	record int64 // where the broken record begins
	at     int64 // the byte, or the field of the file header, that breaks it
	left   int   // records that are whole
}

type way struct {
	name   string
	rule   dbox.Rule
	damage func(f *mailFile) damaged
}

// fileHeader is a file of which nothing can be read, as its header is broken
// at a byte.
func fileHeader(data []byte, at int) damaged {
	return damaged{data: data, at: int64(at)}
}

// second is a file whose second record is broken, and no other.
func (f *mailFile) second(data []byte, at int) damaged {
	return damaged{data, int64(f.records[1]), int64(at), len(f.records) - 1}
}

// cut is a file that ends inside its second record.
func (f *mailFile) cut(end int) damaged {
	return damaged{f.data[:end], int64(f.records[1]), int64(end), 1}
}

var ways = []way{
	{"version-missing", dbox.RuleVersionMissing, func(f *mailFile) damaged {
		return fileHeader(f.with(0, "x"), 0)
	}},
	{"version-unknown", dbox.RuleVersionUnknown, func(f *mailFile) damaged {
		return fileHeader(f.with(0, "3"), 0)
	}},
	{"file-header-truncated", dbox.RuleFileHeaderTruncated, func(f *mailFile) damaged {
		return fileHeader(f.data[:5], 5)
	}},
	{"file-empty", dbox.RuleFileHeaderTruncated, func(f *mailFile) damaged {
		return fileHeader(nil, 0)
	}},
	{"file-header-too-long", dbox.RuleFileHeaderTooLong, func(f *mailFile) damaged {
		return fileHeader(f.header("2 M1e X"+string(bytes.Repeat([]byte("x"), 9000))+"\n"), dbox.MaxFileHeaderSize)
	}},
	{"message-header-size-missing", dbox.RuleMessageHeaderSizeMissing, func(f *mailFile) damaged {
		return fileHeader(f.with(2, "Q"), 0)
	}},
	{"message-header-size-invalid", dbox.RuleMessageHeaderSizeInvalid, func(f *mailFile) damaged {
		return fileHeader(f.with(3, "zz"), 2)
	}},
	{"message-header-size-zero", dbox.RuleMessageHeaderSizeZero, func(f *mailFile) damaged {
		return fileHeader(f.with(3, "00"), 2)
	}},
	{"message-header-size-too-small", dbox.RuleMessageHeaderSizeTooSmall, func(f *mailFile) damaged {
		return fileHeader(f.with(3, "1d"), 2)
	}},
	{"message-header-size-too-large", dbox.RuleMessageHeaderSizeTooLarge, func(f *mailFile) damaged {
		return fileHeader(f.header("2 M2001 C6b04150d\n"), 2)
	}},
	{"create-time-invalid", dbox.RuleCreateTimeInvalid, func(f *mailFile) damaged {
		return fileHeader(f.with(7, "zz"), 6)
	}},

	{"message-header-truncated", dbox.RuleMessageHeaderTruncated, func(f *mailFile) damaged {
		return f.cut(f.records[1] + 20)
	}},
	{"message-header-unwritten", dbox.RuleMessageHeaderUnwritten, func(f *mailFile) damaged {
		r := f.records[1]
		return f.second(f.with(r, string(make([]byte, dbox.MessageHeaderSize))), r)
	}},
	{"message-magic", dbox.RuleMessageMagic, func(f *mailFile) damaged {
		r := f.records[1]
		return f.second(f.with(r+1, "\x03"), r+1)
	}},
	{"message-header-end", dbox.RuleMessageHeaderEnd, func(f *mailFile) damaged {
		end := f.body(1) - 1
		return f.second(f.with(end, " "), end)
	}},
	{"body-size-invalid", dbox.RuleBodySizeInvalid, func(f *mailFile) damaged {
		digits := f.records[1] + 13
		return f.second(f.with(digits, "zzzzzzzzzzzzzzzz"), digits)
	}},
	{"body-size-too-large", dbox.RuleBodySizeTooLarge, func(f *mailFile) damaged {
		digits := f.records[1] + 13
		return f.second(f.with(digits, "ffffffffffffffff"), digits)
	}},
	{"body-size-behind-file", dbox.RuleBodyTruncated, func(f *mailFile) damaged {
		digits := f.records[1] + 13
		return f.second(f.with(digits, "00000000ffffffff"), len(f.data))
	}},
	{"body-size-wrong", dbox.RuleMetadataMagic, func(f *mailFile) damaged {
		// the body's last byte is the LF that the magic begins with
		at := f.metadata(1) - 1
		digits := fmt.Sprintf("%016X", at-f.body(1))
		return f.second(f.with(f.records[1]+13, digits), at+1)
	}},
	{"body-truncated", dbox.RuleBodyTruncated, func(f *mailFile) damaged {
		return f.cut(f.metadata(1) - 10)
	}},

	{"metadata-missing", dbox.RuleMetadataTruncated, func(f *mailFile) damaged {
		return f.cut(f.metadata(1))
	}},
	{"metadata-truncated", dbox.RuleMetadataTruncated, func(f *mailFile) damaged {
		return f.cut(f.records[2] - 1)
	}},
	{"metadata-magic", dbox.RuleMetadataMagic, func(f *mailFile) damaged {
		m := f.metadata(1)
		return f.second(f.with(m+2, "\x02"), m+2)
	}},
	{"metadata-too-long", dbox.RuleMetadataTooLong, func(f *mailFile) damaged {
		// a line that is longer than metadata may be, before the empty one
		m, end := f.metadata(1), f.records[2]-1
		rest := bytes.Clone(f.data[end:])
		data := append(f.data[:end], 'Y')
		data = append(data, bytes.Repeat([]byte("y"), dbox.MaxMetadataSize)...)
		data = append(data, '\n')
		return f.second(append(data, rest...), m+dbox.MaxMetadataSize)
	}},
	{"metadata-unended", dbox.RuleMetadataUnended, func(f *mailFile) damaged {
		end := f.records[2] - 1
		rest := bytes.Clone(f.data[end+1:])
		return f.second(append(f.data[:end], rest...), end)
	}},
	{"metadata-end-overwritten", dbox.RuleMetadataUnended, func(f *mailFile) damaged {
		return f.second(f.with(f.records[2]-1, "x"), f.records[2])
	}},
}
