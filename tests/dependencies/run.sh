#!/bin/sh
# What is built from is what docs/dependencies.md says: each module with its
# version and the licence that its own file shows, and nothing that the page does
# not name. Prints "ok NAME", "not ok NAME"; exits 1 if one failed.

here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
top=$(CDPATH= cd -- "$here/../.." && pwd)
page=$top/docs/dependencies.md
work=$(mktemp -d "${TMPDIR:-/tmp}/dbox_aio.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
cd "$top" || exit 1

# verdict NAME REASON...: passed if there is no reason.
verdict()
{
	name=$1
	shift
	if [ $# -eq 0 ]; then
		echo "ok dependencies/$name"
	else
		echo "not ok dependencies/$name"
		echo "$name: $*" >&2
		failed=1
	fi
}

# modules PACKAGE...: path, version and directory of each module it is made of.
modules()
{
	go list -deps -f '{{with .Module}}{{if not .Main
		}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' "$@" |
		sort -u | sed '/^$/d'
}

# licence DIRECTORY: what its LICENSE is, by the words that tell it.
licence()
{
	text=$(cat "$1"/LICENSE* "$1"/COPYING* 2>/dev/null |
		tr -s '[:space:]' ' ')
	case $text in
	*"Apache License"*) echo Apache-2.0 ;;
	*"GENERAL PUBLIC LICENSE"*) echo GPL ;;
	*"Redistribution and use in source and binary forms"*"Neither the name"*)
		echo BSD-3-Clause ;;
	*"Redistribution and use in source and binary forms"*"names of its contributors"*)
		echo BSD-3-Clause ;;
	*"Permission is hereby granted, free of charge"*) echo MIT ;;
	*) echo unknown ;;
	esac
}

# section TITLE: the rows of the page's table below it.
section()
{
	awk -v title="## $1" '$0 == title { on = 1; next }
		/^## / { on = 0 } on && /^\|/' "$page"
}

# module PATH VERSION DIRECTORY ROWS: has a row with all of it.
module()
{
	row=$(grep -F "$1" "$4" | head -n 1)
	# The page leaves out /v2 and the like where it links to a repository.
	[ "$row" ] || row=$(grep -F "${1%/v[0-9]*}" "$4" | head -n 1)
	found=$(licence "$3")
	if [ -z "$row" ]; then
		verdict "$1" "docs/dependencies.md does not name it"
	elif ! echo "$row" | grep -qF "$2"; then
		verdict "$1" "it is $2, docs/dependencies.md says: $row"
	elif ! echo "$row" | grep -qF "| $found |"; then
		verdict "$1" "its licence is $found, the page says: $row"
	else
		verdict "$1"
	fi
}

section "Of the library" >"$work/library"
section "To test" >"$work/tests"
cat "$work/library" "$work/tests" >"$work/all"

modules ./capi >"$work/modules"
[ -s "$work/modules" ] || verdict library "go list names no module"
while read -r path version dir; do
	module "$path" "$version" "$dir" "$work/library"
done <"$work/modules"

# What only the tests and the tools are made of.
modules -test ./... | grep -vxFf "$work/modules" >"$work/more"
while read -r path version dir; do
	module "$path" "$version" "$dir" "$work/all"
done <"$work/more"

# A row for what is not used any more is wrong too.
modules -test ./... >"$work/used"
grep -o '(https://[^)]*)' "$work/all" | tr -d '()' | sed 's|https://||
	s|^pkg.go.dev/||' | grep '/' | grep -v staticcheck |
while read -r path; do
	grep -qF "$path" "$work/used" || echo "$path"
done >"$work/unused"
# shellcheck disable=SC2046 # a list of words
verdict no-others $(cat "$work/unused")

# Beside Go's modules: shared libraries. unexpected LIBRARIES FILE...: those that
# the files want and are not the C library's or in this list.
unexpected()
{
	expected=$1
	shift
	readelf -d "$@" | sed -n 's/.*NEEDED.*\[\(.*\)\.so.*\]/\1/p' |
		grep -vx 'lib\(c\|dl\|pthread\)\|ld-linux.*' |
		grep -vx "$expected"
}

if [ -e lib/libdbox_aio_core.so.1 ]; then
	# shellcheck disable=SC2046 # a list of words
	verdict shared-libraries $(unexpected none lib/libdbox_aio.so.1 \
		lib/libdbox_aio_core.so.1)
fi
if [ -e build/dboxaio ]; then
	# shellcheck disable=SC2046 # a list of words
	verdict dboxaio $(unexpected 'libdbox_aio\|libz\|libzstd' \
		build/dboxaio)
fi
for module in build/dovecot/lib95_*.so; do
	[ -e "$module" ] || continue
	# shellcheck disable=SC2046 # a list of words
	verdict "$(basename "$module" .so)" $(unexpected none "$module")
done

# What tests/deps installs is named on the page, if not as a package then by the
# name of what is in it.
unnamed=
for package in $(sed -n 's/^[[:space:]]*need \([a-z][a-z0-9.+-]*\) .*/\1/p' \
		tests/deps | sort -u); do
	name=$(echo "$package" |
		sed 's/-dev$//; s/[0-9][0-9.a-z]*$//; s/^lib\(glib\|zstd\)$/\1/')
	grep -qwF -- "$package" "$page" || grep -qwiF -- "$name" "$page" ||
		unnamed="$unnamed $package"
done
# shellcheck disable=SC2086 # a list of words
verdict packages $unnamed
exit $failed
