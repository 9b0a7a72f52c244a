# Sourced by the run.sh of a folder of tests, which sets $suite and $backend.
# Each test is one line on stdout: "ok NAME", "not ok NAME", "skip NAME REASON",
# and its output goes to stderr if it failed. TEST_CFLAGS adds to the flags that
# the programs are built with, TEST_LIB is where the library is if not in lib/,
# TEST_ONLY (a pattern) leaves other tests out.

top=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/dbox_aio.XXXXXX") || exit 1
# Tests drop their privileges.
chmod 755 "$work"
# What a test that was killed leaves behind goes with the rest.
TMPDIR=$work
export TMPDIR
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
mkdir "$work/bin"

# build NAME SOURCE...: a program that is linked as a host is. Flags after the
# sources are welcome.
build()
{
	name=$1
	shift
	${CC:-cc} -std=gnu99 -O1 -g -Wall -Wextra -Werror $TEST_CFLAGS \
		-I"$top" -I"$top/tests/hosts" -o "$work/bin/$name" "$@" \
		-L"${TEST_LIB:-$top/lib}" -l:libdbox_aio.so.1 \
		-Wl,-rpath,"${TEST_LIB:-$top/lib}" -lpthread
}

# build_slowfs: the slow file system; SLOWFS can name one that was built before.
build_slowfs()
{
	if [ -n "$SLOWFS" ]; then
		ln -s "$SLOWFS" "$work/bin/slowfs"
	else
		(cd "$top" && go build -o "$work/bin/slowfs" \
			./tests/storage/slowfs)
	fi
}

# can_mount: FUSE is to be had here.
can_mount()
{
	[ "$(id -u)" = 0 ] && [ -c /dev/fuse ] && [ -w /dev/fuse ]
}

# report NAME EXITCODE OUTPUT-FILE
report()
{
	case $2 in
	0)
		echo "ok $suite/$1/$backend"
		;;
	77)
		echo "skip $suite/$1/$backend $(tail -n 1 "$3")"
		;;
	*)
		echo "not ok $suite/$1/$backend"
		echo "$suite/$1/$backend: exit code $2" >&2
		head -n 40 "$3" | cut -c 1-200 | sed 's/^/    /' >&2
		failed=1
		;;
	esac
}

wanted()
{
	case $1 in
	${TEST_ONLY:-*}) return 0 ;;
	esac
	return 1
}

# run NAME COMMAND...: one test is one command. What still hangs after a minute
# has failed.
run()
{
	name=$1
	shift
	wanted "$name" || return 0
	timeout -k 5 "${TEST_SECONDS:-60}" "$@" >"$work/output" 2>&1 </dev/null
	report "$name" $? "$work/output"
}

skip()
{
	name=$1
	shift
	echo "$*" >"$work/output"
	report "$name" 77 "$work/output"
}
