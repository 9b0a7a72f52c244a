# Sourced by run.sh: stores of each kind, and a Dovecot that works on them.

# healthy: not a word, and all messages were seen.
healthy()
{
	add odd
	add medium
	messages=$(admin search all </dev/null | wc -l)
	[ "$messages" -gt 60 ]
	gives 0 verify "$store/mail"
	silent
	gives 0 verify --json "$store/mail"
	equal records "$messages" "$(summary records)"
	equal backend $backend "$(summary backend)"
}

healthy_store()
{
	new_store "$@"
	healthy
}
check healthy-sdbox healthy_store sdbox sdbox
check healthy-mdbox healthy_store mdbox mdbox -o mdbox_rotate_size=100k
check healthy-preallocated healthy_store preallocated mdbox \
	-o mdbox_preallocate_space=yes -o mdbox_rotate_size=1M
check healthy-zlib healthy_store zlib mdbox -o mail_plugins=zlib \
	-o plugin/zlib_save=gz

# Records of some megabytes are checked, and little of them is kept.
large()
{
	new_store large mdbox
	add large
	add medium
	gives 0 peak "$work/t/peak" "$tool" verify --backend $backend \
		--json "$store/mail"
	equal records 61 "$(summary records)"
	[ "$(summary bytes)" -gt 20000000 ]
}
check large large

# The alternative storage is found by Dovecot's own link.
alternative()
{
	new_store "alt-$1" "$1:ALT=$work/stores/alt-$1/alt" \
		-o mdbox_rotate_size=50k
	add medium
	admin altmove mailbox INBOX 10:40 </dev/null
	all=$(find "$store/mail" "$store/alt" -name '[um].[0-9]*' | wc -l)
	there=$(find "$store/alt" -name '[um].[0-9]*' | wc -l)
	[ "$there" -gt 0 ]
	# until a purge, mdbox has what was moved at its old place too
	gives 0 verify --json "$store/mail"
	equal files "$all" "$(summary files)"
	gives 0 verify --no-alt --json "$store/mail"
	equal files $((all - there)) "$(summary files)"
	# not twice
	gives 0 verify --json "$store"
	equal files "$all" "$(summary files)"
	first=$(find "$store/alt" -name '[um].[0-9]*' | head -n 1)
	echo x >"$first"
	gives 1 verify "$store/mail"
	says out "^$first:0: "
}
check alternative-sdbox alternative sdbox
check alternative-mdbox alternative mdbox

# reads_as_dovecot [CAT-OPTION...]: each message, as doveadm fetches it.
reads_as_dovecot()
{
	mkdir "$work/t/dovecot"
	admin -f pager fetch 'guid date.received.unixtime size.virtual size.physical text' \
		all </dev/null >"$work/t/pager"
	fetchsplit "$work/t/dovecot" <"$work/t/pager" >"$work/t/lines"
	n=0
	for file in $(find "$store/mail" -name '[um].[0-9]*'); do
		"$tool" ls --json "$file" | jsonl offset guid size >"$work/t/ls"
		end=
		while read -r offset guid size; do
			"$tool" cat "$@" "$file" "$offset" >"$work/t/body"
			cmp "$work/t/body" "$work/t/dovecot/$guid"
			# records lie one behind the other
			[ -z "$end" ] || equal offset "$end" "$offset"
			end=$((offset + size))
			n=$((n + 1))
		done <"$work/t/ls"
	done
	equal messages "$(wc -l <"$work/t/lines")" $n
}

cat_store()
{
	new_store "cat-$1" "$2" $4
	add odd
	add three
	# shellcheck disable=SC2086 # none, or one
	reads_as_dovecot $3
}
check cat-sdbox cat_store sdbox sdbox ""
check cat-mdbox cat_store mdbox mdbox ""
check cat-plain-decompressed cat_store plain mdbox --decompress
check cat-gz cat_store gz mdbox --decompress \
	"-o mail_plugins=zlib -o plugin/zlib_save=gz"

# The plugin of this Dovecot may have been built without zstd.
new_store zstd sdbox -o mail_plugins=zlib -o plugin/zlib_save=zstd
if add three 2>"$work/output" >&2; then
	check cat-zstd cat_store zstd2 mdbox --decompress \
		"-o mail_plugins=zlib -o plugin/zlib_save=zstd"
else
	skip cat-zstd "$(tail -n 1 "$work/output")"
