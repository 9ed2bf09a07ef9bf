# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests that run QEMU on regions. To be sourced; a test is a function, and
# 'run_tests FUNCTION...' runs each in a shell of its own that ends at the first
# command that fails. What a test leaves behind is cleared away.
#
# A test has: $work, an empty directory; $domain, a domain for its names.

build=${VMSHM_BUILD:-$(dirname "${BASH_SOURCE[0]}")/../../build}
PATH=$(realpath "$build")/userspace:$PATH

# Seconds after which something that must happen counts as not happening.
patience=$((60 * ${VMSHM_TIMEOUT_SCALE:-1}))

# shellcheck disable=SC2034 # for the tests
mib=1048576

# A program that aborts need not leave its memory behind.
ulimit -c 0

say()
{
	echo "# $*"
}

# Says what is wrong, and where the test is.
fail()
{
	local i where=''

	for ((i = 1; i < ${#FUNCNAME[@]}; i++)); do
		[ "${FUNCNAME[i]}" != run_one ] || break
		where="${FUNCNAME[i]}:${BASH_LINENO[i - 1]}: $where"
	done
	say "$where$*" >&2
	return 1
}

# equal EXPECTED FOUND [WHAT]
equal()
{
	[ "$1" = "$2" ] || fail "${3:+$3: }expected '$1', found '$2'"
}

# contains TEXT PART
contains()
{
	case $1 in
	*"$2"*) ;;
	*) fail "'$2' is not in: $1" ;;
	esac
}

# at_least LEAST FOUND [WHAT]
at_least()
{
	[ "$2" -ge "$1" ] || fail "${3:+$3: }expected at least $1, found $2"
}

# refused STATUS COMMAND...: it must fail, and in this way. The exit statuses of
# vmshm are listed in vmshm(1).
refused()
{
	local status=0 want=$1

	shift
	"$@" >"$work/refused" 2>&1 || status=$?
	[ "$status" -eq "$want" ] ||
		fail "'$*': exit status $status, not $want: $(cat "$work/refused")"
}

# wait_until COMMAND...
wait_until()
{
	local end=$((SECONDS + patience))

	while [ "$SECONDS" -lt "$end" ]; do
		if "$@"; then return 0; fi
		sleep 0.1
	done
	fail "not within $patience seconds: $*"
}

# new SUFFIX SIZE [OPTION]...: creates a region; its name is $domain/SUFFIX.
new()
{
	vmshm create "$domain/$1" "--size=$2" "${@:3}"
}

# put SUFFIX OFFSET TEXT
put()
{
	printf %s "$3" | vmshm write -o "$2" "$domain/$1"
}

# get SUFFIX OFFSET LENGTH: as text; zeroes come as dots.
get()
{
	vmshm cat -o "$2" -n "$3" "$domain/$1" | tr '\0' .
}

# info SUFFIX KEY: what vmshm info says of a region.
info()
{
	vmshm info --json "$domain/$1" |
		sed -n "s/^  \"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p"
}

# peer SUFFIX ARGUMENT...: see lib/peers.py
peer()
{
	vmshm exec -- python3 "$(dirname "${BASH_SOURCE[0]}")/peers.py" \
		"@$domain/$1@" "${@:2}"
}

# has_peers SUFFIX COUNT
has_peers()
{
	[ "$(peer "$1" list | wc -l)" -eq "$2" ]
}

# A value of -object: a region as memory.
# backend ID SUFFIX SIZE [PROPERTIES]
backend()
{
	echo "memory-backend-file,id=$1,size=$3,mem-path=@$domain/$2@${4:+,$4}"
}

# qemu_exec LOG ARGUMENT...: replaces this shell. What is in $qemu_as runs QEMU,
# $exec_options are for vmshm exec.
qemu_exec()
{
	local log=$1

	shift
	exec vmshm exec "${exec_options[@]}" -- "${qemu_as[@]}" \
		qemu-system-x86_64 -nodefaults -no-user-config -display none \
		-m 32 "$@" </dev/null >"$log" 2>&1
}

# qemu NAME ARGUMENT...: starts QEMU and waits until it is ready.
qemu()
{
	local name=$1 in out

	shift
	mkfifo "$work/$name.qmp.in" "$work/$name.qmp.out"
	chmod 666 "$work/$name".qmp.*
	qemu_exec "$work/$name.log" -qmp "pipe:$work/$name.qmp" "$@" &
	pids[$name]=$!
	# Open for both, so that nothing waits for a QEMU that is gone.
	exec {in}<>"$work/$name.qmp.in" {out}<>"$work/$name.qmp.out"
	qmp_in[$name]=$in
	qmp_out[$name]=$out
	qmp_answer "$name" QMP >/dev/null
	qmp "$name" qmp_capabilities >/dev/null
}

# qemu_refuses MESSAGE ARGUMENT...: QEMU must end by itself, saying that.
qemu_refuses()
{
	local status=0 message=$1

	shift
	# Not to be told by the shell that it was killed, if it was.
	{ (qemu_exec "$work/refused" "$@" -qmp stdio) || status=$?; } 2>/dev/null
	[ $status -ne 0 ] || fail "QEMU did not refuse"
	contains "$(cat "$work/refused")" "$message"
}

# qmp_answer NAME KEY: reads until there is an answer, or the greeting.
qmp_answer()
{
	local line='' part ended='' end=$((SECONDS + patience))

	# No break or continue: after a time-out bash forgets what loop it is in.
	while [ "$SECONDS" -lt "$end" ]; do
		kill -0 "${pids[$1]}" 2>/dev/null || ended=1
		if read -r -t 1 -u "${qmp_out[$1]}" part; then
			case $line$part in
			'{"error"'*)
				fail "QEMU '$1': $line$part"
				return
				;;
			'{"'"$2"'"'*)
				echo "$line$part"
				return
				;;
			esac
			line=''
		else
			line+=$part
			# What it said last has been read by now.
			[ -z "$ended" ] || end=0
		fi
	done
	fail "QEMU '$1' does not answer: $(cat "$work/$1.log")"
}

