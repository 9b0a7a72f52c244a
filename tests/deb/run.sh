#!/bin/sh
# run.sh: the Debian packages, built, looked at, installed into a root of their
# own, and removed from it. Nothing is installed on this system.

suite=deb
backend=make
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../report.sh"
cd "$top" || exit 1

if ! command -v dpkg-buildpackage >/dev/null || ! command -v dh >/dev/null; then
	skip all "debhelper is not installed"
	exit 0
fi
version=$(sed -n 's/^#define DBOX_AIO_VERSION "\(.*\)"/\1/p' dbox_aio.h)
architecture=$(dpkg --print-architecture)
packages="libdbox-aio1 libdbox-aio-dev dbox-aio-tools"
[ ! -d dovecot ] || packages="$packages dovecot-dbox-aio"
root=$work/root

# deb PACKAGE: its file
deb()
{
	echo "build/deb/$1_${version}_$architecture.deb"
}

# As many as there should be, and of the version that the header tells.
builds()
{
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u DESTDIR -u PREFIX \
		-u LIBDIR make deb || return 1
	for package in $packages; do
		[ -e "$(deb "$package")" ] ||
			{ echo "no $(deb "$package")"; return 1; }
	done
	# those with debugging data aside
	count=$(ls build/deb/*.deb | grep -vc dbgsym)
	[ "$count" -eq "$(echo "$packages" | wc -w)" ]
}

# The build leaves nothing beside the sources.
clean_tree()
{
	for file in tmp files .debhelper libdbox-aio1 dbox-aio-tools; do
		[ ! -e debian/$file ] || { echo "debian/$file"; return 1; }
	done
}

lints()
{
	lintian --allow-root --fail-on error build/deb/*.changes
}

# count_state ABBREVIATION: how many of the packages are in that state there.
count_state()
{
	# shellcheck disable=SC2086 # a list of packages
	dpkg-query --admindir="$root/var/lib/dpkg" -W \
		-f '${Package} ${db:Status-Abbrev}\n' $packages | tee /dev/stderr |
		grep -c " $1 *\$"
}

# The packages' dependencies are looked for among what this system has, and all
# of them must be there: no force. Triggers are other packages' scripts.
installs()
{
	mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" \
		"$root/var/lib/dpkg/triggers" "$root/var/log"
	# but for these packages, should an older version be here
	awk -v RS= -v ORS='\n\n' '!/^Package: (libdbox-aio|dbox-aio|dovecot-dbox-aio)/' \
		/var/lib/dpkg/status >"$root/var/lib/dpkg/status"
	files=
	for package in $packages; do
		files="$files $(deb "$package")"
	done
	# shellcheck disable=SC2086 # a list of files
	dpkg --root="$root" --no-triggers -i $files 2>&1 |
		grep -v 'files list file for package'
	[ "$(count_state ii)" -eq "$(echo "$packages" | wc -w)" ]
}

# A host that is compiled against what was installed, and nothing else.
host()
{
	lib=$(echo "$root"/usr/lib/*/libdbox_aio.so)
	lib=${lib%/*}
	export PKG_CONFIG_LIBDIR="$lib/pkgconfig" \
		PKG_CONFIG_SYSROOT_DIR="$root" \
		PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
	[ "$(pkg-config --modversion dbox_aio)" = "$version" ] || return 1
	(cd "$work" && ${CC:-cc} -Wall -Wextra -Werror -o host \
		"$top/tests/install/host.c" \
		$(pkg-config --cflags --libs dbox_aio)) || return 1
	LD_LIBRARY_PATH=$lib "$work/host" >"$work/said" || return 1
	cat "$work/said"
	grep -qx "library $version" "$work/said" &&
		grep -q "^loaded $lib/libdbox_aio_core" "$work/said" &&
		! grep '^loaded' "$work/said" | grep -qv "^loaded $lib/"
}

# The tool works with the library that was installed, and looks nowhere else.
tool()
{
	lib=$(echo "$root"/usr/lib/*/libdbox_aio.so.1)
	LD_LIBRARY_PATH=${lib%/*} "$root/usr/bin/dboxaio" --version >"$work/said" ||
		return 1
	cat "$work/said"
	grep -qx "libdbox_aio $version" "$work/said" || return 1
	grep -q '^zlib [0-9].*, zstd [0-9]' "$work/said" || return 1
	env -u MAKEFLAGS make -s build/mkstore || return 1
	build/mkstore -sdbox 3 -mdbox 3 -files 1 "$work/store" || return 1
	LD_LIBRARY_PATH=${lib%/*} "$root/usr/bin/dboxaio" verify -v "$work/store" ||
		return 1
	! readelf -dW "$root/usr/bin/dboxaio" "$root"/usr/lib/*/*.so.* |
		grep -E 'R(UN)?PATH' || return 1
	gunzip -t "$root/usr/share/man/man1/dboxaio.1.gz"
}

# Each file belongs to one package; what is installed by make is in one of them.
complete()
{
	(cd "$root" && find usr ! -type d | grep -v '^usr/share/doc/' | sort) \
		>"$work/installed"
	env -u MAKEFLAGS make -s install DESTDIR="$work/made" PREFIX=/usr \
		LIBDIR="$(echo "$root"/usr/lib/*/pkgconfig | sed "s|^$root||;s|/pkgconfig$||")" ||
		return 1
	(cd "$work/made" && find usr ! -type d |
		sed 's|^\(usr/share/man/.*\)$|\1.gz|' | sort) >"$work/made.list"
	grep -v '^usr/lib/dovecot/' "$work/installed" | diff "$work/made.list" -
}

plugin()
{
	for module in "$root"/usr/lib/dovecot/modules/*dbox_aio*.so; do
		[ -e "$module" ] || return 1
		! readelf -dW "$module" | grep -E 'R(UN)?PATH' || return 1
	done
	dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${Depends}\n' \
		dovecot-dbox-aio | grep 'libdbox-aio1.*dovecot-abi-\|dovecot-abi-.*libdbox-aio1'
}

removes()
{
	# shellcheck disable=SC2086 # a list of packages
	dpkg --root="$root" --no-triggers --purge $packages 2>&1 |
		grep -v 'files list file for package'
	[ "$(count_state ii)" -eq 0 ] || return 1
	left=$(find "$root/usr" ! -type d)
	echo "$left"
	[ -z "$left" ]
}

for name in builds clean_tree lints installs host tool complete \
	$([ -d dovecot ] && echo plugin) removes; do
	wanted $name || continue
	if [ "$name" = installs ] && [ "$(id -u)" != 0 ]; then
		skip installs "dpkg needs root for it"
		break
	fi
	if [ "$name" = lints ] && ! command -v lintian >/dev/null; then
		skip lints "lintian is not installed"
		continue
	fi
	# in a shell of its own: it may change variables
	("$name") >"$work/output" 2>&1 </dev/null
	report $name $? "$work/output"
done
exit $failed
