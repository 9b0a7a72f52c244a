# Sourced by run.sh: the mails that the stores are made of, as Maildirs, from
# which Dovecot imports them. A mail's guid is its file's name, the time it was
# received the file's.

# new_maildir DIR
new_maildir()
{
	mkdir -p "$1/cur" "$1/new" "$1/tmp"
}

# put_mail DIR NUMBER: the mail is on stdin.
put_mail()
{
	cat >"$1/cur/$2.M1P1.test:2,S"
	touch -d "@$((1000000000 + $2))" "$1/cur/$2.M1P1.test:2,S"
}

# many_mails DIR COUNT SIZE: with LF and CRLF in turns, from number 1000 on,
# each SIZE bytes or a little more.
many_mails()
{
	new_maildir "$1"
	awk -v dir="$1/cur" -v count="$2" -v size="$3" 'BEGIN {
		for (i = 0; i < count; i++) {
			name = sprintf("%s/%d.M1P1.test:2,S", dir, 1000 + i)
			nl = i % 2 ? "\r\n" : "\n"
			text = "From: a@example.com" nl "Subject: mail " i nl nl
			for (n = 0; length(text) < size; n++)
				text = text "line " n " of mail " i ", " \
					i * 7919 + n * 104729 nl
			printf "%s", text >name
			close(name)
		}
	}'
	touch -d @1100000000 "$1"/cur/*
}

# odd_mails DIR: what a parser could stumble over.
odd_mails()
{
	new_maildir "$1"
	printf '\n' | put_mail "$1" 1
	printf 'A: b\n\n' | put_mail "$1" 2
	printf 'A: no empty line\n' | put_mail "$1" 3
	printf 'A: b\n\nno newline at the end' | put_mail "$1" 4
	printf 'A: b\r\n\r\nCRLF\r\n' | put_mail "$1" 5
	printf 'A: b\n\nNUL \000 and \377\376 and form feed \f\n\f\n' |
		put_mail "$1" 6
	# as if a record ended and another one began inside the body
	printf 'A: b\n\n\n\001\003\nR1\nGx\n\n\001\002N          %s\nA: c\n\n' \
		0000000000000010 | put_mail "$1" 7
	printf 'A: b\n\nmixed\r\nline\nends\r\n\r' | put_mail "$1" 8
	(printf 'A: one long line\n\n'
	 head -c 300000 /dev/zero | tr '\0' x) | put_mail "$1" 9
	(printf 'A: '; head -c 70000 /dev/zero | tr '\0' h
	 printf ' is a long header\n\nbody\n') | put_mail "$1" 10
	# around the sizes in which a reader may read
	for size in 4095 4096 4097 16383 16384 65536 131072; do
		(printf 'A: %s\n\n' $size
		 head -c $((size - 5 - ${#size})) /dev/zero | tr '\0' y) |
			put_mail "$1" $size
	done
}

# large_mail DIR NUMBER BYTES
large_mail()
{
	new_maildir "$1"
	(printf 'A: large\r\n\r\n'
	 yes 'A line of a large mail, with nothing to say but that it is long.' |
	 head -c "$3") | put_mail "$1" "$2"
}

# mails_with_attachments DIR COUNT
mails_with_attachments()
{
	new_maildir "$1"
	i=0
	while [ $i -lt "$2" ]; do
		(printf 'MIME-Version: 1.0\n'
		 printf 'Content-Type: multipart/mixed; boundary=bb\n\n'
		 printf -- '--bb\nContent-Type: text/plain\n\nhello %d\n' $i
		 printf -- '--bb\nContent-Type: application/octet-stream\n'
		 printf 'Content-Transfer-Encoding: base64\n'
		 printf 'Content-Disposition: attachment; filename=x.bin\n\n'
		 yes "attachment $i" | head -c 20000 | base64
		 printf -- '--bb--\n') | put_mail "$1" $((2000 + i))
		i=$((i + 1))
	done
}
