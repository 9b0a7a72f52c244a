# Sourced by run.sh: memory does not grow with the spool.

# 120 users who have the same 1000 mails, or one of them.
spool()
{
	"$top/build/mkstore" -sdbox 1000 -mdbox 0 "$work/t/user"
	mkdir "$work/t/spool"
	i=0
	while [ $i -lt 120 ]; do
		i=$((i + 1))
		cp -al "$work/t/user" "$work/t/spool/u$i"
	done
}

bounded_memory()
{
	spool
	gives 0 peak "$work/t/small" "$tool" verify --json \
		--backend $backend "$work/t/user"
	equal files 1000 "$(summary files)"
	gives 0 peak "$work/t/large" "$tool" verify --json \
		--backend $backend "$work/t/spool"
	equal counts "120000	120000	0" "$(summary files records vanished)"
	small=$(cat "$work/t/small") large=$(cat "$work/t/large")
	echo "peak with 1000 files: $small KiB, with 120000: $large KiB"
	[ "$large" -lt $((small + 32768)) ]
	[ "$large" -lt 131072 ]
}
TEST_SECONDS=300 check bounded-memory bounded_memory
