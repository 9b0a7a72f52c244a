package mounts

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// idOf asks the kernel on which mount a path lies.
func idOf(t *testing.T, path string) uint64 {
	t.Helper()
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, 0, unix.STATX_BASIC_STATS|unix.STATX_MNT_ID, &st)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mask&unix.STATX_MNT_ID == 0 {
		t.Skip("the kernel does not tell mount ids (before 5.8)")
	}
	return st.Mnt_id
}

func TestTheKernelAgrees(t *testing.T) {
	table := New()
	defer table.Close()
	agreed := 0
	for _, dir := range []string{"/", "/proc", "/sys", "/dev", "/dev/shm", "/dev/pts", "/tmp", "/run", t.TempDir()} {
		real, err := filepath.EvalSymlinks(dir)
		if err != nil || real != dir {
			continue
		}
		i, _ := table.Path([]byte(filepath.Join(dir, "file")))
		if id := idOf(t, dir); table.At(i).ID != id {
			t.Errorf("%s: mount %d, the kernel says %d", dir, table.At(i).ID, id)
		} else if !table.Verify(i, id) {
			t.Errorf("%s: refused", dir)
		}
		agreed++
	}
	if agreed == 0 {
		t.Error("nothing was compared")
	}
}

func TestMismatchesEndTheTrust(t *testing.T) {
	table := New()
	defer table.Close()
	i, _ := table.Path([]byte("/file"))
	if i == Unknown {
		t.Skip("the root is no mount here")
	}
	for n := range maxMisses {
		if got, _ := table.Path([]byte("/file")); got != i {
			t.Fatalf("distrust after %d mismatches", n)
		}
		if table.Verify(i, 1<<40) {
			t.Fatal("a wrong mount was accepted")
		}
	}
	if got, local := table.Path([]byte("/file")); got != Unknown || local {
		t.Errorf("mount %d, local %v after %d mismatches", got, local, maxMisses)
	}
	if !table.Verify(i, table.At(i).ID) {
		t.Error("the right mount is refused")
	}
}

func TestCloseLeavesNoDescriptor(t *testing.T) {
	table := New()
	fd := table.fd
	table.Close()
	table.Close()
	if fd >= 0 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
			t.Errorf("the descriptor is still open: %v", err)
		}
	}
}

// own is set in the process that has a mount namespace of its own.
const own = "MOUNTS_TEST_NAMESPACE"

// TestMountsThatChange runs itself again in a mount namespace of its own.
func TestMountsThatChange(t *testing.T) {
	if os.Getenv(own) != "" {
		mountsThatChange(t)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestMountsThatChange$", "-test.v")
	cmd.Env = append(os.Environ(), own+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skip("a mount namespace needs root")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func mountsThatChange(t *testing.T) {
	dir := t.TempDir()
	lower := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(lower, 0o700); err != nil {
		t.Fatal(err)
	}
	table := New()
	defer table.Close()
	now := int64(0)
	// check compares what the table says of a directory with the kernel.
	check := func(dir string) uint64 {
		t.Helper()
		now += refreshEvery
		table.Refresh(now)
		id := idOf(t, dir)
		i, _ := table.Path([]byte(dir + "/file"))
		if table.At(i).ID != id {
			t.Fatalf("%s: mount %d, the kernel says %d", dir, table.At(i).ID, id)
		}
		return id
	}
	change := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	before := check(lower)
	change(unix.Mount("none", lower, "tmpfs", 0, ""))
	i, _ := table.Path([]byte(lower + "/file"))
	if table.At(i).ID != before {
		t.Error("the table changed without a Refresh")
	}
	onLower := check(lower)
	if i, local := table.Path([]byte(lower + "/file")); !local || table.At(i).Type != "tmpfs" {
		t.Errorf("a tmpfs is %+v", table.At(i))
	}
	change(unix.Mount("none", lower, "tmpfs", 0, "")) // on top of it
	if check(lower) == onLower {
		t.Error("the mount on top is not another one")
	}
	change(unix.Unmount(lower, 0))
	check(lower)
	change(unix.Mount("none", filepath.Dir(lower), "tmpfs", 0, "")) // above it
	change(os.Mkdir(lower, 0o700))
	if check(lower) == onLower {
		t.Error("a hidden mount is seen")
	}
	change(unix.Unmount(filepath.Dir(lower), 0))
	if check(lower) != onLower {
		t.Error("the mount that was hidden is not seen again")
	}
	change(unix.Mount(dir, filepath.Join(dir, "a"), "", unix.MS_BIND, "")) // a bind mount
	check(filepath.Join(dir, "a"))
	change(unix.Unmount(filepath.Join(dir, "a"), 0))
	change(unix.Unmount(lower, 0))
	if check(lower) != before {
		t.Error("what was unmounted is still seen")
	}
}
