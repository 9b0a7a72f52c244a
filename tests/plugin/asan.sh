#!/bin/sh
# asan.sh: the comparison with a stock Dovecot, with modules that have the
# address and the undefined-behaviour sanitizer. Dovecot's own code has not; the
# sanitizer's runtime comes into its processes first, by LD_PRELOAD, without
# which they could not load the modules. Its detector of leaks is off: Dovecot
# ends without freeing all. What sets a limit on address space is left out, as
# the sanitizer needs more than that.

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cd "$here/../.." || exit 1

if ! [ -x /usr/sbin/dovecot ] || ! [ -x /usr/lib/dovecot/imap ] ||
   ! [ -x /usr/lib/dovecot/pop3 ] || ! [ -e /usr/lib/dovecot/dovecot-config ]
then
	echo "skip asan-dovecot/all dovecot-imapd, -pop3d and -dev are not installed"
	exit 0
fi
if [ "$(id -u)" != 0 ]; then
	echo "skip asan-dovecot/all Dovecot needs root to start"
	exit 0
fi
make -s dovecot build/plugin-kit build/slowfs \
	build/asan/dovecot/lib95_dbox_aio_plugin.so \
	build/asan/dovecot/lib95_imap_dbox_aio_plugin.so >&2 || exit 1
runtime=$(${CC:-gcc} -print-file-name=libasan.so)
# Dovecot's users write their reports into it.
reports=$(mktemp -d "${TMPDIR:-/tmp}/dbox_aio-asan.XXXXXX") || exit 1
trap 'rm -rf "$reports"' EXIT
trap 'exit 1' HUP INT TERM
chmod 1777 "$reports"
build/plugin-kit -modules build/asan/dovecot -environment \
	"LD_PRELOAD=$(readlink -f "$runtime") \
	ASAN_OPTIONS=detect_leaks=0:log_path=$reports/asan \
	UBSAN_OPTIONS=print_stacktrace=1:log_path=$reports/ubsan" "$@" compare
code=$?
if [ -n "$(ls "$reports")" ]; then
	echo "not ok asan-dovecot/reports"
	cat "$reports"/* >&2
	exit 1
fi
echo "ok asan-dovecot/reports"
exit $code
