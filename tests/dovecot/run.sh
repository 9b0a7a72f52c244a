#!/bin/sh
# run.sh uring|threads: reads stores that Dovecot itself wrote, of each kind,
# and compares every message with what doveadm fetches. Needs doveadm, no
# running Dovecot, and touches nothing outside of a temporary directory.

if [ $# -ne 1 ]; then
	echo "usage: $0 uring|threads" >&2
	exit 2
fi
suite=dovecot
backend=$1
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../report.sh"
. "$here/mails.sh"

if ! command -v doveadm >/dev/null; then
	skip all "doveadm is not installed"
	exit 0
fi
build readstore "$here/readstore.c" || exit 1
build fetchsplit "$here/fetchsplit.c" || exit 1

# Dovecot refuses to work on mails as root.
if [ "$(id -u)" = 0 ]; then
	mail_user=nobody
else
	mail_user=$(id -un)
fi
home=$HOME
export USER=tester HOME="$work/home" TZ=UTC LC_ALL=C
mkdir "$HOME" "$work/run" "$work/state" "$work/mails"
cat >"$work/dovecot.conf" <<CONF
base_dir = $work/run
state_dir = $work/state
log_path = $work/dovecot.log
protocols =
listen =
ssl = no
mail_uid = $mail_user
mail_gid = $(id -gn $mail_user)
first_valid_uid = 1
first_valid_gid = 1
mail_fsync = never
namespace inbox {
  inbox = yes
}
CONF

# begin NAME DRIVER[:PARAMETERS] [DOVEADM-OPTION...]: a store of its own for
# what follows. Returns 1 if the test is not wanted.
begin()
{
	wanted "$1" || return 1
	name=$1
	driver=${2%%:*}
	case $2 in
	*:*) parameters=:${2#*:} ;;
	*) parameters= ;;
	esac
	shift 2
	options=$*
	store=$work/store/$name
	mkdir -p "$store/mail" "$store/alt"
	[ "$(id -u)" != 0 ] || chown -R $mail_user "$work/store" "$HOME" \
		"$work/run" "$work/state"
	rm -f "$work/dovecot.log"
	: >"$work/output"
}

# admin COMMAND...: doveadm on that store, by its full path: -f comes first.
admin()
{
	set -- doveadm -c "$work/dovecot.conf" $options -o \
		"mail_location=$driver:$store/mail$parameters" "$@"
	"$@" </dev/null 2>>"$work/output"
}

# add MAILDIR: imports all of its mails.
add()
{
	[ "$(id -u)" != 0 ] || chown -R $mail_user "$work/mails/$1"
	admin import "maildir:$work/mails/$1" "" all
}

# fetch DIR: Dovecot's own view.
fields='guid date.received.unixtime size.virtual size.physical text'
fetch()
{
	mkdir "$1" &&
	admin -f pager fetch "$fields" all >"$1.pager" &&
	"$work/bin/fetchsplit" "$1" <"$1.pager" >"$1.lines" &&
	sort "$1.lines" >"$1.list"
}

# read_both: both views, Dovecot's and the library's.
read_both()
{
	fetch "$store/dovecot" >>"$work/output" 2>&1 || return 1
	mkdir "$store/library"
	# Without an alternative storage there is nothing in alt.
	timeout -k 5 60 "$work/bin/readstore" "$backend" "$store/library" \
		"$store/mail" "$store/alt" >"$store/lines" 2>>"$work/output" ||
		return $?
	sort "$store/lines" >"$store/library.lines"
	cut -d ' ' -f 1-4 "$store/library.lines" >"$store/library.list"
	[ -s "$store/library.list" ] && return 0
	echo "no message was read" >>"$work/output"
	return 1
}

same()
{
	diff -rq "$1" "$2" >>"$work/output" && return 0
	[ -d "$1" ] || diff "$1" "$2" >>"$work/output"
	return 1
}

# compare: the library's view must be Dovecot's.
compare()
{
	read_both && same "$store/dovecot.list" "$store/library.list" &&
		same "$store/dovecot" "$store/library"
}

# holds WHAT: of the store that the test is about.
holds()
{
	"$@" >/dev/null && return 0
	echo "the store is not what this test is about: $*" >>"$work/output"
	return 1
}

# end: reports the test, if Dovecot found nothing wrong either.
end()
{
	code=$?
	if [ $code -eq 0 ] && grep -E 'Error|Panic|Fatal' \
	   "$work/dovecot.log" >>"$work/output" 2>/dev/null; then
		code=1
	fi
	# 77 without a reason is readstore's
	[ $code -ne 77 ] || echo "no $backend backend here" >>"$work/output"
	report "$name" $code "$work/output"
	rm -rf "$store"
}

. "$here/stores.sh"

# Mutated files: what each says of them is the same with any backend. Some of
# them here; MUTATIONS=all takes minutes.
mutations()
{
	short=-short
	[ "$MUTATIONS" != all ] || short=
	cd "$top" && READRECORD="$work/bin/readrecord" \
		READRECORD_BACKEND=$backend HOME=$home \
		go test -count=1 -v $short -timeout 30m -run TestLibraryReads \
		./go/dbox >"$work/go" 2>&1
	code=$?
	cat "$work/go"
	[ $code -eq 0 ] && ! grep -q '^--- SKIP' "$work/go"
}

if [ $backend = threads ] && wanted mutations; then
	build readrecord "$here/readrecord.c" || exit 1
	mutations >"$work/output"
	report mutations $? "$work/output"
fi
exit $failed
