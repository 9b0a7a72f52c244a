#!/bin/sh
# run.sh: the man pages say what the headers say, and the docs what the
# programs are.

suite=docs
backend=docs
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../report.sh"
cd "$top" || exit 1
pages=$(ls docs/man/dbox_aio*.3)
cc=${CC:-cc}

#
# Man pages
#

man_lint()
{
	# shellcheck disable=SC2086 # a list of files
	mandoc -Tlint -W warning $pages
}

# Prototypes, one a line: no spaces but where words would meet.
normalised()
{
	sed -e 's/[	 ][	 ]*/ /g' -e 's/ *\([*(),]\) */\1/g' -e 's/^ //' \
		-e 's/ $//' | LC_ALL=C sort -u
}

# without_comments FILE: on one line
without_comments()
{
	$cc -fpreprocessed -dD -E -P -x c "$1" | grep -v '^#' | tr '\n\t' '  '
}

declared()
{
	$cc -E -P -x c dbox_aio.h | tr '\n' ' ' | sed 's/{[^}]*}//g' |
		tr ';' '\n' | grep 'dbox_aio_[a-z_]* *('
	# what adapters offer: the rest is how they work
	for header in poll epoll libevent libev libuv glib; do
		without_comments include/dbox_aio/$header.h |
			sed -e 's/static __inline__/\n&/g' -e 's/$/\n/' |
			sed -n 's/^static __inline__ \([^{]*\){.*/\1/p'
	done | grep -E '_(attach|detach|dispatch) ?\('
}

