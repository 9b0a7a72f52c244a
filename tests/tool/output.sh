# Sourced by run.sh: terminals, pipes, signals.

sample=$work/sample
"$top/build/mkstore" -sdbox 200 -mdbox 200 -files 4 "$sample" || exit 1

# on_terminal COMMAND: runs it on a terminal of 100 columns; what that shows is
# in $work/t/screen.
on_terminal()
{
	script -qec "stty cols 100; $1" /dev/null >"$work/t/screen"
}
esc=$(printf '\033')

bar()
{
	command="$tool verify --backend $backend --rate 10M $sample"
	on_terminal "$command"
	grep -q "\[$esc\[32m#*-*$esc\[0m\] *[0-9]*% [0-9]* files" "$work/t/screen"
	# it is cleared, and the summary follows
	tail -n 2 "$work/t/screen" | grep -q '^Nothing is broken'
	grep -q "$esc\[K204 files, 400 records" "$work/t/screen"
	# it moves, and never back
	tr '\r' '\n' <"$work/t/screen" |
		sed -n 's/.*\] *\([0-9]*\)% .*/\1/p' >"$work/t/shares"
	[ "$(sort -u "$work/t/shares" | wc -l)" -gt 2 ]
	sort -n -c "$work/t/shares"
	# no line is longer than the terminal
	tr '\r' '\n' <"$work/t/screen" | sed "s/$esc\[[0-9]*[mK]//g" |
		awk 'length > 99 { exit 1 }'
	on_terminal "NO_COLOR=1 $command"
	grep -q '\[#*-*\] *[0-9]*% ' "$work/t/screen"
	lacks screen "$esc\[[0-9]*m"
	on_terminal "TERM=dumb $command"
	lacks screen "$esc\|%"
	on_terminal "$command --quiet"
	[ ! -s "$work/t/screen" ]
	# standard output alone is no reason for a bar
	on_terminal "$command 2>$work/t/err"
	[ ! -s "$work/t/screen" ]
	[ ! -s "$work/t/err" ]
	# in few columns it is cut
	script -qec "stty cols 20; $command" /dev/null >"$work/t/screen"
	says screen '%'
	lacks screen '\[[-#]'
}

# Lines of what is broken do not mix with it.
bar_and_lines()
{
	cp -r "$sample" "$work/t/s"
	for i in 1 2 3; do
		echo x >"$work/t/s/mdbox/storage/m.$i"
	done
	on_terminal "$tool verify --backend $backend --rate 10M $work/t/s" || :
	equal lines 3 "$(tr '\r' '\n' <"$work/t/screen" | sed "s/$esc\[K//" |
		grep -c "^$work/t/s/mdbox/storage/m.[0-9]*:0: ")"
	grep -q ", 3 broken" "$work/t/screen"
	grep -q '3 broken records in 3 files' "$work/t/screen"
}
if command -v script >/dev/null; then
	check bar bar
	check bar-and-lines bar_and_lines
else
	skip bar "script(1) is not installed"
fi

