module libdbox_aio

go 1.24.0

require golang.org/x/sys v0.40.0

require github.com/hanwen/go-fuse/v2 v2.12.1

require (
	github.com/godzie44/go-uring v0.0.0-20250501163612-d16a9e597639 // indirect
	github.com/libp2p/go-sockaddr v0.1.1 // indirect
)
