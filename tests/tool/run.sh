#!/bin/sh
# run.sh uring|threads: the command-line tool, on stores that Dovecot wrote.
# Needs doveadm, and touches nothing outside of a temporary directory.

if [ $# -ne 1 ]; then
	echo "usage: $0 uring|threads" >&2
	exit 2
fi
suite=tool
backend=$1
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../report.sh"
. "$here/../dovecot/mails.sh"

tool=$top/build/dboxaio
for program in damage jsonl; do
	(cd "$top" && go build -buildvcs=false -o "$work/bin/$program" \
		./tests/tool/$program) || exit 1
done
build_slowfs || exit 1
build peak "$here/peak.c" || exit 1
build fetchsplit "$here/../dovecot/fetchsplit.c" || exit 1
. "$here/dovecot.sh"
PATH=$work/bin:$PATH
export TERM=xterm LC_ALL=C
unset NO_COLOR

# check NAME FUNCTION: one test; what it prints is shown if it fails.
check()
{
	wanted "$1" || return 0
	name=$1
	shift
	rm -rf "$work/t"
	mkdir "$work/t"
	# not part of a list or a condition, where -e would have no effect
	(set -ex; "$@") >"$work/trace" 2>&1 </dev/null
	code=$?
	# the last commands show what it was
	tail -n 20 "$work/trace" >"$work/output"
	report "$name" $code "$work/output"
}

# verify ARG...: with this backend
verify()
{
	"$tool" verify --backend $backend "$@"
}

# gives CODE COMMAND...: the command must exit so; its output is in $work/t/out
# and $work/t/err.
gives()
{
	expected=$1
	shift
	code=0
	{ set +x; } 2>/dev/null # functions would be traced to err
	"$@" >"$work/t/out" 2>"$work/t/err" || code=$?
	set -x
	[ $code -eq "$expected" ] && return
	echo "exit code $code, not $expected: $*"
	cat "$work/t/out" "$work/t/err"
	return 1
}

# says FILE PATTERN: $work/t/FILE has a line like that.
says()
{
	grep -qe "$2" "$work/t/$1" && return
	echo "no '$2' in:"
	cat "$work/t/$1"
	return 1
}

# lacks FILE PATTERN: no line of $work/t/FILE is like that.
lacks()
{
	! grep -e "$2" "$work/t/$1" || return 1
}

# silent: neither out nor err has anything.
silent()
{
	[ ! -s "$work/t/out" ] && [ ! -s "$work/t/err" ] && return
	echo "it should say nothing:"
	cat "$work/t/out" "$work/t/err"
	return 1
}

# summary KEY...: values of the summary in $work/t/out.
summary()
{
	jsonl -type summary "$@" <"$work/t/out"
}

# equal WHAT A B
equal()
{
	[ "$2" = "$3" ] && return
	echo "$1: '$2' is not '$3'"
	return 1
}

. "$here/help.sh"
. "$here/damaged.sh"
. "$here/stores.sh"
. "$here/output.sh"
. "$here/large.sh"
exit $failed
