# SPDX-License-Identifier: GPL-2.0
# Completion for vmshm-ivshmem-server(1) in bash          -*- shell-script -*-

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
			words=$(vmshm ls --names -- "$cur" 2>/dev/null)
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _vmshm_ivshmem_server vmshm-ivshmem-server
