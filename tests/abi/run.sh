#!/bin/sh
# run.sh [write]: the ABI of what is in the tree against the one that was
# promised: lib/libdbox_aio.abi, which abidw wrote of the front, and the sizes
# and offsets in tests/headers/layout.c, which each compiler that is there
# checks for its platform. "write" makes a new baseline, to be committed
# together with the change of dbox_aio.h that it follows from.
#
# Prints "ok NAME", "not ok NAME", "skip NAME REASON"; exits 1 if one failed.

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
top=$(CDPATH= cd -- "$here/../.." && pwd)
baseline=$top/lib/libdbox_aio.abi
work=$(mktemp -d "${TMPDIR:-/tmp}/dbox_aio.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0

# check NAME COMMAND...
check()
{
	name=$1
	shift
	if "$@" >"$work/output" 2>&1; then
		echo "ok abi/$name"
	else
		echo "not ok abi/$name"
		sed 's/^/    /' "$work/output" >&2
		failed=1
	fi
}

# front LIBRARY HEADERS MAP: from this tree's sources, with a dbox_aio.h that
# may be another one. Built here, so that no CFLAGS of the caller leave out what
# is to be compared.
front()
{
	(cd "$top" && ${CC:-cc} -shared -fPIC -std=gnu99 -O0 -g -w \
		-fvisibility=hidden -I"$2" -Icapi -iquote "$2" -o "$1" lib/*.c \
		-Wl,-soname,libdbox_aio.so.1 -Wl,--version-script="$3" \
		-ldl -lpthread)
}

# describe LIBRARY HEADERS >ABI
describe()
{
	abidw --header-file "$2/dbox_aio.h" --drop-private-types \
		--exported-interfaces-only --no-corpus-path \
		--no-comp-dir-path --no-show-locs --no-elf-needed \
		--no-parameter-names --no-architecture \
		--type-id-style hash "$1"
}

# difference LIBRARY HEADERS: abidiff's exit code: 0 none, bit 2 (4) a change.
difference()
{
	describe "$1" "$2" >"$work/now.abi" || return 1
	abidiff --no-show-locs "$baseline" "$work/now.abi"
}

# same LIBRARY HEADERS: any difference fails, additions too: these want a new
# baseline.
same()
{
	difference "$@" && return
	echo "This is not the ABI of lib/libdbox_aio.abi. If no program that was"
	echo "linked before can notice: make abi-baseline"
	return 1
}

# differs LIBRARY HEADERS
differs()
{
	difference "$@"
	[ $(($? & 4)) -ne 0 ]
}

# must_notice SED-SCRIPT: the comparison fails if this is done to dbox_aio.h.
must_notice()
{
	rm -rf "$work/changed"
	mkdir "$work/changed"
	sed "$1" "$top/dbox_aio.h" >"$work/changed/dbox_aio.h"
	if cmp -s "$top/dbox_aio.h" "$work/changed/dbox_aio.h"; then
		echo "dbox_aio.h has nothing to change for $1"
		return 1
	fi
	front "$work/changed.so" "$work/changed" \
		"$top/lib/libdbox_aio.map" || return 1
	differs "$work/changed.so" "$work/changed"
}

must_notice_export()
{
	sed '/dbox_aio_pending;/d' "$top/lib/libdbox_aio.map" >"$work/map"
	! cmp -s "$top/lib/libdbox_aio.map" "$work/map" &&
	front "$work/changed.so" "$top" "$work/map" || return 1
	differs "$work/changed.so" "$top"
}

# layout COMPILER...: freestanding, so that no platform's C library is needed.
layout()
{
	"$@" -std=c89 -pedantic-errors -Wall -Wextra -Werror -ffreestanding \
		-fsyntax-only -I"$top" "$top/tests/headers/layout.c"
}

# layouts NAME COMPILER...
layouts()
{
	name=$1
	shift
	if echo 'int x;' | "$@" -fsyntax-only -x c - 2>/dev/null; then
		check "layout-$name" layout "$@"
	else
		echo "skip abi/layout-$name no $*"
	fi
}

if command -v abidw >/dev/null; then
	front "$work/front.so" "$top" "$top/lib/libdbox_aio.map" || exit 1
	if [ "$1" = write ]; then
		describe "$work/front.so" "$top" >"$work/new.abi" &&
		mv "$work/new.abi" "$baseline"
		exit
	fi
	check baseline same "$work/front.so" "$top"
	check notices-field must_notice \
		's/^\tuint64_t stream;$/&\n\tuint64_t more;/'
	check notices-type must_notice \
		's/^\tuint32_t file_version;$/\tuint16_t file_version;/'
	check notices-export must_notice_export
else
	echo "skip abi/baseline no abidw (Debian: abigail-tools)"
fi

layouts amd64 "${CC:-cc}" -m64
layouts i386 "${CC:-cc}" -m32
layouts arm64 "${CC_ARM64:-aarch64-linux-gnu-gcc}"
layouts arm "${CC_ARM:-arm-linux-gnueabihf-gcc}"
exit $failed
