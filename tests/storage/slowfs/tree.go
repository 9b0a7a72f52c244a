package main

import (
	"context"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// More of the kernel's background requests (read-ahead, asynchronous direct
// reads) at once than its default of 12, which would be the bottleneck.
const maxBackground = 128

// mountTree shows source at mountpoint, by the rules.
func mountTree(source, mountpoint string, r *rules, direct bool,
	ttl time.Duration) (*fuse.Server, error) {
	var st unix.Stat_t
	if err := unix.Stat(source, &st); err != nil {
		return nil, &os.PathError{Op: "stat", Path: source, Err: err}
	}
	data := &fs.LoopbackRoot{Path: source, Dev: uint64(st.Dev)}
	root := &node{
		LoopbackNode: fs.LoopbackNode{RootData: data},
		rules:        r, direct: direct,
	}
	data.RootNode = root

	options := &fs.Options{EntryTimeout: &ttl, AttrTimeout: &ttl}
	options.MountOptions = fuse.MountOptions{
		DirectMount:   true,
		AllowOther:    os.Geteuid() == 0,
		MaxBackground: maxBackground,
		FsName:        source,
		Name:          "slowfs",
		Options:       []string{"default_permissions"},
	}
	return fs.Mount(mountpoint, root, options)
}

// node is a file or directory of the tree.
type node struct {
	fs.LoopbackNode
	name   string // when it was looked up first
	rules  *rules
	direct bool

	mu     sync.Mutex
	opened map[*file]struct{}
}

// nameOf is the key of a new node's name in the context of its making.
type nameOf struct{}

// WrapChild makes the node of a file that is looked up or created.
func (n *node) WrapChild(ctx context.Context,
	_ fs.InodeEmbedder) fs.InodeEmbedder {
	name, _ := ctx.Value(nameOf{}).(string)
	return &node{
		LoopbackNode: fs.LoopbackNode{RootData: n.RootData},
		name:         name, rules: n.rules, direct: n.direct,
	}
}

func (n *node) Lookup(ctx context.Context, name string,
	out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	ctx = context.WithValue(ctx, nameOf{}, name)
	matched, errno := n.rules.enter(opLookup, name)
	var child *fs.Inode
	if errno == 0 {
		child, errno = n.LoopbackNode.Lookup(ctx, name, out)
	}
	n.rules.leave(opLookup, matched, errno == 0)
	return child, errno
}

func (n *node) Open(ctx context.Context,
	flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	matched, errno := n.rules.enter(opOpen, n.name)
	var handle fs.FileHandle
	if errno == 0 {
		handle, _, errno = n.LoopbackNode.Open(ctx, flags)
	}
	n.rules.leave(opOpen, matched, errno == 0)
	if errno != 0 {
		return nil, 0, errno
	}
	var fuseFlags uint32
	// Other files can be mapped, as Dovecot does with its indexes.
	if n.direct && matched {
		fuseFlags = fuse.FOPEN_DIRECT_IO
	}
	return n.wrap(handle, n.name, matched), fuseFlags, 0
}

// Getattr asks an open file if there is one: the kernel does not say that an
// fstat is one, and by then the source's name can mean another file, or none.
func (n *node) Getattr(ctx context.Context, f fs.FileHandle,
	out *fuse.AttrOut) syscall.Errno {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.LoopbackNode.Getattr(ctx, n.anyOpen(f), out)
}

func (n *node) Statx(ctx context.Context, f fs.FileHandle, flags uint32,
	mask uint32, out *fuse.StatxOut) syscall.Errno {
	n.mu.Lock()
	defer n.mu.Unlock()
	if f = n.anyOpen(f); f != nil {
		flags |= unix.AT_EMPTY_PATH // a LoopbackFile forgets it
	}
	return n.LoopbackNode.Statx(ctx, f, flags, mask, out)
}

func (n *node) anyOpen(f fs.FileHandle) fs.FileHandle {
	if f == nil {
		for other := range n.opened {
			return other
		}
	}
	return f
}

// Create is not slowed down: it writes.
func (n *node) Create(ctx context.Context, name string, flags uint32,
	mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32,
	syscall.Errno) {
	ctx = context.WithValue(ctx, nameOf{}, name)
	inode, handle, fuseFlags, errno :=
		n.LoopbackNode.Create(ctx, name, flags, mode, out)
	if errno == 0 {
		handle = inode.Operations().(*node).wrap(handle, name, false)
	}
	return inode, handle, fuseFlags, errno
}

func (n *node) wrap(handle fs.FileHandle, name string, counted bool) *file {
	f := &file{
		LoopbackFile: handle.(*fs.LoopbackFile),
		node:         n, name: name, rules: n.rules, counted: counted,
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.opened == nil {
		n.opened = make(map[*file]struct{})
	}
	n.opened[f] = struct{}{}
	return f
}

// file is an open file.
type file struct {
	*fs.LoopbackFile
	node    *node
	name    string
	rules   *rules
	counted bool // its open was
}

// PassthroughFd keeps the kernel from reading the source's file itself.
func (f *file) PassthroughFd() (int, bool) {
	return 0, false
}

func (f *file) Read(ctx context.Context, buf []byte,
	offset int64) (fuse.ReadResult, syscall.Errno) {
	matched, errno := f.rules.enter(opRead, f.name)
	var result fuse.ReadResult
	if errno == 0 {
		if matched {
			buf = f.rules.window(buf, offset)
		}
		result, errno = f.LoopbackFile.Read(ctx, buf, offset)
	}
	f.rules.leave(opRead, matched, errno == 0)
	return result, errno
}

func (f *file) Flush(ctx context.Context) syscall.Errno {
	matched, errno := f.rules.enter(opFlush, f.name)
	if errno == 0 {
		errno = f.LoopbackFile.Flush(ctx)
	}
	f.rules.leave(opFlush, matched, errno == 0)
	return errno
}

func (f *file) Release(ctx context.Context) syscall.Errno {
	f.node.mu.Lock()
	delete(f.node.opened, f)
	f.node.mu.Unlock()
	errno := f.LoopbackFile.Release(ctx)
	if f.counted {
		f.rules.released()
	}
	return errno
}
