#!/bin/sh
# run.sh uring|threads: the hostile hosts, each a program of its own.

if [ $# -ne 1 ]; then
	echo "usage: $0 uring|threads" >&2
	exit 2
fi
suite=hosts
backend=$1
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../report.sh"

# host NAME ARGUMENT...: test_host_<name>, with '-' in the place of '_'
host()
{
	test=$1
	shift
	run "$test" "$work/bin/test_host_$(echo "$test" | tr - _)" "$@"
}

build no_uring "$here/no_uring.c" || exit 1
build with_rlimit "$here/with_rlimit.c" || exit 1
for source in "$here"/test_host_*.c; do
	name=${source##*/}
	name=${name%.c}
	case $name in
	test_host_dlclose|test_host_relative_path)
		# They must not be linked to the library.
		${CC:-cc} -std=gnu99 -O1 -g -Wall -Wextra -Werror \
			$TEST_CFLAGS -I"$top" -o "$work/bin/$name" "$source" \
			-ldl || exit 1
		;;
	*)
		build $name "$source" "$here/host.c" -ldl || exit 1
		;;
	esac
done
bin=$work/bin

host daemonise $backend
host prefork $backend
host fork-exec $backend
host dlclose $backend "$top/lib/libdbox_aio.so.1"
host relative-path $backend "$top"
host tls $backend
host threads $backend
host small-stack $backend
host setuid $backend
host sandbox $backend
host keeps-all $backend
for what in identity again later; do
	run ring-refused-$what "$bin/test_host_ring_refused" $backend $what
done

# A front and a core that somebody else has made.
mkdir "$work/planted" || exit 1
for name in libdbox_aio.so.1 libdbox_aio_core.so.1; do
	echo '__attribute__((constructor)) static void f(void)
		{ __builtin_trap(); }' |
		${CC:-cc} -shared -fPIC -o "$work/planted/$name" -x c - || exit 1
done
host secure $backend "$work/planted"

make -s -C "$top" build/panic/libdbox_aio_core.so.1 >&2 || exit 1
run panic env LD_LIBRARY_PATH="$top/build/panic" "$bin/test_host_panic" $backend
run panic-each env LD_LIBRARY_PATH="$top/build/panic" \
	"$bin/test_host_panic_each" $backend

run signals-before "$bin/test_host_signals" $backend before
run signals-after "$bin/test_host_signals" $backend after
host signalfd $backend
host sigurg-sigpipe $backend
host crash $backend
host eintr $backend

run rlimit-as "$bin/with_rlimit" as 256M \
	"$bin/test_host_rlimit_memory" $backend as
for limit in 20M 70M 100M; do
	run rlimit-data-$limit "$bin/with_rlimit" data $limit \
		"$bin/test_host_rlimit_memory" $backend data
done
host no-memory $backend
host rlimit-nofile $backend
host rlimit-nproc $backend
run pids-max "$bin/test_host_rlimit_nproc" $backend cgroup
run rlimit-nofile-low "$bin/with_rlimit" nofile 64 "$bin/test_host_works" \
	$backend
run rlimit-memlock "$bin/with_rlimit" memlock 0 "$bin/test_host_works" $backend

# What is only faster, or never waits, by these calls works without them.
build deny "$here/deny.c" || exit 1
for error in EPERM ENOSYS; do
	for calls in openat2 preadv2 statx "openat2 preadv2 statx"; do
		# shellcheck disable=SC2086 # one or three
		run denied-$(echo "$calls" | tr ' ' -)-$error "$bin/deny" \
			$error $calls -- "$bin/test_host_works" $backend
	done
done

# There is one backend then: test it once.
if [ $backend = threads ]; then
	for error in EPERM ENOSYS; do
		run no-uring-$error "$bin/no_uring" $error \
			"$bin/test_host_no_uring" $error
	done
	for error in EPERM ENOSYS; do
		run no-uring-enter-$error "$bin/deny" $error io_uring_enter -- \
			"$bin/test_host_no_uring" $error
	done
	for call in epoll_create1 sigaltstack; do
		run denied-$call "$bin/deny" EPERM $call -- \
			"$bin/test_host_denied" $call
	done
	run init-again "$bin/no_uring" EPERM "$bin/test_host_init_again"
fi
exit $failed
