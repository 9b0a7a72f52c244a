#!/bin/sh
# run.sh uring|threads: reads for $DURATION seconds (default 20) while all goes
# wrong, and prints figures. Needs FUSE, and to be root.

if [ $# -ne 1 ]; then
	echo "usage: $0 uring|threads" >&2
	exit 2
fi
suite=soak
backend=$1
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../report.sh"

if ! can_mount; then
	skip all "needs root and /dev/fuse"
	exit 0
fi
build_slowfs || exit 1
export SLOWFS_PROGRAM="$work/bin/slowfs"
seconds=${DURATION:-20}
build soak "$here"/*.c "$here/../storage/slow.c" \
	"$here/../hosts/host.c" || exit 1
TEST_SECONDS=$((seconds * 2 + 120))
run load "$work/bin/soak" $backend $seconds
cat "$work/output"
exit $failed
