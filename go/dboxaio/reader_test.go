package dboxaio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"libdbox_aio/go/dbox"
)

// store is an mdbox file of many records.
type store struct {
	path    string
	offsets []int64
	end     int64
}

func body(i int) []byte {
	return fmt.Appendf(nil, "Subject: mail %d\n\n%s\n", i, bytes.Repeat([]byte("x"), i%4000))
}

func newStore(t testing.TB, records int) *store {
	t.Helper()
	s := &store{path: filepath.Join(t.TempDir(), "m.1")}
	var file bytes.Buffer
	w, err := dbox.NewWriter(&file, dbox.FileHeader{CreateTime: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		offset, size, err := w.Append(dbox.Message{Body: body(i), ReceivedTime: int64(i), GUID: fmt.Sprint("guid", i)})
		if err != nil {
			t.Fatal(err)
		}
		s.offsets = append(s.offsets, offset)
		s.end = offset + size
	}
	if err := os.WriteFile(s.path, file.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *store) requests() []Request {
	requests := make([]Request, len(s.offsets))
	for i, offset := range s.offsets {
		requests[i] = Request{Path: s.path, Offset: offset}
	}
	return requests
}

// damage overwrites the magic of a record.
func (s *store) damage(t *testing.T, i int) {
	t.Helper()
	f, err := os.OpenFile(s.path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("xx"), s.offsets[i]); err != nil {
		t.Fatal(err)
	}
}

// each runs a test with each backend, and looks whether anything is left over.
func each(t *testing.T, opts Options, test func(t *testing.T, r *Reader)) {
	for _, backend := range []Backend{Uring, Threads} {
		t.Run(backend.String(), func(t *testing.T) {
			before := descriptors(t)
			opts.Backend = backend
			r, err := New(&opts)
			if err != nil && backend == Uring {
				t.Skip(err)
			}
			if err != nil {
				t.Fatal(err)
			}
			test(t, r)
			if err := r.Close(); err != nil {
				t.Fatal(err)
			}
			// Workers close what they have when they end.
			waitFor(t, "descriptors to be closed", func() bool { return descriptors(t) <= before })
		})
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("waited in vain for %s", what)
}

// idle waits until nothing is pending.
func (r *Reader) idle(t *testing.T) {
	t.Helper()
	waitFor(t, "requests to end", func() bool {
		stats, err := r.Stats()
		if err != nil {
			t.Fatal(err)
		}
		return stats.Pending == 0
	})
}

func checkMessage(t *testing.T, s *store, i int, m *Message) {
	t.Helper()
	received, err := m.Received()
	if err != nil || received.Unix() != int64(i) || m.GUID() != fmt.Sprint("guid", i) {
		t.Errorf("record %d: received %v (%v), guid %q", i, received, err, m.GUID())
	}
	if m.Offset != s.offsets[i] || !bytes.Equal(m.Body, body(i)) || m.BodySize != int64(len(m.Body)) {
		t.Errorf("record %d: offset %d, %d bytes of body", i, m.Offset, len(m.Body))
	}
}

// A batch that is larger than the window gives each request one result.
func TestBatch(t *testing.T) {
	s := newStore(t, 2000)
	requests := s.requests()
	requests[7].Path += ".missing"
	requests[8].Path = ""
	requests[9].Offset++
	each(t, Options{}, func(t *testing.T, r *Reader) {
		seen := make([]int, len(requests))
		for i, result := range r.Batch(context.Background(), requests) {
			seen[i]++
			want := map[int]error{7: fs.ErrNotExist, 8: syscall.EINVAL, 9: ErrCorrupt}[i]
			if !errors.Is(result.Err, want) || (want == nil) != (result.Message != nil) {
				t.Errorf("record %d: %v", i, result.Err)
			}
			if result.Message != nil {
				checkMessage(t, s, i, result.Message)
			}
		}
		for i, n := range seen {
			if n != 1 {
				t.Fatalf("record %d: %d results", i, n)
			}
		}
		stats, err := r.Stats()
		if err != nil || stats.MergedReads < 1000 || stats.Opens > 40 {
			t.Errorf("neighbours were not read together: %+v, %v", stats, err)
		}
	})
}

// What is asked for is all that comes.
func TestParts(t *testing.T) {
	s := newStore(t, 30)
	each(t, Options{}, func(t *testing.T, r *Reader) {
		read := func(q Request) *Message {
			q.Path, q.Offset = s.path, s.offsets[20]
			m, err := r.Read(context.Background(), q)
			if err != nil {
				t.Fatal(err)
			}
			return m
		}
		if m := read(Request{HeadersOnly: true}); string(m.Body) != "Subject: mail 20\n\n" {
			t.Errorf("headers: %q", m.Body)
		}
		if m := read(Request{BodyOffset: 9, BodyLimit: 4}); string(m.Body) != "mail" {
			t.Errorf("window: %q", m.Body)
		}
		if m := read(Request{NoBody: true}); m.Body != nil || m.GUID() != "guid20" || m.BodySize != int64(len(body(20))) {
			t.Errorf("no body: %+v", m)
		}
		if m := read(Request{NoMetadata: true}); len(m.Metadata) != 0 || m.RecordSize != 0 || len(m.Body) == 0 {
			t.Errorf("no metadata: %+v", m)
		}
		if _, err := r.Read(context.Background(), Request{Path: s.path + "x", AltPath: s.path}); err != nil {
			t.Errorf("alternative path: %v", err)
		}
	})
}

// A consumer that is slow stops a scan, which then goes on where it was.
func TestScan(t *testing.T) {
	s := newStore(t, 1500)
	broken := map[int]bool{0: true, 63: true, 64: true, 700: true, 702: true, 1499: true}
	for i := range broken {
		s.damage(t, i)
	}
	// One report for each gap: 63 and 64 are one.
	const gaps = 5
	each(t, Options{}, func(t *testing.T, r *Reader) {
		var got []int64
		errs := 0
		for m, err := range r.Scan(context.Background(), Request{Path: s.path}, true) {
			if err != nil {
				var e *Error
				if !errors.As(err, &e) || !errors.Is(err, ErrCorrupt) || e.Path != s.path {
					t.Fatal(err)
				}
				errs++
				continue
			}
			got = append(got, m.Offset)
			if len(got)%100 == 0 {
				time.Sleep(5 * time.Millisecond) // the loop runs ahead
			}
		}
		want := 0
		for i, offset := range s.offsets {
			if broken[i] {
				continue
			}
			if want >= len(got) || got[want] != offset {
				t.Fatalf("record %d did not come in its place", i)
			}
			want++
		}
		if want != len(got) || errs != gaps {
			t.Errorf("%d records instead of %d, %d errors instead of %d", len(got), want, errs, gaps)
		}
		// Without resync the first broken one is the end.
		n, last := 0, error(nil)
		for _, err := range r.Scan(context.Background(), Request{Path: s.path, Offset: s.offsets[1]}, false) {
			n, last = n+1, err
		}
		if n != 63 || !errors.Is(last, ErrCorrupt) {
			t.Errorf("%d records, then %v", n, last)
		}
		for _, err := range r.Scan(context.Background(), Request{Path: s.path + "x"}, true) {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Error(err)
			}
		}
		r.idle(t)
	})
}

// What the loop has found and nobody took is bounded.
func TestScanIsBounded(t *testing.T) {
	s := newStore(t, 3000)
	each(t, Options{}, func(t *testing.T, r *Reader) {
		sc := &scan{call: r.newCall()}
		if err := sc.begin(Request{Path: s.path}, false); err != nil {
			t.Fatal(err)
		}
		r.idle(t)
		if n := len(sc.arrivals.items); n < scanQueue || n > scanQueue+2*dispatchMax {
			t.Errorf("%d records wait", n)
		}
		sc.end()
	})
}

func TestContext(t *testing.T) {
	s := newStore(t, 2000)
	reason := errors.New("the client has gone")
	each(t, Options{}, func(t *testing.T, r *Reader) {
		ctx, cancel := context.WithCancelCause(context.Background())
		defer cancel(nil)
		seen := make([]int, len(s.offsets))
		cancelled := 0
		for i, result := range r.Batch(ctx, s.requests()) {
			seen[i]++
			cancel(reason)
			if errors.Is(result.Err, reason) {
				cancelled++
			} else if result.Err != nil {
				t.Fatal(result.Err)
			}
		}
		for i, n := range seen {
			if n != 1 {
				t.Fatalf("request %d: %d results", i, n)
			}
		}
		if cancelled < len(s.offsets)-2*window {
			t.Errorf("only %d were cancelled", cancelled)
		}
		if _, err := r.Read(ctx, Request{Path: s.path}); !errors.Is(err, reason) {
			t.Errorf("read: %v", err)
		}
		for _, err := range r.Scan(ctx, Request{Path: s.path}, false) {
			if err != nil && !errors.Is(err, reason) {
				t.Errorf("scan: %v", err)
			}
		}
		// Leaving a loop.
		for range r.Batch(context.Background(), s.requests()) {
			break
		}
		for range r.Scan(context.Background(), Request{Path: s.path}, false) {
			break
		}
		r.idle(t)
		stats, err := r.Stats()
		if err != nil || stats.Pending != 0 {
			t.Errorf("%+v, %v", stats, err)
		}
	})
}

// Calls of many goroutines at once, more than there is room for.
func TestConcurrent(t *testing.T) {
	s := newStore(t, 1000)
	each(t, Options{MaxBytes: 4 << 20}, func(t *testing.T, r *Reader) {
		if err := r.loop.do(func() { r.loop.room = window + 100 }); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 8 {
			wg.Add(2)
			go func() {
				defer wg.Done()
				n := 0
				for i, result := range r.Batch(context.Background(), s.requests()) {
					if result.Err != nil {
						t.Error(result.Err)
						return
					}
					checkMessage(t, s, i, result.Message)
					n++
				}
				if n != 1000 {
					t.Errorf("%d results", n)
				}
			}()
			go func() {
				defer wg.Done()
				n := 0
				for m, err := range r.Scan(context.Background(), Request{Path: s.path}, false) {
					if err != nil {
						t.Error(err)
						return
					}
					checkMessage(t, s, n, m)
					n++
				}
				if n != 1000 {
					t.Errorf("%d records", n)
				}
			}()
		}
		wg.Wait()
	})
}

func TestClose(t *testing.T) {
	s := newStore(t, 1000)
	each(t, Options{}, func(t *testing.T, r *Reader) {
		n, closed := 0, 0
		for _, result := range r.Batch(context.Background(), s.requests()) {
			if n == 0 {
				_ = r.Close()
			}
			n++
			if errors.Is(result.Err, ErrClosed) {
				closed++
			} else if result.Err != nil {
				t.Error(result.Err)
			}
		}
		if n != 1000 || closed < 1000-window {
			t.Errorf("%d results, %d of them closed", n, closed)
		}
		if _, err := r.Read(context.Background(), Request{Path: s.path}); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
		for _, err := range r.Scan(context.Background(), Request{Path: s.path}, false) {
			if !errors.Is(err, ErrClosed) {
				t.Error(err)
			}
		}
		if _, err := r.Stats(); !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	})
}

func TestOptions(t *testing.T) {
	s := newStore(t, 300)
	if _, err := New(&Options{Backend: 7}); err == nil {
		t.Error("a backend that there is not")
	}
	// The least of everything still works; too large is told.
	each(t, Options{QueueDepth: 1, MaxWorkers: 1, MaxBytes: 1, MaxMessageSize: 200}, func(t *testing.T, r *Reader) {
		for i, result := range r.Batch(context.Background(), s.requests()) {
			want := error(nil)
			if len(body(i)) > 200-dbox.MessageHeaderSize {
				want = ErrTooBig
			}
			if !errors.Is(result.Err, want) {
				t.Fatalf("record %d: %v", i, result.Err)
			}
		}
	})
}

// A panic inside ends the reader, and no more.
func TestPanic(t *testing.T) {
	s := newStore(t, 1000)
	r, err := New(&Options{Backend: Threads})
	if err != nil {
		t.Fatal(err)
	}
	failed := 0
	for i, result := range r.Batch(context.Background(), s.requests()) {
		if i == 0 || failed == 0 {
			r.loop.post(func(ok bool) {
				if ok {
					panic("asked for by a test")
				}
			})
		}
		if errors.Is(result.Err, ErrInternal) {
			failed++
		} else if result.Err != nil {
			t.Fatal(result.Err)
		}
	}
	if failed < 1000-2*window {
		t.Errorf("%d failed", failed)
	}
	if _, err := r.Stats(); !errors.Is(err, ErrInternal) {
		t.Error(err)
	}
	_ = r.Close()
}