# qmp NAME COMMAND [ARGUMENTS]: ARGUMENTS is JSON without the braces.
qmp()
{
	echo "{\"execute\": \"$2\", \"arguments\": {${3-}}}" \
		>&"${qmp_in[$1]}"
	qmp_answer "$1" return
}

# hmp NAME LINE: a line for the human monitor
hmp()
{
	qmp "$1" human-monitor-command "\"command-line\": \"$2\""
}

# What has not ended by itself is still there: a QEMU that died fails a test.
quit()
{
	local status=0

	qmp "$1" quit >/dev/null
	wait "${pids[$1]}" || status=$?
	unset "pids[$1]"
	equal 0 $status "QEMU's exit status"
}

# Not a single instruction is run.
stopped=(-accel tcg -S)
machine=(-machine "q35,memory-backend=ram")

# guest NAME SUFFIX SIZE [PROPERTIES [ARGUMENT...]]: a guest that does not run
# yet, and all its memory is a region.
guest()
{
	qemu "$1" "${stopped[@]}" "${machine[@]}" -m "$3" \
		-object "$(backend ram "$2" "$3" "share=on${4:+,$4}")" "${@:5}"
}

# guest_refused MESSAGE SUFFIX SIZE [PROPERTIES]
guest_refused()
{
	qemu_refuses "$1" "${stopped[@]}" "${machine[@]}" -m "$3" \
		-object "$(backend ram "$2" "$3" "share=on${4:+,$4}")"
}

# mapping NAME SUFFIX: the line of /proc/PID/maps about a region
mapping()
{
	grep "vmshm:$domain/$2" "/proc/${pids[$1]}/maps"
}

# shellcheck disable=SC2317 # called by a trap
clear_away()
{
	local name pid

	set +eE
	trap - ERR
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	for name in $(vmshm ls --names "$domain/"); do
		vmshm rm "$name"
	done
	rm -rf "$work"
}

# shellcheck disable=SC2317 # called by a trap
report()
{
	case $1 in
	return*|fail*) ;;
	*) say "${FUNCNAME[1]}:$2: failed: $1" >&2 ;;
	esac
}

run_one()
{
	declare -gA pids=() qmp_in=() qmp_out=()
	qemu_as=() exec_options=()
	domain=qemu-$$
	work=$(mktemp -d "${TMPDIR:-/tmp}/qemu.XXXXXX")
	chmod 755 "$work"
	trap clear_away EXIT
	trap 'report "$BASH_COMMAND" $LINENO' ERR
	set -eE
	"$1"
}

run_tests()
{
	local number=0 failed=0 t

	echo "TAP version 13"
	echo "1..$#"
	for t; do
		number=$((number + 1))
		(run_one "$t")
		# Not 'if (...)': that would switch off errexit in it.
		# shellcheck disable=SC2181
		if [ $? -eq 0 ]; then
			echo "ok $number $t"
		else
			echo "not ok $number $t"
			failed=$((failed + 1))
		fi
	done
	echo "# Totals: pass:$((number - failed)) fail:$failed"
	exit $((failed > 0))
}
