# SPDX-License-Identifier: GPL-2.0
# Completion for vmshm(1) and vmshm-ivshmem-server(1) in bash -*- shell-script -*-

# Verbs and options are what the command itself says, so that they are right.
_vmshm_verbs()
{
	vmshm --help 2>/dev/null | sed -n 's/^  \([a-z]\{1,\}\) .*/\1/p'
}

_vmshm_options()
{
	vmshm "$1" --help 2>/dev/null | grep -o -e '--[a-z][a-z-]*' | sort -u
}

_vmshm_names()
{
	vmshm ls --names -- "$(_vmshm_plain "$1")" 2>/dev/null
}

_vmshm_peers()
{
	echo all
	vmshm peers -- "$(_vmshm_plain "$1")" 2>/dev/null | sed '1d' | awk '{ print $1 }'
}

# Values of an option; status 1 if it has none or they cannot be listed.
_vmshm_values()
{
	case $1 in
	--huge) echo never always within-size advise ;;
	--events) echo created opened closed exit resized sealed attr \
		unlinked joined left peer-exit vector bound unbound overflow ;;
	--owner) compgen -u ;;
	--prefix) _vmshm_names "$2" ;;
	--readonly) _vmshm_names "$2" ;;
	--size|--max|--offset|--length|--mode|--generation|--registry|--count|\
	--timeout|--number|--vectors|--as|--older-than|--rounds|--interval|--watermark) ;;
	*) return 1 ;;
	esac
}

# What can stand in this place, which is the Nth that is no option.
_vmshm_arguments()
{
	local verb=$1 n=$2 cur=$3

	case $verb:$n in
	help:1) _vmshm_verbs ;;
	help:*|limits:*|create:*|gc:*) ;;
	domain:1) echo reserve release ;;
	domain:2) _vmshm_names "$cur" | sed 's|/.*||' | sort -u ;;
	domain:3) compgen -u ;;
	seal:1) _vmshm_names "$cur" ;;
	seal:*) echo seal shrink grow write future-write ;;
	ring:2) _vmshm_peers "${COMP_WORDS[2]}" ;;
	chmod:1) echo 600 640 644 660 664 666 ;;
	chown:1) compgen -u ;;
	chmod:*|chown:*|rm:*|exec:*|top:*) _vmshm_names "$cur" ;;
	*:1) _vmshm_names "$cur" ;;
	esac
}

# What is typed, without what quotes it.
_vmshm_plain()
{
	local plain

	case $1 in
	[\'\"]*)
		printf '%s' "${1:1}"
		return
		;;
	esac
	# shellcheck disable=SC2162 # it is to take them away
	IFS='' read -d '' plain < <(printf '%s' "$1")
	printf '%s' "$plain"
}

# Offers those of some words, separated by space, that begin with what is typed.
# Names of regions are other people's: nothing of them may be expanded, not by
# "compgen -W" here, and not by the shell that is to run the completed line.
_vmshm_offer()
{
	local cur=$1 plain quoted word words

	plain=$(_vmshm_plain "$cur")
	read -r -d '' -a words <<<"$2"
	for word in "${words[@]}"; do
		printf -v quoted %q "$word"
		case $cur in
		[\'\"]*)
			# Within quotes as it is, or not at all.
			if [ "$word" = "$quoted" ] && [[ $word == "$plain"* ]]; then
				COMPREPLY+=("$word")
			fi
			;;
		*)
			if [[ $word == "$plain"* ]]; then
				COMPREPLY+=("$quoted")
			fi
			;;
		esac
	done
}

_vmshm()
{
	local cur=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}
	local i n=0 option='' words=''

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		words="$(_vmshm_verbs) help --help --version"
		_vmshm_offer "$cur" "$words"
		return
	fi

	# The program that is run, which has a completion of its own at best.
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = -- ]; then
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
			return
		fi
	done

	# bash breaks words at "=".
	if [ "$cur" = = ]; then
		cur='' option=${COMP_WORDS[COMP_CWORD - 1]}
	elif [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
		option=${COMP_WORDS[COMP_CWORD - 2]}
	fi
	if [ -n "$option" ]; then
		words=$(_vmshm_values "$option" "$cur")
		_vmshm_offer "$cur" "$words"
		return
	fi
	if [[ $cur == -* ]]; then
		words=$(_vmshm_options "$verb")
		_vmshm_offer "$cur" "$words"
		return
	fi

	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*|=) ;;
		*) [ "${COMP_WORDS[i - 1]}" = = ] || n=$((n + 1)) ;;
		esac
	done
	words=$(_vmshm_arguments "$verb" $((n + 1)) "$cur")
	_vmshm_offer "$cur" "$words"
}

complete -F _vmshm vmshm

# Options are what the program itself says, so that they are right.
_vmshm_ivshmem_server_options()
{
	vmshm-ivshmem-server --help 2>/dev/null |
		sed -n 's/^ .*\(--[a-z][a-z-]*\).*/\1/p' | sort -u
}

_vmshm_ivshmem_server()
{
	local cur=${COMP_WORDS[COMP_CWORD]}
	local previous=${COMP_WORDS[COMP_CWORD - 1]} words

	COMPREPLY=()
	# bash breaks words at "=".
	if [ "$cur" = = ]; then
		cur=''
	elif [ "$previous" = = ]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	fi

	case $previous in
	-s|--socket)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	-m|--mode) words='600 660 666' ;;
	--owner) words=$(compgen -u) ;;
	-n|--vectors|-c|--max-clients|--generation) return ;;
	*)
		if [[ $cur == -* ]]; then
			words=$(_vmshm_ivshmem_server_options)
		else
			words=$(_vmshm_names "$cur")
		fi
		;;
	esac
	_vmshm_offer "$cur" "$words"
}

complete -F _vmshm_ivshmem_server vmshm-ivshmem-server
