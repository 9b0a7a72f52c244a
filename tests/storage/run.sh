#!/bin/sh
# run.sh uring|threads: reads from storage that is slow, or misbehaves. Needs
# FUSE, and to be root.

if [ $# -ne 1 ]; then
	echo "usage: $0 uring|threads" >&2
	exit 2
fi
suite=storage
backend=$1
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../report.sh"

if ! can_mount; then
	skip all "needs root and /dev/fuse"
	exit 0
fi
build_slowfs || exit 1
export SLOWFS_PROGRAM="$work/bin/slowfs"
for source in "$here"/test_*.c; do
	name=${source##*/}
	build "${name%.c}" "$source" "$here/slow.c" \
		"$here/../hosts/host.c" || exit 1
done

bin=$work/bin
run slow "$bin/test_slow" $backend
run short-reads "$bin/test_short_reads" $backend
run errors "$bin/test_errors" $backend
for how in cached direct; do
	run changes-$how "$bin/test_changes" $backend $how
done
build deny "$here/../hosts/deny.c" || exit 1
# ENOSYS: with EPERM the file system, which is denied it too, would give up.
run changes-no-statx "$bin/deny" ENOSYS statx -- "$bin/test_changes" $backend \
	cached
run alternative "$bin/test_alternative" $backend
run not-files "$bin/test_not_files" $backend
for what in read open lookup; do
	run hang-$what "$bin/test_hang" $backend $what
done
for what in depth close link; do
	run dead-mount-$what "$bin/test_dead_mount" $backend $what
done
for what in open read close rights refused limit dropped; do
	run setuid-$what "$bin/test_setuid" $backend $what
done
for what in shared queued refused between fsuid groups given-up local handle; do
	run identities-$what "$bin/test_identities" $backend $what
done
run stale-scan "$bin/test_stale_scan" $backend
run held-windows "$bin/test_held_windows" $backend
for where in local slow; do
	TEST_SECONDS=240 run two-gib-$where "$bin/test_two_gib" $backend $where
done
run devices "$bin/test_devices" $backend
run new-mount "$bin/test_new_mount" $backend
exit $failed
