package mem

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAtTheLimitOfMappings: a process that may have no more mappings
// (vm.max_map_count) can't split one by unmapping its middle, either.
func TestAtTheLimitOfMappings(t *testing.T) {
	if os.Getenv("AT_THE_LIMIT") == "" {
		// In a process of its own: Go's runtime wants mappings, too.
		cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		cmd.Env = append(os.Environ(), "AT_THE_LIMIT=1", "GOGC=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	const blocks, size = 9, 3 << 19
	p, err := NewPool(64<<20, int32(os.Getpid()), -1)
	if err != nil {
		t.Fatal(err)
	}
	var at [blocks]uintptr
	for i := range at {
		if at[i], err = p.Alloc(size); err != nil {
			t.Fatal(err)
		}
	}
	small, err := p.Alloc(100)
	if err != nil {
		t.Fatal(err)
	}
	end := useUpMappings(t)
	for i := 1; i < blocks; i += 2 {
		p.Unref(at[i])
	}
	_, refused := p.Alloc(700) // a slab of another class
	end()
	if refused != nil && refused != ErrNoMemory {
		t.Error(refused)
	}
	for i := 0; i < blocks; i += 2 {
		p.Unref(at[i])
	}
	p.Unref(small)
	if _, err := p.Alloc(size); err != nil {
		t.Errorf("with mappings to be had again: %v", err)
	}
}

// useUpMappings takes all mappings that are left; what it returns gives them
// back.
func useUpMappings(t *testing.T) (end func()) {
	const most = 1 << 18
	at, err := mmap(most * pageSize)
	if err != nil {
		t.Skip(err)
	}
	for i := uintptr(1); i < most; i += 2 {
		// a page with another protection cuts its mapping into three
		if _, _, errno := unix.RawSyscall(unix.SYS_MPROTECT, at+i*pageSize, pageSize, unix.PROT_NONE); errno == unix.ENOMEM {
			return func() { munmap(at, most*pageSize) }
		} else if errno != 0 {
			t.Fatal(errno)
		}
	}
	munmap(at, most*pageSize)
	t.Skip("more mappings than this test can use up")
	return nil
}
