#!/bin/sh
# Checks the public header by itself and the library's exported symbols.
# Prints "ok NAME", "not ok NAME" or "skip NAME reason" for each check; exits 1
# if one failed. Usage: run.sh [path of libdbox_aio.so.1]
set -u
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
library=${1:-$top/lib/libdbox_aio.so.1}
header=$top/dbox_aio.h
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
failed=0

# check NAME COMMAND...: its output is shown if it fails.
check() {
	name=$1
	shift
	if "$@" >"$tmp/out" 2>&1; then
		echo "ok $name"
	else
		echo "not ok $name"
		sed 's/^/# /' "$tmp/out"
		failed=1
	fi
}

skip() {
	echo "skip $1 $2"
}

strict="-pedantic-errors -Wall -Wextra -Werror -Wconversion -Wundef -I$top"
c_only="-Wstrict-prototypes -Wmissing-prototypes"
cxx_only="-Wold-style-cast -Wzero-as-null-pointer-constant"
compile() {
	# The header alone, first in the file and twice.
	printf '#include "dbox_aio.h"\n#include "dbox_aio.h"\n%s\n' \
		'extern int not_empty;' >"$tmp/alone.$ext"
	"$@" -c "$tmp/alone.$ext" -o "$tmp/alone.o" &&
	"$@" -c "$here/layout.c" -o "$tmp/layout.o" &&
	"$@" "$here/initialisers.c" -o "$tmp/initialisers" &&
	"$tmp/initialisers"
}

for cc in gcc clang; do
	for std in c89 c99 c11; do
		if ! command -v $cc >/dev/null; then
			skip "header-$cc-$std" "no $cc"
			continue
		fi
		ext=c
		check "header-$cc-$std" compile $cc -std=$std $strict $c_only
	done
done
for cxx in g++ clang++; do
	for std in c++11 c++17; do
		if ! command -v $cxx >/dev/null ||
		   ! echo '#include <cstddef>' |
		     $cxx -x c++ -fsyntax-only - 2>/dev/null; then
			skip "header-$cxx-$std" "no $cxx"
			continue
		fi
		ext=cc
		check "header-$cxx-$std" compile $cxx -x c++ -std=$std \
			$strict $cxx_only
	done
done

# The adapters, each as the strictest C that its loop's own header is, and C++.
# What is not called in the file must not be warned about either.
adapter_strict="-O2 -pedantic-errors -Wall -Wextra -Werror -Wconversion -Wundef
	-Wshadow -I$top -I$top/include"
adapter() {
	printf '#include <dbox_aio/%s.h>\n#include <dbox_aio/%s.h>\n%s\n' \
		"$loop" "$loop" 'extern int not_empty;' >"$tmp/adapter.c"
	"$@" $adapter_strict $flags -c "$tmp/adapter.c" -o "$tmp/adapter.o" &&
	"$@" $adapter_strict $flags -c "$top/examples/adapters/$loop.c" \
		-o "$tmp/adapter.o"
}

for loop in poll epoll libevent libev libuv glib; do
	std=c89 flags=
	case $loop in
	# it has inline functions
	libev) std=gnu89 ;;
	# it has POSIX types
	libuv) flags=-D_GNU_SOURCE ;;
	glib) flags=$(pkg-config --cflags glib-2.0 | sed 's/-I/-isystem /g') ;;
	esac
	check "adapter-$loop-$std" adapter gcc -std=$std $c_only
	for std in c++98 c++11 c++17; do
		check "adapter-$loop-$std" adapter g++ -x c++ -std=$std
	done
done

includes() {
	[ "$(grep '^#include' "$header" | sort | tr '\n' ' ')" = \
	  '#include <stddef.h> #include <stdint.h> ' ]
}
check header-includes includes

if [ ! -e "$library" ]; then
	skip exports "no $library"
	exit $failed
fi

exports() {
	# What is declared, as the compiler sees it.
	gcc -fsyntax-only -aux-info "$tmp/aux" -x c "$header" -I"$top" &&
	grep -F "$header" "$tmp/aux" |
		sed -n 's/^.*[ *]\(dbox_aio_[a-z_]*\) (.*$/\1/p' |
		sort -u >"$tmp/declared"
	nm -D --defined-only "$library" |
		awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
		sort -u >"$tmp/exported"
	[ -s "$tmp/declared" ] && diff "$tmp/declared" "$tmp/exported"
}
check exports exports

versioned() {
	! nm -D --defined-only "$library" | awk '$2 != "A"' |
		grep -v '@@DBOX_AIO_1$'
}
check symbol-version versioned

dynamic() {
	readelf -d "$library" >"$tmp/dynamic" &&
	grep -q "SONAME.*\[libdbox_aio.so.1\]" "$tmp/dynamic"
}
check soname dynamic

nodelete() {
	grep -q NODELETE "$tmp/dynamic" && grep -q NOW "$tmp/dynamic"
}
check nodelete nodelete

# No Go core, no other library than the C library's own.
needed() {
	! grep NEEDED "$tmp/dynamic" |
		grep -v '\[lib\(c\|dl\|pthread\)\.so\.[0-9]*\]' |
		grep -v '\[ld-linux'
}
check needed needed

# No code of the library runs before the host calls it. (crtstuff has its own
# two entries.)
constructors() {
	size=$(readelf -S -W "$library" |
		awk '/\.init_array/ { sub(/.*INIT_ARRAY/, ""); print $3 }')
	[ "${size:-000000}" = 000008 ] || [ -z "$size" ]
}
check no-constructors constructors

exit $failed
