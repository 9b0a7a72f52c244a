# Sourced by run.sh: each way to break a file is found, with the record, the
# byte and the rule.

many_mails "$work/mails/three" 3 2000
many_mails "$work/mails/medium" 60 12000
odd_mails "$work/mails/odd"
large_mail "$work/mails/large" 99 20000000

new_store damaged mdbox
add three || exit 1
damage -list >"$work/ways" || exit 1
while read -r way; do
	check "damage-$way" damage "$way" "$tool" $backend \
		"$store/mail/storage/m.1" "$work/t/files"
done <"$work/ways"

# The same as text, with a name that means nothing good to a terminal.
text_line()
{
	dir=$(printf '%s/t/a\033[31m\nb\\\377' "$work")
	mkdir -p "$dir/storage"
	printf 'x' >"$dir/storage/m.7"
	gives 1 verify "$work/t"
	equal lines 1 "$(wc -l <"$work/t/out")"
	says out '/a\\x1b\[31m\\x0ab\\x5c\\xff/storage/m\.7:0: file does not begin with a dbox version number (at byte 0)$'
	says err '^1 broken records in 1 files$'
	gives 1 verify --json "$work/t"
	hex=$(jsonl -type broken file_hex <"$work/t/out")
	equal bytes "$hex" "$(printf '%s/storage/m.7' "$dir" | od -An -v -tx1 | tr -d ' \n')"
}
check text-line text_line

# One line for each gap, and the rest of the file is checked.
several_gaps()
{
	mkdir "$work/t/storage"
	file=$work/t/storage/m.1
	cp "$store/mail/storage/m.1" "$file"
	for at in $("$tool" ls --json "$file" | jsonl offset | sed -n '1p;3p'); do
		printf 'xx' | dd of="$file" bs=1 seek="$at" conv=notrunc \
			2>/dev/null
	done
	gives 1 verify --json "$work/t/storage"
	equal gaps 2 "$(jsonl -type broken file <"$work/t/out" | wc -l)"
	equal summary "1	1	2	1" \
		"$(summary files records broken_records broken_files)"
	gives 1 "$tool" ls "$file"
	equal broken 2 "$(grep -c ' broken .*(at byte ' "$work/t/out")"
	equal whole 1 "$(grep -c ' 2001-09-09T\| 2004-11-09T' "$work/t/out")"
	gives 1 "$tool" ls --json "$file"
	equal rules 2 "$(jsonl rule <"$work/t/out" | grep -vc '^-$')"
	gives 1 "$tool" cat "$file"
	says err 'message header does not begin with 01 02 (at byte '
}
check several-gaps several_gaps

# What is no mail file has another name; what has such a name is looked at.
names()
{
	mkdir -p "$work/t/s/x/y"
	cp "$store/mail/storage/m.1" "$work/t/s/x/y/m.12"
	cp "$store/mail/storage/m.1" "$work/t/s/x/u.3"
	for file in m.1.broken m.1.lock m. u.1x u.-1 .temp.m.1 dovecot.index; do
		echo "no mail" >"$work/t/s/x/$file"
	done
	mkdir "$work/t/s/m.9"
	gives 0 verify --json "$work/t/s"
	equal files 2 "$(summary files)"
	# a file by its own name
	gives 1 verify --json "$work/t/s/x/m.1.lock" "$work/t/s/x/u.3"
	equal files "2	1" "$(summary files broken_files)"
	mkfifo "$work/t/s/m.10"
	gives 1 verify "$work/t/s"
	says out 'm\.10:0: '
}
check names names

unreadable()
{
	gives 3 verify "$work/t/missing"
	says err "^dboxaio: .*/missing: No such file or directory$"
	gives 3 verify --json "$work/t/missing"
	equal path "$work/t/missing" "$(jsonl -type unreadable file <"$work/t/out")"
	mkdir "$work/t/s"
	cp "$store/mail/storage/m.1" "$work/t/s/m.1"
	ln -s loop "$work/t/s/m.2"
	ln -s m.2 "$work/t/s/loop"
	gives 3 verify --json "$work/t/s"
	equal counts "1	1	0" "$(summary files unreadable broken_records)"
	# broken is worse
	echo x >"$work/t/s/m.3"
	gives 1 verify "$work/t/s"
	gives 2 "$tool" cat "$work/t/missing"
	says err "missing: No such file"
	gives 2 "$tool" ls "$work/t/missing"
	says err "missing: No such file"
}
check unreadable unreadable