# A signal ends it, with a summary; then it dies of the signal.
interrupted()
{
	# name, number, mask as in /proc/PID/status
	for signal in INT:2:0x2 TERM:15:0x4000; do
		name=${signal%%:*} mask=${signal##*:}
		number=${signal#*:}
		number=${number%:*}
		# at this rate it runs for minutes
		env --default-signal=$name "$tool" verify --json --rate 10K \
			--backend $backend "$sample" >"$work/t/out" &
		pid=$!
		tries=0
		until caught=$(sed -n 's/^SigCgt:[[:space:]]*/0x/p' \
				/proc/$pid/status) && [ $((caught & mask)) -ne 0 ]; do
			tries=$((tries + 1))
			[ $tries -lt 300 ]
			sleep 0.1
		done
		kill -$name $pid
		code=0
		wait $pid || code=$?
		equal code $((128 + number)) $code
		equal interrupted true "$(summary interrupted)"
		[ "$(summary records)" -lt 400 ]
	done
}
check interrupted interrupted

# Storage that answers no more does not keep it.
interrupted_hanging()
{
	mkdir "$work/t/mount"
	mkfifo "$work/t/ready"
	slowfs -open 1h "$sample" "$work/t/mount" >"$work/t/ready" &
	slowfs_pid=$!
	read -r line <"$work/t/ready"
	equal slowfs ready "$line"
	env --default-signal=INT "$tool" verify --json --backend $backend \
		"$work/t/mount" >"$work/t/out" 2>"$work/t/err" &
	pid=$!
	# until it waits for a file: its workers are there
	tries=0
	while [ "$(ls /proc/$pid/task | wc -l)" -lt 12 ]; do
		tries=$((tries + 1))
		[ $tries -lt 300 ]
		sleep 0.1
	done
	kill -INT $pid
	# the process itself can't end before the kernel lets go of its calls
	tries=0
	until grep -q summary "$work/t/out"; do
		tries=$((tries + 1))
		[ $tries -lt 300 ]
		sleep 0.1
	done
	kill $slowfs_pid
	wait $slowfs_pid || :
	code=0
	wait $pid || code=$?
	equal code 130 $code
	equal summary "0	true" "$(summary files interrupted)"
}
if can_mount; then
	check interrupted-hanging interrupted_hanging
else
	skip interrupted-hanging "needs root and /dev/fuse"
fi

# Nobody reads any more: it ends as others do, or says why.
pipes()
{
	file=$sample/sdbox/mailboxes/INBOX/dbox-Mails/u.1
	large=$work/t/u.1
	(head -n 1 "$file"
	 printf '\001\002N          %016X\n' 10000000
	 head -c 10000000 /dev/zero
	 printf '\n\001\003\nR0\n\n') >"$large"
	(env --default-signal=PIPE "$tool" cat "$large" || echo $? >"$work/t/code") |
		head -c 10 >"$work/t/out"
	equal code 141 "$(cat "$work/t/code")"
	rm "$work/t/code"
	(env --ignore-signal=PIPE "$tool" cat "$large" 2>"$work/t/err" ||
		echo $? >"$work/t/code") | head -c 10 >"$work/t/out"
	equal code 2 "$(cat "$work/t/code")"
	says err 'standard output: Broken pipe'
	for command in "cat $file" "ls $file" "verify --json $sample" --help \
		"verify --help" --version; do
		code=0
		# shellcheck disable=SC2086 # words
		"$tool" $command >/dev/full 2>"$work/t/err" || code=$?
		equal "code of $command" 2 $code
		says err 'standard output: No space left'
	done
}
check pipes pipes

# A rate is not passed: the time that is at least needed, whatever the machine.
rate()
{
	gives 0 verify --json --rate 2M "$sample"
	summary bytes seconds paused_seconds >"$work/t/numbers"
	# what may be read at once: a quarter of a second, and two chunks
	awk '{
		least = ($1 - 2 * 262144) / 2097152 - 0.25
		print
		exit !(least > 1 && $2 >= least && $3 > least / 2)
	}
	END { if (NR != 1) exit 1 }' "$work/t/numbers"
	gives 0 verify --json "$sample"
	equal paused 0.000 "$(summary paused_seconds)"
}
check rate rate

bench()
{
	gives 0 "$tool" bench --backend $backend --json --messages 50 \
		--bytes 1M --rounds 2 "$sample"
	equal methods 4 "$(jsonl -type method name <"$work/t/out" | wc -l)"
	jsonl -type method rounds messages_per_second gain <"$work/t/out" |
		awk '!($1 == 2 && $2 > 0 && $3 > 0) { exit 1 }'
	jsonl -type sample messages bytes <"$work/t/out" |
		awk '!($1 > 10 && $1 <= 50 && $2 <= 1048576) { exit 1 }
			END { if (NR != 1) exit 1 }'
	gives 0 "$tool" bench --backend $backend -n 20 --rounds 1 "$sample"
	equal bars 4 "$(grep -c '/s .*##*$' "$work/t/out")"
	# The bars are as long as the rates are high.
	sed -n 's|^.* \([0-9][0-9]*\) /s .* \(##*\)$|\1 \2|p' "$work/t/out" |
		sort -n | awk '{ if (length($2) < last) exit 1; last = length($2) }
			END { if (NR != 4) exit 1 }'
	says out 'posix_fadvise\|stayed in the page cache'
	mkdir "$work/t/empty"
	gives 2 "$tool" bench "$work/t/empty"
	says err 'no whole messages below'
}
check bench bench
