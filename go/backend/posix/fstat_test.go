package posix

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"libdbox_aio/go/backend"
)

func TestBothWaysToAttributesAgree(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("twelve bytes"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(name, name+".2"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{name, filepath.Dir(name), "/dev/null", "/proc/self/status"} {
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var calls Calls
		var now, old backend.Attr
		fd := int32(file.Fd())
		if errno := calls.Attr(fd, &now); errno != 0 {
			t.Fatal(errno)
		}
		if errno := attrOld(fd, &old); errno != 0 {
			t.Fatal(errno)
		}
		if now != old {
			t.Errorf("%s:\nstatx %+v\nfstat %+v", path, now, old)
		}
		_ = file.Close()
	}
	var a backend.Attr
	if errno := attrOld(1<<30, &a); errno != unix.EBADF {
		t.Errorf("no descriptor: %v", errno)
	}
	if id := mountOf(1 << 30); id != 0 {
		t.Errorf("no descriptor lies on mount %d", id)
	}
}
