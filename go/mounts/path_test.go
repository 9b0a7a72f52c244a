package mounts

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// table makes a Table of a file that looks like mountinfo; lines can be
// replaced by write.
func table(t *testing.T, lines ...string) *Table {
	t.Helper()
	name := filepath.Join(t.TempDir(), "mountinfo")
	write(t, name, lines...)
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	table := &Table{mounts: []Mount{{Type: "unknown"}}, byID: map[uint64]int32{}, fd: fd, trusted: true}
	t.Cleanup(table.Close)
	table.load()
	return table
}

func write(t *testing.T, name string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantPath compares the mount's id, 0 being the unknown one.
func wantPath(t *testing.T, table *Table, path string, id uint64, local bool) {
	t.Helper()
	i, gotLocal := table.Path([]byte(path))
	if got := table.At(i).ID; got != id || gotLocal != local {
		t.Errorf("%q: mount %d, local %v, want %d, %v", path, got, gotLocal, id, local)
	}
}

var ordinary = []string{
	"1 0 8:1 / / rw - ext4 /dev/sda1 rw",
	"2 1 0:20 / /proc rw - proc proc rw",
	"3 1 8:2 / /var/mail rw - xfs /dev/sdb rw",
	"4 3 0:30 / /var/mail/remote rw - nfs4 server:/ rw",
	"5 1 0:31 / /mail rw - tmpfs none rw",
	`6 1 0:32 / /a\040b rw - btrfs none rw`,
}

func TestAPathLiesOnTheLongestMountPoint(t *testing.T) {
	table := table(t, ordinary...)
	wantPath(t, table, "/etc/passwd", 1, true)
	wantPath(t, table, "/file", 1, true)
	wantPath(t, table, "/proc/version", 2, false)
	wantPath(t, table, "/var/mail/u.1", 3, true)
	wantPath(t, table, "/var/mail/u/m.1", 3, true)
	wantPath(t, table, "/var/mailbox/u.1", 1, true)
	wantPath(t, table, "/var/u.1", 1, true)
	wantPath(t, table, "/var/mail/remote/u.1", 4, false)
	wantPath(t, table, "/var/mail/remoteness/u.1", 3, true)
	wantPath(t, table, "/mail/u.1", 5, true)
	wantPath(t, table, "/a b/u.1", 6, true)
	wantPath(t, table, "/var/mail/...", 3, true)
	wantPath(t, table, "/var/mail/.u", 3, true)
}

func TestAPathThatTextCannotTellIsNotLocal(t *testing.T) {
	table := table(t, ordinary...)
	for _, path := range []string{
		"", "u.1", "var/mail/u.1", "./u.1", "../u.1",
		"//var/mail/u.1", "/var//mail/u.1", "/var/mail//u.1",
		"/./var/mail/u.1", "/var/./mail/u.1", "/var/mail/../u.1", "/../u.1",
	} {
		wantPath(t, table, path, 0, false)
	}
	wantPath(t, table, "/var/mail/", 3, false)
	wantPath(t, table, "/var/mail/.", 3, false)
	wantPath(t, table, "/var/mail/..", 3, false)
	wantPath(t, table, "/", 1, false)
}

func TestAMountOnAMountHidesIt(t *testing.T) {
	table := table(t,
		"1 0 8:1 / / rw - ext4 /dev/sda1 rw",
		"2 1 8:2 / /mail rw - xfs /dev/sdb rw",
		"3 2 8:3 / /mail/sub rw - xfs /dev/sdc rw",
		"4 2 0:30 / /mail rw - nfs4 server:/ rw",
	)
	wantPath(t, table, "/mail/u.1", 4, false)
	wantPath(t, table, "/mail/sub/u.1", 4, false)
	wantPath(t, table, "/other", 1, true)
}

func TestAMountAboveHidesWhatIsBelow(t *testing.T) {
	table := table(t,
		"1 0 8:1 / / rw - ext4 /dev/sda1 rw",
		"2 1 8:2 / /srv/mail/local rw - xfs /dev/sdb rw",
		"3 2 8:3 / /srv/mail/local/deep rw - xfs /dev/sdc rw",
		"4 1 0:30 / /srv rw - nfs4 server:/ rw",
		"5 4 8:4 / /srv/mail/new rw - xfs /dev/sdd rw",
	)
	wantPath(t, table, "/srv/mail/local/u.1", 4, false)
	wantPath(t, table, "/srv/mail/local/deep/u.1", 4, false)
	wantPath(t, table, "/srv/mail/new/u.1", 5, true)
}

func TestInAChrootTheRootMountMayBeUnknown(t *testing.T) {
	table := table(t, "9 4 8:2 / /mail rw - xfs /dev/sdb rw", "10 9 0:30 / /mail/far rw - nfs4 s:/ rw")
	wantPath(t, table, "/mail/u.1", 9, true)
	wantPath(t, table, "/mail/far/u.1", 10, false)
	wantPath(t, table, "/etc/passwd", 0, false)
}

func TestAnEntryKeepsItsIndex(t *testing.T) {
	table := table(t, ordinary...)
	name := filepath.Join(t.TempDir(), "changed")
	mail, _ := table.Path([]byte("/mail/u.1"))
	write(t, name,
		"1 0 8:1 / / rw - ext4 /dev/sda1 rw",
		"7 1 0:33 / /new rw - tmpfs none rw",
		"5 1 0:31 / /mail rw - tmpfs none rw",
	)
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = unix.Close(table.fd)
	table.fd = fd
	table.load()
	if i, _ := table.Path([]byte("/mail/u.1")); i != mail {
		t.Errorf("the index is %d, was %d", i, mail)
	}
	wantPath(t, table, "/new/u.1", 7, true)
	wantPath(t, table, "/var/mail/u.1", 1, true) // unmounted
}

func TestAnUnknownMountGetsAnEntryThatIsNotLocal(t *testing.T) {
	table := table(t, ordinary...)
	i := table.ByID(4711)
	if m := table.At(i); m.ID != 4711 || m.Local {
		t.Errorf("%+v", m)
	}
	if table.ByID(4711) != i {
		t.Error("the entry changes")
	}
	if i := table.ByID(3); table.At(i).Point != "/var/mail" {
		t.Errorf("mount 3 is %+v", table.At(i))
	}
	wantPath(t, table, "/file", 1, true)
}

func TestLinkedDirectory(t *testing.T) {
	table := New()
	defer table.Close()
	path := []byte("/etc/linked/u.1")
	table.Linked(path, Unknown)
	if i, local := table.Path([]byte("/etc/linked/u.2")); i != Unknown || local {
		t.Errorf("Path = %d, %v behind a link", i, local)
	}
	table.Linked(path, 1)
	table.Linked(path, Unknown) // what is known is not forgotten
	if i, local := table.Path(path); i != 1 || local {
		t.Errorf("Path = %d, %v behind a link that is known", i, local)
	}
	for n := range 2 * maxLinked {
		table.Linked([]byte("/etc/"+strconv.Itoa(n)+"/u.1"), 1)
	}
	if len(table.linked) > maxLinked {
		t.Errorf("%d directories are remembered", len(table.linked))
	}
}
