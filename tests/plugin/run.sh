#!/bin/sh
# run.sh [kit options]: a Dovecot with the plugin beside a stock one. Builds what
# it needs; the servers are private ones, on 127.0.0.1, and end with it.

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cd "$here/../.." || exit 1

if ! [ -x /usr/sbin/dovecot ] || ! [ -x /usr/lib/dovecot/imap ] ||
   ! [ -x /usr/lib/dovecot/pop3 ] || ! [ -e /usr/lib/dovecot/dovecot-config ]
then
	echo "skip plugin/all dovecot-imapd, -pop3d and -dev are not installed"
	exit 0
fi
if [ "$(id -u)" != 0 ]; then
	echo "skip plugin/all Dovecot needs root to start"
	exit 0
fi
make -s dovecot build/plugin-kit build/slowfs >&2 || exit 1
exec build/plugin-kit -modules build/dovecot "$@" check
