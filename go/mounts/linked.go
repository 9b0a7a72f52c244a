package mounts

import "bytes"

// maxLinked bounds what is remembered of directories; beyond it all is
// forgotten and learned again.
const maxLinked = 1024

// Linked is told that a path has a symbolic link, and on which mount its file
// was found, or Unknown if that is not known yet. From then on Path says so of
// all paths in that directory: which mount they will keep busy can't be told
// by their text.
func (t *Table) Linked(path []byte, mount int32) {
	slash := bytes.LastIndexByte(path, '/')
	if slash < 0 {
		return
	}
	if len(t.linked) >= maxLinked {
		t.forgetLinked()
	}
	if old, ok := t.linked[string(path[:slash+1])]; ok && (old == mount || mount == Unknown) {
		return
	}
	t.linked[string(path[:slash+1])] = mount
	t.dir = t.dir[:0]
}

func (t *Table) forgetLinked() { clear(t.linked) }