# What stands in the SYNOPSIS of the pages. Every argument is in quotes.
documented()
{
	# shellcheck disable=SC2086 # a list of files
	awk '
	/^\.Sh / { synopsis = $2 == "SYNOPSIS" }
	!synopsis { next }
	/^\.Ft / { type = substr($0, 5); gsub(/"/, "", type) }
	/^\.Fn / {
		n = split(substr($0, 5), part, "\"")
		sub(/ $/, "", part[1])
		line = part[1] "("
		for (i = 2; i <= n; i += 2)
			line = line (i > 2 ? "," : "") part[i]
		print type " " line ")"
	}' $pages
}

man_signatures()
{
	declared | normalised >"$work/declared"
	documented | normalised >"$work/documented"
	[ "$(wc -l <"$work/declared")" -gt 40 ] || return 1
	diff "$work/declared" "$work/documented"
}

names_of()
{
	sed -n '/^\.Sh NAME/,/^\.Nd/s/^\.Nm \([^ ]*\).*/\1/p' "$@"
}

# Each function is in the NAME of one page, the one that has its prototype.
man_names()
{
	for page in $pages; do
		pages=$page
		documented | sed 's/^.*[ *]\(dbox_aio_[a-z_]*\)(.*/\1/' |
			sort >"$work/functions"
		names_of "$page" | grep -vx "$(basename "$page" .3)" |
			sort >"$work/names"
		base=$(basename "$page" .3)
		grep -vx "$base" "$work/functions" | diff - "$work/names" ||
			{ echo "$page"; return 1; }
		# the page is found by its own name, and by that of the group
		names_of "$page" | grep -qx "$base" ||
			[ "$base" = dbox_aio_message ] || return 1
	done
}

# Dovecot's page and docs/dovecot.md have all settings of the plugin, and no
# others.
man_dovecot()
{
	mandoc -Tlint -W warning docs/man/dovecot-dbox-aio.7 || return 1
	tr -d '\n' <dovecot/dbox-aio-settings.c |
		grep -oE '(setting_get_[a-z]*|mail_user_plugin_getenv)\([a-z>-]*,[[:space:]]*(SETTING_PREFIX)?"[a-z_]*"' |
		sed 's/.*"\(.*\)"/dbox_aio_\1/' | sort -u >"$work/settings"
	[ "$(wc -l <"$work/settings")" -ge 4 ] || return 1
	sed -n 's/^\.It Cm \(dbox_aio_.*\)/\1/p' \
		docs/man/dovecot-dbox-aio.7 | sort -u |
		diff "$work/settings" - || return 1
	sed -n 's/^| `\(dbox_aio_[a-z_]*\)`.*/\1/p' docs/dovecot.md | sort -u |
		diff "$work/settings" -
}

# Structs and enums as they are in the header, but for comments.
man_structs()
{
	for name in $(sed -n 's/^struct \([a-z_]*\) {$/\1/p' dbox_aio.h); do
		sed -n "/^struct $name {/,/^};/p" dbox_aio.h >"$work/struct.c"
		without_comments "$work/struct.c" | normalised >"$work/is"
		# shellcheck disable=SC2086 # a list of files
		cat $pages | sed -n "/^struct $name {/,/^};/p" | tr '\n' ' ' |
			normalised >"$work/said"
		diff "$work/is" "$work/said" || { echo "$name"; return 1; }
	done
}

man_constants()
{
	without_comments dbox_aio.h | grep -o 'enum dbox_aio_[a-z_]* {[^}]*}' |
		grep -o 'DBOX_AIO_[A-Z_]*' | sort -u >"$work/constants"
	[ "$(wc -l <"$work/constants")" -gt 35 ] || return 1
	# shellcheck disable=SC2086 # a list of files
	grep -h -E '^\.(Dv|It Dv|Pq Dv)' $pages | grep -o 'DBOX_AIO_[A-Z_]*' |
		sort -u >"$work/said"
	missing=$(comm -23 "$work/constants" "$work/said")
	echo "$missing"
	[ -z "$missing" ]
}

# Each field of a struct has its own words.
man_fields()
{
	for name in options request result stats; do
		sed -n "/^struct dbox_aio_$name {/,/^};/p" dbox_aio.h \
			>"$work/struct.c"
		without_comments "$work/struct.c" | tr ';' '\n' |
			sed -n 's/^.*[ *]\([a-z_]*\)\(\[[0-9]*\]\)*$/\1/p'
	done | sort -u | grep -vx struct_size >"$work/fields"
	[ "$(wc -l <"$work/fields")" -gt 40 ] || return 1
	# shellcheck disable=SC2086 # a list of files
	sed -n 's/^\.It Va //p' $pages | tr ' ,' '\n\n' | sort -u >"$work/said"
	missing=$(comm -23 "$work/fields" "$work/said")
	echo "$missing"
	[ -z "$missing" ]
}

man_references()
{
	# shellcheck disable=SC2086 # a list of files
	{ names_of $pages; echo dbox_aio_message; } | sort -u >"$work/names"
	# shellcheck disable=SC2086 # a list of files
	sed -n 's/^\.Xr \(dbox_aio[a-z_]*\) 3.*/\1/p' $pages | sort -u \
		>"$work/references"
	missing=$(comm -23 "$work/references" "$work/names")
	echo "$missing"
	[ -z "$missing" ]
}

#
# docs/*.md
#

# Each block of the tutorial stands in the file that it names, word for word.
tutorial_code()
{
	awk -v work="$work" '
	/^```c / { n++; file = work "/block." n; print $2 >(file ".source") }
	/^```c / { inside = 1; next }
	/^```$/ { inside = 0 }
	inside { print >file }' docs/tutorial.md
	[ -e "$work/block.10" ] || { echo "no code found"; return 1; }
	for block in "$work"/block.*.source; do
		source=examples/tutorial/$(cat "$block")
		tr '\n' '\001' <"$source" >"$work/flat"
		grep -qF -- "$(tr '\n' '\001' <"${block%.source}")" \
			"$work/flat" && continue
		echo "not in $source:"
		cat "${block%.source}"
		return 1
	done
}

# server_ends PID CODE: asked to, it ends like that.
server_ends()
{
	kill "$1"
	wait "$1"
	ended=$?
	[ $ended = "$2" ] || { echo "server: exit code $ended"; return 1; }
}

# step NUMBER: the program does what the tutorial says, seen by a client. It
# is built as the tutorial says, and with the sanitizer if there is one.
step()
{
	build "step$1" "examples/tutorial/step$1.c" -I"$top/include" \
		$sanitize || return 1
	set -- "$1" "$work/$1.sock"
	if [ "$1" = 1 ]; then
		"$work/bin/step1" "$2" &
	else
		"$work/bin/step$1" "$2" "$mails" &
	fi
	server=$!
	timeout -k 5 60 "$work/bin/tutorial_client" "$1" "$2" "$mails" 60
	code=$?
	if [ "$1" = 3 ]; then
		server_ends $server 0 || return 1
		[ ! -e "$2" ] || { echo "$2 is left"; return 1; }
	else
		server_ends $server 143 || return 1
	fi
	return $code
}

tutorial_step_1() { step 1; }
tutorial_step_2() { step 2; }
tutorial_step_3() { step 3; }

# What a page points to, inside of the tree, is there.
links()
{
	for page in README.md CHANGELOG.md docs/*.md; do
		grep -o '](\([^)]*\))' "$page" | sed 's/^](//; s/)$//' |
			grep -v '^https\{0,1\}:' | sed 's/#.*//' |
			grep -v '^$' >"$work/links"
		while IFS= read -r link; do
			[ -e "$(dirname "$page")/$link" ] && continue
			echo "$page: $link"
			return 1
		done <"$work/links"
	done
}

pictures()
{
	for picture in docs/*.svg docs/pictures/*.svg tests/bench/results/full*.svg; do
		xmllint --noout "$picture" || return 1
		# every one is shown somewhere
		grep -q "](.*$(basename "$picture"))" README.md docs/*.md ||
			{ echo "$picture is not used"; return 1; }
	done
}

# The README's table is a part of the newest one.
figures()
{
	sed -n '/^## Figures/,/^## /p' README.md |
		grep '^| [sm]dbox' >"$work/rows" || return 1
	[ "$(wc -l <"$work/rows")" -ge 8 ] || return 1
	sed -n '/^## Time/,/^## CPU/p' tests/bench/results/full.md >"$work/times"
	! grep -vxFf "$work/times" "$work/rows"
}

echo 'int main(void) { return 0; }' >"$work/probe.c"
sanitize=
if build probe "$work/probe.c" -fsanitize=address >/dev/null 2>&1 &&
   "$work/bin/probe"; then
	sanitize=-fsanitize=address
fi
build tutorial_client "$here/tutorial_client.c" || exit 1
make -s build/mkstore >&2 || exit 1
build/mkstore -sdbox 60 -mdbox 0 "$work/store" >&2 || exit 1
mails=$work/store/sdbox/mailboxes/INBOX/dbox-Mails

for name in man_lint man_signatures man_names man_structs man_constants \
	man_fields man_references man_dovecot tutorial_code tutorial_step_1 \
	tutorial_step_2 tutorial_step_3 links pictures figures; do
	wanted $name || continue
	# in a shell of its own: it may change variables
	("$name") >"$work/output" 2>&1 </dev/null
	report $name $? "$work/output"
done
exit $failed
