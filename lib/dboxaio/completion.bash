# bash completion for dboxaio(1)

_dboxaio()
{
	local cur prev command=${COMP_WORDS[1]}
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD-1]}
	COMPREPLY=()

	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W \
			'verify ls cat bench --help --version' -- "$cur")
		return
	fi
	case $prev in
	--backend)
		mapfile -t COMPREPLY < <(compgen -W 'auto uring threads' \
			-- "$cur")
		return ;;
	--rate|--bytes|--rounds|--jobs|-j|--messages|-n)
		return ;;
	esac
	case $command:$cur in
	verify:-*)
		mapfile -t COMPREPLY < <(compgen -W '--json --rate --jobs -j
			--backend --no-alt --verbose -v --quiet -q --help' \
			-- "$cur") ;;
	ls:-*)
		mapfile -t COMPREPLY < <(compgen -W '--json --help' -- "$cur") ;;
	cat:-*)
		mapfile -t COMPREPLY < <(compgen -W '--headers --metadata
			--decompress -d --help' -- "$cur") ;;
	bench:-*)
		mapfile -t COMPREPLY < <(compgen -W '--json --messages -n
			--bytes --rounds --backend --help' -- "$cur") ;;
	bench:*)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	verify:*|ls:*|cat:*)
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	esac
}
complete -F _dboxaio dboxaio
