#!/bin/sh
# run.sh: make install, seen from outside. Everything happens in a temporary
# directory.

suite=install
backend=make
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../report.sh"
cd "$top" || exit 1

dest=$work/dest
prefix=/opt/dbox
lib=$dest$prefix/lib
readme=$work/readme
mail=$work/store/sdbox/mailboxes/INBOX/dbox-Mails/u.1
export PKG_CONFIG_PATH="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$dest"
# a C compiler as a user has it
cc=${CC:-cc}

version=$(sed -n 's/^#define DBOX_AIO_VERSION "\(.*\)"/\1/p' dbox_aio.h)
major=${version%%.*}

# make by itself: the variables of a make that called this don't count
plain_make()
{
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u DESTDIR -u PREFIX \
		-u LIBDIR make -s "$@"
}

installs()
{
	plain_make install DESTDIR="$dest" PREFIX=$prefix || return 1
	(cd "$dest$prefix" && find . ! -type d | sort) >"$work/files"
	for file in include/dbox_aio.h lib/libdbox_aio.so \
		lib/libdbox_aio.so.$major lib/libdbox_aio.so.$version \
		lib/libdbox_aio_core.so.$major lib/pkgconfig/dbox_aio.pc \
		bin/dboxaio share/man/man1/dboxaio.1 \
		share/bash-completion/completions/dboxaio; do
		grep -qx "./$file" "$work/files" && continue
		echo "not installed: $file"
		return 1
	done
	# every function has its page
	for name in $(sed -n 's/^.*[ *]\(dbox_aio_[a-z_]*\)(.*/\1/p' \
			dbox_aio.h | grep -v '_t$'); do
		[ -s "$dest$prefix/share/man/man3/$name.3" ] && continue
		echo "no page: $name"
		return 1
	done
	# as many as there are adapters, and nothing else
	count=$(ls include/dbox_aio/*.h 2>/dev/null | wc -l)
	[ $((count + 8)) -eq "$(grep -vc share/man/ "$work/files")" ] ||
		{ cat "$work/files"; return 1; }
	cmp dbox_aio.h "$dest$prefix/include/dbox_aio.h"
}

# Building again with nothing changed does nothing.
nothing_to_build()
{
	plain_make -q all || { plain_make -n all; return 1; }
}

# pkg_host SOURCE: as a user compiles it. pkg-config's words are to be split.
pkg_host()
{
	(cd "$work" && $cc -Wall -Wextra -Werror -o host "$1" \
		$(pkg-config --cflags --libs dbox_aio))
}

pkg_config()
{
	[ "$(pkg-config --modversion dbox_aio)" = "$version" ] ||
		{ pkg-config --modversion dbox_aio; return 1; }
	pkg_host "$here/host.c"
}

# Both halves come from where they were installed, also if that was moved.
loads_its_core()
{
	mv "$dest" "$work/moved" || return 1
	LD_LIBRARY_PATH=$work/moved$prefix/lib "$work/host" >"$work/said"
	code=$?
	mv "$work/moved" "$dest"
	cat "$work/said"
	[ $code -eq 0 ] &&
	grep -qx "header $version" "$work/said" &&
	grep -qx "library $version" "$work/said" &&
	grep -q "^loaded $work/moved$prefix/lib/libdbox_aio_core" "$work/said" &&
	! grep '^loaded' "$work/said" | grep -qv "^loaded $work/moved"
}

# The tool finds the library that was installed with it.
tool()
{
	"$dest$prefix/bin/dboxaio" --version >"$work/said" || return 1
	grep -qx "libdbox_aio $version" "$work/said" || return 1
	LD_TRACE_LOADED_OBJECTS=1 "$dest$prefix/bin/dboxaio" |
		grep -q "=> $dest$prefix/bin/../lib/libdbox_aio.so.$major "
}

# What README shows, word for word, compiled and run.
readme_program()
{
	sed -n '/^```c$/,/^```$/p' README.md | sed '/^```/d' >"$readme.c"
	[ -s "$readme.c" ] || { echo "README.md has no C program"; return 1; }
	# it is examples/hello.c without its comment
	sed '1,/\*\/$/d' examples/hello.c | diff - "$readme.c" || return 1
	pkg_host "$readme.c" || return 1
	plain_make build/mkstore || return 1
	build/mkstore -sdbox 1 -mdbox 0 "$work/store" || return 1
	export LD_LIBRARY_PATH="$lib"
	"$work/host" "$mail" >"$work/body" || return 1
	head -n 1 "$work/body" | grep -q '^Return-Path: ' || return 1
	# the body is what is between its header and its metadata
	size=$(wc -c <"$work/body")
	tail -c +"$(($(head -n 1 "$mail" | wc -c) + 31))" "$mail" |
		head -c "$size" | cmp - "$work/body" || return 1
	"$work/host" "$work/store/missing" 2>&1 | grep "No such file"
}

# built_without HEADER NAME: the tool is built where there is no such header, and
# says so. The file is another one; what is built here stays.
built_without()
{
	mkdir -p "$work/none"
	echo '#error there is none' >"$work/none/$1"
	plain_make -n -W lib/dboxaio/main.c build/dboxaio \
		CC="$cc -isystem $work/none" |
		sed "s|-o build/dboxaio|-o $work/dboxaio|" >"$work/commands"
	sh -e "$work/commands" || return 1
	rm -r "$work/none"
	LD_LIBRARY_PATH=lib "$work/dboxaio" --version | tee "$work/said"
	grep -q "$2 (built without)" "$work/said"
}

tool_without_zlib() { built_without zlib.h zlib; }
tool_without_zstd() { built_without zstd.h zstd; }

soname()
{
	readelf -dW "$1" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'
}

# The examples of the adapters, compiled as their first lines say. (Only what
# was installed here is below $dest, the loops are not.)
adapter_programs()
{
	loops='PKG_CONFIG_SYSROOT_DIR= pkg-config --cflags --libs'
	for source in examples/adapters/*.c; do
		command=$(sed -n 's/^   cc [a-z]*\.c \(.*\) \*\/$/\1/p' "$source" |
			sed "s/dbox_aio \([a-z]\)/dbox_aio) \$($loops \1/")
		[ "$command" ] || { echo "$source: no command"; return 1; }
		eval "$cc -Wall -Wextra -Werror -o '$work/host' '$source' \
			$command" || return 1
		LD_LIBRARY_PATH=$lib "$work/host" "$mail" >"$work/said" ||
			return 1
		grep -q "^$mail: [0-9]* bytes$" "$work/said" ||
			{ cat "$work/said"; return 1; }
	done
}

sonames()
{
	[ "$(soname "$lib/libdbox_aio.so")" = libdbox_aio.so.$major ] &&
	[ "$(soname "$lib/libdbox_aio_core.so.$major")" = \
		libdbox_aio_core.so.$major ]
}

# exported FILE: the names that a program could link to.
exported()
{
	nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' | sort
}

# Nothing but dbox_aio_*, and just what the header declares.
symbols()
{
	exported "$lib/libdbox_aio.so" >"$work/exported"
	echo '#include "dbox_aio.h"' | $cc -E -P -I. - | tr '\n' ' ' |
		sed 's/typedef [^;]*;//g' | grep -o 'dbox_aio_[a-z_]* *(' |
		tr -d ' (' | sort -u |
		sed "s/$/@@DBOX_AIO_$major/" >"$work/declared"
	diff "$work/declared" "$work/exported"
}

core_symbols()
{
	exported "$lib/libdbox_aio_core.so.$major" | sed 's/@.*//' \
		>"$work/exported"
	[ -s "$work/exported" ] && ! grep -v '^dbox_core_' "$work/exported"
}

# Linking to the library loads libc and nothing else: no Go, no threads.
needs()
{
	! readelf -dW "$lib/libdbox_aio.so" | grep '(NEEDED)' |
		grep -Ev '(lib(c|dl|pthread)|ld-linux[-a-z0-9]*)\.so' || return 1
	! readelf -SW "$lib/libdbox_aio.so" | grep -E 'TEXTREL'
}

uninstalls()
{
	plain_make uninstall DESTDIR="$dest" PREFIX=$prefix || return 1
	left=$(find "$dest" ! -type d)
	echo "$left"
	[ -z "$left" ]
}

# LIBDIR as distributions set it.
libdir()
{
	plain_make install DESTDIR="$dest" PREFIX=/usr \
		LIBDIR=/usr/lib/x86_64-linux-gnu || return 1
	ls "$dest/usr/lib/x86_64-linux-gnu/libdbox_aio.so" >/dev/null &&
	grep -qx 'libdir=/usr/lib/x86_64-linux-gnu' \
		"$dest/usr/lib/x86_64-linux-gnu/pkgconfig/dbox_aio.pc"
}

for name in installs nothing_to_build pkg_config loads_its_core tool \
	tool_without_zlib tool_without_zstd readme_program \
	adapter_programs sonames symbols core_symbols needs uninstalls libdir; do
	wanted $name || continue
	# in a shell of its own: it may change variables
	("$name") >"$work/output" 2>&1 </dev/null
	report $name $? "$work/output"
done
exit $failed
