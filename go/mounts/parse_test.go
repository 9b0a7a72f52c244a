package mounts

import "testing"

func TestLinesOfMountinfo(t *testing.T) {
	for line, want := range map[string]Mount{
		"22 27 0:21 / /proc rw,nosuid shared:12 - proc proc rw": {
			ID: 22, parent: 27, Point: "/proc", Type: "proc"},
		"27 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw": {
			ID: 27, parent: 1, Point: "/", Type: "ext4", Local: true},
		"36 27 98:0 /mnt1 /var/mail rw master:1 shared:4 propagate_from:2 unbindable - xfs /dev/sdb rw": {
			ID: 36, parent: 27, Point: "/var/mail", Type: "xfs", Local: true},
		`40 27 0:50 / /srv/my\040mail\011a\134b\012 rw - nfs4 server:/a\040b rw`: {
			ID: 40, parent: 27, Point: "/srv/my mail\ta\\b\n", Type: "nfs4"},
		`41 27 0:51 / /a\04 rw - tmpfs none rw`: {
			ID: 41, parent: 27, Point: `/a\04`, Type: "tmpfs", Local: true},
		`42 27 0:51 / /a\999 rw - fuse.sshfs none rw`: {
			ID: 42, parent: 27, Point: `/a\999`, Type: "fuse.sshfs"},
		"43 27 0:52 / /- rw - - none rw": {
			ID: 43, parent: 27, Point: "/-", Type: "-"},
		"44 27 0:53 / /o rw - overlay overlay rw,lowerdir=/x": {
			ID: 44, parent: 27, Point: "/o", Type: "overlay"},
	} {
		if got, ok := parse([]byte(line)); !ok || got != want {
			t.Errorf("%s:\n%+v, want %+v", line, got, want)
		}
	}
	for _, line := range []string{
		"",
		"22",
		"22 27 0:21 / /proc rw shared:12",
		"22 27 0:21 / /proc rw -",
		"x 27 0:21 / /proc rw - proc proc rw",
		"22 x 0:21 / /proc rw - proc proc rw",
	} {
		if got, ok := parse([]byte(line)); ok {
			t.Errorf("%q: %+v", line, got)
		}
	}
}
