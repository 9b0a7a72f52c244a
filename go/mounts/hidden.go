package mounts

import "strings"

// place is where something is mounted: a directory of another mount.
type place struct {
	parent uint64
	point  string
}

// hide marks the mounts that no path leads to any more, since another mount
// covers their own root or a directory above their mount point.
func (t *Table) hide(listed []int32) {
	top := make(map[place]int32, len(listed))
	for _, i := range listed {
		m := &t.mounts[i]
		top[place{m.parent, m.Point}] = i
	}
	hidden := listed[:0]
	for _, i := range listed {
		m := &t.mounts[i]
		child, covered := top[place{m.ID, m.Point}]
		if covered && child != i || t.hidden(top, i) {
			hidden = append(hidden, i)
		}
	}
	for _, i := range hidden {
		t.mounts[i].gone = true
	}
}

// hidden reports whether the mount, or one that it is mounted on, is hidden
// by another one.
func (t *Table) hidden(top map[place]int32, i int32) bool {
	for range t.mounts { // more parents than mounts there can't be
		m := &t.mounts[i]
		if top[place{m.parent, m.Point}] != i {
			return true
		}
		for dir := m.Point; len(dir) > 1; {
			dir = dir[:max(strings.LastIndexByte(dir, '/'), 1)]
			if _, ok := top[place{m.parent, dir}]; ok {
				return true
			}
		}
		parent, ok := t.byID[m.parent]
		if !ok || parent == i || t.mounts[parent].gone {
			break // the parent is out of this process's sight
		}
		i = parent
	}
	return false
}
