#!/bin/sh
# run.sh: the demo reads what it says it reads, and notices when that is wrong.
# How fast it is, is not tested.

suite=demo
backend=auto
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
. "$here/../report.sh"
cd "$top" || exit 1

make -s all build/dbox-read build/mkstore >&2 || exit 1
store=$work/store

# dbox_read ARG...: briefly
dbox_read()
{
	build/dbox-read -t 1 -c 50 "$@"
}

mkstore_repeats()
{
	build/mkstore -sdbox 20 -mdbox 20 -files 3 "$store" &&
	build/mkstore -sdbox 20 -mdbox 20 -files 3 "$work/again" &&
	diff -r "$store" "$work/again" &&
	[ "$(find "$store" -type f | wc -l)" -eq 23 ] || return 1
	# it doesn't touch what is there
	! build/mkstore "$store"
}

reads_all()
{
	dbox_read "$store" >"$work/table"
	code=$?
	cat "$work/table"
	[ $code -eq 0 ] &&
	grep -q '^40 messages, .* 20 in sdbox files, 20 in mdbox files' \
		"$work/table" &&
	grep -q 'messages read and checked  *40  *40 ' "$work/table" &&
	grep -q '^Length and checksum of every message were right' "$work/table"
}

reads_with_threads()
{
	dbox_read -B threads "$store" | tee "$work/table"
	grep -q 'libdbox_aio by threads' "$work/table" &&
	grep -q '^Length and checksum of every message were right' "$work/table"
}

# One client more than there are messages, in batches that don't divide them
uneven_batches()
{
	dbox_read -c 41 -b 7 "$store"
}

# notices_damage FILE OFFSET: one byte of a copy is another one.
notices_damage()
{
	rm -rf "$work/copy"
	cp -R "$store" "$work/copy"
	printf '\377' | dd of="$work/copy/$1" bs=1 seek="$2" conv=notrunc \
		2>/dev/null
	dbox_read -m "$work/copy" "$store" >"$work/table" 2>&1
	code=$?
	cat "$work/table"
	[ $code -eq 1 ] && grep -q '^FAILED' "$work/table" || return 1
	# both ways
	grep -Eq '(WRONG|NOT READ)  *[1-9][0-9]*  *[1-9]' "$work/table"
}

notices_wrong_byte() { notices_damage mdbox/storage/m.2 1000; }
notices_broken_record()
{
	notices_damage sdbox/mailboxes/INBOX/dbox-Mails/u.3 17
}

notices_missing_file()
{
	rm -rf "$work/copy"
	cp -R "$store" "$work/copy"
	rm "$work/copy/sdbox/mailboxes/INBOX/dbox-Mails/u.3"
	! dbox_read -m "$work/copy" "$store"
}

nothing_found()
{
	mkdir "$work/empty"
	! dbox_read "$work/empty" 2>"$work/said"
	grep -q 'no dbox messages found' "$work/said"
}

figures_as_tsv()
{
	dbox_read -o "$work/figures" "$store" &&
	[ "$(wc -l <"$work/figures")" -eq 4 ] &&
	[ "$(cut -f 1 "$work/figures" | sort -u | tr '\n' ' ')" = "cold warm " ]
}

# As make demo does it; nothing stays mounted.
slow_storage()
{
	DEMO_OPTIONS="-t 1 -c 10 -b 2" TMPDIR=$work \
		examples/demo "$store" 2 >"$work/table"
	code=$?
	cat "$work/table"
	[ $code -eq 0 ] && ! grep "$work" /proc/self/mounts
}

for name in mkstore_repeats reads_all reads_with_threads uneven_batches \
	notices_wrong_byte notices_broken_record notices_missing_file \
	nothing_found figures_as_tsv; do
	wanted $name || continue
	($name) >"$work/output" 2>&1 </dev/null
	report $name $? "$work/output"
done
if ! can_mount; then
	skip slow_storage "FUSE can't be had here"
elif wanted slow_storage; then
	make -s build/slowfs >&2 || exit 1
	(slow_storage) >"$work/output" 2>&1 </dev/null
	report slow_storage $? "$work/output"
fi
exit $failed