fi

# What the tool can't decompress it says, and writes nothing.
other_compression()
{
	new_store bz2 sdbox -o mail_plugins=zlib -o plugin/zlib_save=bz2
	add three
	file=$(find "$store/mail" -name 'u.[0-9]*' | head -n 1)
	gives 1 "$tool" cat --decompress "$file"
	says err 'compressed with bzip2'
	[ ! -s "$work/t/out" ]
}
check cat-other-compression other_compression

# Beyond one piece, compressed and not; with a Z that is not true.
large_compressed()
{
	new_store large-gz mdbox -o mail_plugins=zlib -o plugin/zlib_save=gz
	add large
	reads_as_dovecot --decompress
	file=$(find "$store/mail" -name 'm.[0-9]*')
	z=$("$tool" cat --metadata "$file" | awk -F '\t' '$1 == "Z" { print $3 }')
	LC_ALL=C sed "s/^Z$z\$/Z1/" "$file" >"$work/t/m.1"
	gives 1 "$tool" cat -d "$work/t/m.1"
	says err 'another size than its metadata says'
}
check cat-large-compressed large_compressed

# file_of NUMBER: where the mail with this number is.
file_of()
{
	grep -rla "^G$1\.M1P1" "$store/mail"
}

parts()
{
	new_store parts sdbox -o mail_plugins=zlib -o plugin/zlib_save=gz
	add three
	file=$(file_of 1000)
	gives 0 "$tool" cat --decompress --headers "$file"
	printf 'From: a@example.com\nSubject: mail 0\n\n' |
		cmp - "$work/t/out"
	gives 1 "$tool" cat --headers "$file"
	says err 'add --decompress'
	[ ! -s "$work/t/out" ]
	gives 0 "$tool" cat --metadata "$file"
	says out '^R	received	[0-9a-f]*	2004-11-09T11:33:20Z$'
	says out '^G	guid	1000\.M1P1\.test'
	# the data behind the header is cut, the record is whole
	"$tool" cat "$file" >"$work/t/gz"
	size=$(($(wc -c <"$work/t/gz") - 20))
	(head -n 1 "$file"
	 printf '\001\002N          %016X\n' $size
	 head -c $size "$work/t/gz"
	 printf '\n\001\003\nR0\n\n') >"$work/t/u.1"
	gives 1 "$tool" cat --decompress "$work/t/u.1"
	says err 'ends early'
	body=$(printf 'A: b\r\nC: d\r\n\r\nx')
	(head -n 1 "$file"
	 printf '\001\002N          %016X\n' ${#body}
	 printf '%s\n\001\003\nR0\n\n' "$body") >"$work/t/u.2"
	gives 0 "$tool" cat --headers "$work/t/u.2"
	printf 'A: b\r\nC: d\r\n\r\n' | cmp - "$work/t/out"
}
check cat-parts parts

# What can be saved of a message with broken metadata is written.
broken_metadata()
{
	new_store broken-metadata sdbox
	add large
	file=$(find "$store/mail" -name u.1)
	"$tool" cat "$file" >"$work/t/whole"
	LC_ALL=C sed '$d' "$file" >"$work/t/u.1"
	gives 1 "$tool" cat "$work/t/u.1"
	says err 'u.1: file ends before the empty line that ends the metadata'
	equal lines 1 "$(wc -l <"$work/t/err")"
	cmp "$work/t/whole" "$work/t/out"
	gives 1 "$tool" cat --metadata "$work/t/u.1"
	[ ! -s "$work/t/out" ]
	# a body that is cut is no message: nothing of it, and told once
	head -c 10000000 "$file" >"$work/t/u.2"
	gives 1 "$tool" cat "$work/t/u.2"
	says err 'u.2: file ends inside a message body'
	equal lines 1 "$(wc -l <"$work/t/err")"
	[ ! -s "$work/t/out" ]
}
check cat-broken-metadata broken_metadata

# begin_saving NAME: an IMAP client appends a mail of which half has come: its
# record is not whole, and its file is locked. $save is the server's pid; fd 7
# is where the rest goes.
imap=/usr/lib/dovecot/imap
begin_saving()
{
	new_store "$1" mdbox
	add three
	before=$(wc -c <"$store/mail/storage/m.1")
	mkfifo "$work/t/client"
	"$imap" -c "$work/dovecot.conf" \
		-o "mail_location=$location" <"$work/t/client" \
		>"$work/t/server" 2>&1 &
	save=$!
	exec 7>"$work/t/client"
	printf 'a APPEND INBOX {300014+}\r\nA: b\r\n\r\n' >&7
	yes 'a line of a mail that comes slowly' | head -c 200000 >&7
	# until Dovecot has written some of it
	tries=0
	while [ "$(wc -c <"$store/mail/storage/m.1")" = "$before" ]; do
		tries=$((tries + 1))
		[ $tries -lt 300 ] || { cat "$work/t/server"; return 1; }
		sleep 0.1
	done
}

being_saved()
{
	begin_saving saving
	gives 0 verify --json "$store/mail"
	equal counts "1	3	0	1" \
		"$(summary files records broken_records unfinished)"
	gives 0 verify "$store/mail"
	silent
	yes 'the rest of it, which comes quickly' | head -c 100006 >&7
	printf '\r\nb LOGOUT\r\n' >&7
	exec 7>&-
	wait $save || :
	grep '^a OK' "$work/t/server"
	gives 0 verify --json "$store/mail"
	equal counts "4	0" "$(summary records unfinished)"
}
if [ -x "$imap" ]; then
	check being-saved being_saved
else
	skip being-saved "there is no $imap"
fi

# The same from a server that was killed is broken.
save_broken_off()
{
	begin_saving killed
	kill -KILL $save
	wait $save || :
	exec 7>&-
	gives 1 verify --json "$store/mail"
	equal counts "1	3	1	0" \
		"$(summary files records broken_records unfinished)"
	equal rule "message header is all zero: the message is still being saved, or its save was broken off" \
		"$(jsonl -type broken rule <"$work/t/out")"
	equal offset "$before" "$(jsonl -type broken record_offset <"$work/t/out")"
}
if [ -x "$imap" ]; then
	check save-broken-off save_broken_off
else
	skip save-broken-off "there is no $imap"
fi

# What was found and is gone when it is to be read is no error. How many those
# are is a matter of luck, but for enough of them.
vanishing()
{
	mkdir "$work/t/many"
	build_store 200 "$work/t/many/s"
	tries=0 vanished=0
	while [ "$vanished" = 0 ]; do
		tries=$((tries + 1))
		[ $tries -le 10 ]
		cp -al "$work/t/many/s" "$work/t/many/copy"
		verify --json --rate 1M "$work/t/many/copy" >"$work/t/out" &
		tool_pid=$!
		sleep 0.3
		rm -r "$work/t/many/copy"
		wait $tool_pid
		vanished=$(summary vanished)
	done
	equal errors "0	0" "$(summary unreadable broken_records)"
}

# build_store COUNT DIR: an sdbox mailbox of COUNT files
build_store()
{
	"$top/build/mkstore" -sdbox "$1" -mdbox 0 "$2"
}
check vanishing vanishing

# Dovecot saves, moves, expunges and purges while the store is checked again and
# again: nothing of that is an error.
dovecot_works()
{
	while [ ! -e "$work/t/enough" ]; do
		admin import "maildir:$work/mails/medium" "" all
		admin altmove mailbox INBOX 1:20
		admin expunge mailbox INBOX 10:40
		admin purge
		admin altmove -r mailbox INBOX 1:10
		echo >>"$work/t/rounds"
	done
}

beside_dovecot()
{
	new_store "beside-$1" "$1:ALT=$work/stores/beside-$1/alt" \
		-o mdbox_rotate_size=50k
	add medium
	dovecot_works >"$work/t/dovecot" 2>&1 </dev/null &
	pid=$!
	touch "$work/t/rounds"
	times=0
	until [ $times -ge 6 ] && [ "$(wc -l <"$work/t/rounds")" -ge 2 ]; do
		kill -0 $pid || { cat "$work/t/dovecot"; return 1; }
		gives 0 verify --json "$store/mail"
		equal errors "0	0" "$(summary broken_records unreadable)"
		[ "$(summary records)" -gt 10 ]
		times=$((times + 1))
	done
	touch "$work/t/enough"
	wait $pid || { cat "$work/t/dovecot"; return 1; }
	! grep -E 'Error|Panic|Fatal' "$work/dovecot.log" || return 1
	gives 0 verify "$store/mail"
	silent
}
check beside-dovecot-sdbox beside_dovecot sdbox
check beside-dovecot-mdbox beside_dovecot mdbox
