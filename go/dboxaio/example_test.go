package dboxaio_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"

	"libdbox_aio/go/dbox"
	"libdbox_aio/go/dboxaio"
)

// sample makes an mdbox file of three messages, and returns where they are.
func sample() (path string, offsets []int64, remove func()) {
	dir, err := os.MkdirTemp("", "dboxaio")
	if err != nil {
		log.Fatal(err)
	}
	path = filepath.Join(dir, "m.1")
	f, err := os.Create(path)
	if err != nil {
		log.Fatal(err)
	}
	w, err := dbox.NewWriter(f, dbox.FileHeader{CreateTime: 1700000000})
	if err != nil {
		log.Fatal(err)
	}
	for i := range 3 {
		offset, _, err := w.Append(dbox.Message{
			Body:         fmt.Appendf(nil, "Subject: mail %d\n\nHello\n", i),
			ReceivedTime: 1700000000 + int64(i),
			GUID:         fmt.Sprintf("guid-%d", i),
		})
		if err != nil {
			log.Fatal(err)
		}
		offsets = append(offsets, offset)
	}
	if err := f.Close(); err != nil {
		log.Fatal(err)
	}
	return path, offsets, func() { os.RemoveAll(dir) }
}

func ExampleReader_Read() {
	path, offsets, remove := sample()
	defer remove()

	r, err := dboxaio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	m, err := r.Read(context.Background(), dboxaio.Request{Path: path, Offset: offsets[1]})
	if err != nil {
		log.Fatal(err)
	}
	received, err := m.Received()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %s\n%s", m.GUID(), received.UTC(), m.Body)
	// Output:
	// guid-1 2023-11-14 22:13:21 +0000 UTC
	// Subject: mail 1
	//
	// Hello
}

func ExampleReader_Batch() {
	path, offsets, remove := sample()
	defer remove()

	r, err := dboxaio.New(&dboxaio.Options{MaxBytes: 64 << 20})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	requests := []dboxaio.Request{{Path: path + ".missing"}}
	for _, offset := range offsets {
		requests = append(requests, dboxaio.Request{Path: path, Offset: offset, HeadersOnly: true})
	}
	headers := make([]string, len(requests))
	for i, result := range r.Batch(context.Background(), requests) {
		switch {
		case errors.Is(result.Err, fs.ErrNotExist):
			headers[i] = "purged, or moved\n"
		case result.Err != nil:
			log.Fatal(result.Err)
		default:
			headers[i] = string(result.Message.Body)
		}
	}
	fmt.Print(headers)
	// Output:
	// [purged, or moved
	//  Subject: mail 0
	//
	//  Subject: mail 1
	//
	//  Subject: mail 2
	//
	// ]
}

func ExampleReader_Scan() {
	path, offsets, remove := sample()
	defer remove()
	data, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	data[offsets[1]] = 'x'
	if err := os.WriteFile(path, data, 0o644); err != nil {
		log.Fatal(err)
	}

	r, err := dboxaio.New(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	request := dboxaio.Request{Path: path, NoBody: true}
	for m, err := range r.Scan(context.Background(), request, true) {
		var broken *dboxaio.Error
		switch {
		case errors.As(err, &broken):
			fmt.Printf("%d: %s\n", broken.RecordOffset, broken.Detail)
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Printf("%d: %s\n", m.Offset, m.GUID())
		}
	}
	// Output:
	// 16: guid-0
	// 96: message header does not begin with 01 02
	// 176: guid-2
}
