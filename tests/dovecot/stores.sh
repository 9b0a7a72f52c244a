# Sourced by run.sh: the tests, one kind of store each.

odd_mails "$work/mails/odd"
many_mails "$work/mails/medium" 60 12000
many_mails "$work/mails/small" 600 300
large_mail "$work/mails/large" 99 20000000

# files KIND: how many files of this kind (u or m) the store has.
files()
{
	find "$store/${2:-mail}" -name "$1.[0-9]*" | wc -l
}

begin sdbox sdbox && {
	add odd && add medium && compare
	end
}

# The demo's daemon finds the messages of such a store and serves them.
demo_serves()
{
	make -s -C "$top" all build/dbox-read >>"$work/output" 2>&1 &&
	"$top/build/dbox-read" -t 1 -c 20 -B "$backend" "$store/mail" \
		>>"$work/output" 2>&1 &&
	grep -q "^$1 messages" "$work/output" &&
	grep -q '^Length and checksum of every message were right' \
		"$work/output"
}

begin sdbox-demo sdbox && {
	add medium && demo_serves 60
	end
}

begin mdbox-demo mdbox -o mdbox_rotate_size=100k && {
	add medium && demo_serves 60
	end
}

begin sdbox-large sdbox && {
	add large && compare
	end
}

begin sdbox-small sdbox && {
	add small && compare
	end
}

# Every mail with CRLF, whatever it was saved with.
begin sdbox-crlf sdbox -o mail_save_crlf=yes && {
	add medium && holds grep -rq "$(printf '\r')" "$store/mail" && compare
	end
}

begin mdbox mdbox -o mdbox_rotate_size=100k && {
	add odd && add medium && holds [ "$(files m)" -gt 5 ] && compare
	end
}

begin mdbox-large mdbox && {
	add odd && add large && add medium && compare
	end
}

# All in one file: neighbours, merged reads.
begin mdbox-small mdbox && {
	add small && holds [ "$(files m)" = 1 ] && compare
	end
}

begin mdbox-preallocated mdbox -o mdbox_preallocate_space=yes \
	-o mdbox_rotate_size=1M && {
	add odd && add medium && compare
	end
}

# Dovecot keeps the size of what it preallocates. Where fallocate() can't do so
# there are zero bytes behind the last record.
begin mdbox-zero-tail mdbox && {
	add medium && truncate -s +70000 "$store/mail/storage/m.1" && compare
	end
}

begin mdbox-purged mdbox -o mdbox_rotate_size=100k && {
	add odd && add medium && before=$(files m) &&
	admin expunge mailbox INBOX 2:10,20:25,40,50:55 && admin purge &&
	holds [ "$(files m)" != "$before" ] && compare
	end
}

# The records of expunged mails stay where they are until the purge. The library
# reads them; only Dovecot's index knows that they are gone.
begin mdbox-repaired mdbox -o mdbox_rotate_size=200k && {
	add odd && add medium &&
	rm "$store"/mail/storage/dovecot.map.index* &&
	admin force-resync INBOX && rm -f "$work/dovecot.log" && compare
	end
}

begin sdbox-alt "sdbox:ALT=$work/store/sdbox-alt/alt" && {
	add odd && add medium && admin altmove mailbox INBOX 10:40 &&
	holds [ "$(files u alt)" = 31 ] && compare
	end
}

begin mdbox-alt "mdbox:ALT=$work/store/mdbox-alt/alt" \
	-o mdbox_rotate_size=50k && {
	add odd && add medium && admin altmove mailbox INBOX 10:40 &&
	holds [ "$(files m alt)" -gt 0 ] && compare
	end
}

# What the library reads is what is on disk.
compare_compressed()
{
	read_both && same "$store/dovecot.list" "$store/library.list" || return
	mkdir "$store/plain"
	for body in "$store"/library/*; do
		gunzip -c <"$body" >"$store/plain/${body##*/}" \
			2>>"$work/output" || return 1
	done
	same "$store/dovecot" "$store/plain"
}

begin sdbox-zlib sdbox -o mail_plugins=zlib -o plugin/zlib_save=gz && {
	add odd && add medium && compare_compressed
	end
}

begin mdbox-zlib mdbox -o mail_plugins=zlib -o plugin/zlib_save=gz \
	-o mdbox_rotate_size=20k && {
	add odd && add medium && compare_compressed
	end
}

# compare_external COUNT: of as many mails parts are in other files. Their
# bodies are not what Dovecot shows, all else is.
compare_external()
{
	read_both || return
	grep ' external$' "$store/library.lines" >"$store/external"
	holds [ "$(wc -l <"$store/external")" = "$1" ] || return
	cut -d ' ' -f 1-3 "$store/dovecot.list" >"$store/a"
	cut -d ' ' -f 1-3 "$store/library.list" >"$store/b"
	same "$store/a" "$store/b" || return
	while read -r guid rest; do
		rm "$store/dovecot/$guid" "$store/library/$guid"
	done <"$store/external"
	same "$store/dovecot" "$store/library"
}
mails_with_attachments "$work/mails/attachments" 10

for kind in sdbox mdbox; do
	begin $kind-attachments $kind -o mail_attachment_min_size=1k \
		-o "mail_attachment_dir=$work/store/$kind-attachments/parts" && {
		add attachments && add medium && compare_external 10
		end
	}
done
