#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Completion in bash, of verbs, options, their values and names of regions.

set -u
number=0 failed=0
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

# What others may call their regions; what is in there is not to be run.
# shellcheck disable=SC2016
evil=('evil/$(touch${IFS}$dir/a)' 'evil/`touch${IFS}$dir/b`' 'evil/*'
      'evil/a;touch$IFS$dir/c' "evil/'\\")

# Stands for the command, which would need a kernel to say names.
# shellcheck disable=SC2317 # called by the completion
vmshm()
{
	local name

	case "$1 ${2-}" in
	"ls --names")
		for name in vm1/ram vm1/video vm2/ram "${evil[@]}"; do
			case $name in "$4"*) echo "$name" ;; esac
		done
		;;
	"peers --")
		printf 'NUMBER NAME PID\n     0 -    12\n     7 host 13\n'
		;;
	*) "$BUILD/vmshm" "$@" ;;
	esac
}

# shellcheck disable=SC2317 # the same
vmshm-ivshmem-server()
{
	"$BUILD/vmshm-ivshmem-server" "$@"
}

# shellcheck source=/dev/null
. "$SOURCE/completion/vmshm.bash"

# completes EXPECTED WORD...: the last word is what is being typed; by the
# function that bash would call for the first one
completes()
{
	local expected=$1 got function

	shift
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	function=$(complete -p -- "$1" | sed 's/.*-F \([^ ]*\) .*/\1/')
	"$function"
	got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ')
	number=$((number + 1))
	if [ "$got" = "$expected" ]; then
		echo "ok $number $*"
	else
		echo "# '$got' instead of '$expected'"
		echo "not ok $number $*"
		failed=1
	fi
}

echo 1..36
completes "resize ring rm" vmshm r
completes "wait watch who write" vmshm w
completes "cat chmod chown create" vmshm c
completes "vm1/ram vm1/video" vmshm info vm1/
completes "vm2/ram" vmshm rm vm1/ram vm2
completes "--json" vmshm info --j
completes "--ephemeral" vmshm create --ep
completes "always" vmshm create --huge = al
completes "grow" vmshm seal vm1/ram g
completes "vm2/ram" vmshm seal vm2
completes "release reserve" vmshm domain re
completes "closed created" vmshm watch --events = c
completes "vm2/ram" vmshm watch --json vm2
completes "info" vmshm help inf
completes "vm1/ram vm1/video" vmshm resize vm1
completes "" vmshm resize vm1/ram 6
completes "/proc/self/oom_score_adj" vmshm exec -- cat /proc/self/oom_score_
completes "0 7 all" vmshm ring vm1/ram ""
completes "" vmshm wait vm1/ram --number = 1
server=vmshm-ivshmem-server
completes "vm1/ram vm1/video" $server vm1
completes "vm2/ram" $server vm1/ram --socket = /tmp/socket vm2
completes "vm2/ram" $server -s /tmp/socket --verbose vm2
completes "--verbose --version" $server --ver
completes "--any-owner" $server vm1/ram --any
completes "--socket" $server --so
completes "/proc/self/oom_score_adj" $server --socket /proc/self/oom_score_
completes "/proc/self/oom_score_adj" $server --socket = /proc/self/oom_score_
completes "/proc/self/oom_score_adj" $server vm1/ram -s /proc/self/oom_score_
completes "660 666" $server --mode = 66
completes "root" $server --owner = roo
completes "" $server --vectors 1

quoted=$(printf '%q\n' "${evil[@]}" | sort | paste -sd ' ')
completes "$quoted" vmshm info evil/
completes "$(printf %q "${evil[0]}")" vmshm info 'evil/\$\('
completes "vm1/ram" vmshm info "'vm1/r"
completes "$quoted" vmshm-ivshmem-server evil/
if [ -z "$(ls -A "$dir")" ]; then
	echo "ok 36 nothing of a name is run"
else
	echo "not ok 36 nothing of a name is run"
	failed=1
fi
exit $failed
