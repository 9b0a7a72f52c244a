# Sourced by run.sh: what the help says, the manual page and the completion say
# too.

manual=$top/docs/man/dboxaio.1
completion=$top/lib/dboxaio/completion.bash

# options COMMAND: those that its --help lists.
options()
{
	"$tool" "$1" --help | sed -n 's/^  \(    \|-\)/\1/p' |
		grep -o '^ *-[-a-zA-Z, ]*' | grep -oE -- '(^|[ ,])--?[a-z-]+' |
		tr -d ' ,'
}

# complete WORD...: what is offered for the last one.
complete()
{
	bash -c '. "$0"
		compopt() { :; }
		COMP_WORDS=(dboxaio "$@") COMP_CWORD=$#
		_dboxaio
		printf "%s\n" "${COMPREPLY[@]}"' "$completion" "$@" | sort
}

# of_manual COMMAND: the part about it.
of_manual()
{
	sed -n "/^\.Ss dboxaio $1\$/,/^\.S[sh] /p" "$manual"
}

options_told()
{
	for command in verify ls cat bench; do
		options $command | sort >"$work/t/options"
		[ "$(wc -l <"$work/t/options")" -ge 2 ]
		complete $command - >"$work/t/completed"
		diff "$work/t/options" "$work/t/completed"
		of_manual $command | grep -o '^\.It Fl .*' | tr -d ',' |
			grep -o 'Fl [-a-zA-Z]*' | sed 's/Fl /-/' | sort \
			>"$work/t/manual"
		diff "$work/t/options" "$work/t/manual"
		# and all of them are taken
		while read -r option; do
			"$tool" $command $option 2>"$work/t/err" </dev/null \
				>"$work/t/out" || :
			lacks err 'unrecognized option\|invalid option'
		done <"$work/t/options"
		gives 2 "$tool" $command --no-such-option
		says err 'unrecognized option'
	done
	equal commands "$(printf '%s\n' --help --version bench cat ls verify)" \
		"$(complete '')"
	equal backends "$(printf 'auto\nthreads\nuring')" \
		"$(complete verify --backend '')"
}
check options-told options_told

# A newer manual does not say that a code means something else.
manual_page()
{
	mandoc -T lint -W warning "$manual"
	mandoc -T utf8 "$manual" | grep -q dboxaio
}
if command -v mandoc >/dev/null; then
	check manual manual_page
else
	skip manual "mandoc is not installed"
fi

usage()
{
	gives 0 "$tool" --help
	says out '^usage: dboxaio COMMAND'
	gives 0 "$tool" --version
	says out "^libdbox_aio [0-9.]*$"
	says out '^zlib [0-9]'
	gives 2 "$tool"
	gives 2 "$tool" frobnicate
	says err 'no command frobnicate'
	for words in "verify" "verify --rate x /" "verify --rate 0 /" \
		"verify --rate 1Q /" "verify --jobs 0 /" "verify -j -1 /" \
		"verify --backend magic /" "ls" "ls a b" "cat" "cat a -1" \
		"cat a 1x" "cat --metadata --headers a" "bench" "bench a b" \
		"bench -n 0 a" "bench --bytes 9999999999999999999T a"; do
		# shellcheck disable=SC2086 # words
		gives 2 "$tool" $words
		says err '^usage: dboxaio\|^       dboxaio'
	done
}
check usage usage
