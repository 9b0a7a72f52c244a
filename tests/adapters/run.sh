#!/bin/sh
# run.sh uring|threads: each adapter with the real loop library: the suite that
# all of them pass, and the examples.

if [ $# -ne 1 ]; then
	echo "usage: $0 uring|threads" >&2
	exit 2
fi
suite=adapters
backend=$1
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../report.sh"
examples=$top/examples/adapters
loops="poll epoll libevent libev libuv glib"

# The sanitizer sees what an adapter touches that is gone, and what it leaks.
echo 'int main(void) { return 0; }' >"$work/probe.c"
if build probe "$work/probe.c" -fsanitize=address && "$work/bin/probe"; then
	sanitize="-fsanitize=address -fno-omit-frame-pointer"
else
	sanitize=
fi

# loop_flags LOOP: what a program needs to be linked with it.
loop_flags()
{
	case $1 in
	libevent) pkg-config --cflags --libs libevent_core ;;
	libev) echo -lev ;;
	libuv) pkg-config --cflags --libs libuv ;;
	glib) pkg-config --cflags --libs glib-2.0 ;;
	esac
}

# What examples print of the files given, as the record headers say.
expected()
{
	for file; do
		size=$(sed -n 2p "$file" | cut -c 14-29)
		echo "$file: $((0x$size)) bytes"
	done | sort
}

# example_builds LOOP: as C, and as C++.
example_builds()
{
	# shellcheck disable=SC2046 # a list of flags
	build "$1" "$examples/$1.c" -I"$top/include" $(loop_flags "$1") &&
	c++ -x c++ -O1 -Wall -Wextra -Werror -I"$top" -I"$top/include" \
		-o "$work/bin/$1++" "$examples/$1.c" \
		-x none -L"$top/lib" -ldbox_aio -Wl,-rpath,"$top/lib" \
		$(loop_flags "$1")
}

# example PROGRAM: two runs, one of them with a file that is not there.
example()
{
	"$work/bin/$1" "$mails"/u.* >"$work/out" || return 1
	expected "$mails"/u.* >"$work/expected"
	sort "$work/out" | diff "$work/expected" - || return 1
	"$work/bin/$1" "$mails/u.1" "$mails/missing" >"$work/out" \
		2>"$work/errors" && return 1
	expected "$mails/u.1" | diff - "$work/out" || return 1
	grep -q "^$mails/missing: " "$work/errors" || return 1
	[ "$(wc -l <"$work/errors")" = 1 ]
}

make -s -C "$top" build/mkstore build/panic/libdbox_aio_core.so.1 >&2 || exit 1
"$top/build/mkstore" -sdbox 20 -mdbox 0 "$work/store" >&2 || exit 1
mails=$work/store/sdbox/mailboxes/INBOX/dbox-Mails

for loop in $loops; do
	# shellcheck disable=SC2046,SC2086 # lists of flags
	build "test_$loop" "$here/test_$loop.c" "$here"/suite*.c \
		-I"$top/include" $sanitize $(loop_flags $loop) -ldl || exit 1
	run "$loop" "$work/bin/test_$loop" "$backend"
	run "$loop-panic" env LD_LIBRARY_PATH="$top/build/panic" \
		"$work/bin/test_$loop" "$backend" panic

	# They take the best backend there is: once is enough.
	[ "$backend" = threads ] || continue
	wanted "$loop-example" || continue
	example_builds $loop || exit 1
	(example $loop && example $loop++) >"$work/output" 2>&1
	report "$loop-example" $? "$work/output"
done
exit $failed
