// Package dboxaio reads Dovecot's mail files, sdbox and mdbox, many at once:
// by io_uring where it is to be had, by a bounded pool of goroutines where it
// is not. It is the engine of the C library libdbox_aio for Go programs, and
// needs no cgo.
//
//	r, err := dboxaio.New(nil)
//	if err != nil {
//		return err
//	}
//	defer r.Close()
//	for i, result := range r.Batch(ctx, requests) {
//		if result.Err != nil {
//			log.Printf("%s: %v", requests[i].Path, result.Err)
//			continue
//		}
//		use(result.Message.Body)
//	}
//
// A [Reader] has one goroutine, on a thread of its own, which gives requests
// to the kernel and takes what has come; its methods can be called from all
// goroutines. The calls share what storage can do fairly: each takes its turn,
// however many requests another one has. What a slow consumer has not taken
// yet is bounded: its requests wait until it goes on.
//
// Messages are copies: they are the caller's, and the Reader's memory is bounded
// by [Options].MaxBytes whatever becomes of them.
//
// Which file and offset a message is at, Dovecot's indexes know; this package
// does not read them. A message that was compressed is given as it lies on
// disk, and parts that lie in other files (see [Message.External]) are not
// put in.
//
// The module's name is libdbox_aio: in a checkout of it, or with a replace
// directive in go.mod that leads there, the import path is
// "libdbox_aio/go/dboxaio". Linux only.
package dboxaio
