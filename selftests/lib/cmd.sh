# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of the vmshm command: what is run, what it must print, and the exit
# status. To be read by scripts that then call run_tests.

set -u
export LC_ALL=C

# All names begin with it, and all regions go with the test.
domain=cmd$$
work=$(mktemp -d)
number=0 failed=0
children=()

cleanup()
{
	local pid

	for pid in ${children[@]+"${children[@]}"}; do
		kill -KILL "$pid"
		wait "$pid"
	done 2>/dev/null
	vmshm ls --names "$domain" | xargs -r vmshm rm
	vmshm gc --all-registries --prefix="$domain" >/dev/null
	rm -rf "$work"
}
trap cleanup EXIT

result()
{
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number $2"
	else
		cut -c1-200 "$work/out" | head -n 50 | sed 's/^/# stdout: /'
		sed 's/^/# stderr: /' "$work/err"
		[ ! -e "$work/events" ] || sed 's/^/# event: /' "$work/events"
		echo "not ok $number $2"
		failed=1
	fi
}

# run COMMAND...: leaves $status, $work/out and $work/err
run()
{
	status=0
	"$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

# matches FILE PATTERN: bash patterns; an empty one is for an empty file
matches()
{
	local text

	text=$(tr -d '\0' <"$1")
	# shellcheck disable=SC2053 # patterns are wanted
	[[ $text == $2 ]]
}

# check NAME STATUS STDOUT STDERR COMMAND...
check()
{
	local name=$1 want=$2 out=$3 err=$4 rc=0

	shift 4
	run "$@"
	[ "$status" -eq "$want" ] || { echo "# status $status"; rc=1; }
	matches "$work/out" "$out" || { echo "# stdout not $out"; rc=1; }
	matches "$work/err" "$err" || { echo "# stderr not $err"; rc=1; }
	result $rc "$name"
}

# quiet NAME COMMAND...: success, and nothing is printed
quiet()
{
	check "$1" 0 "" "" "${@:2}"
}

# refused NAME STATUS REASON COMMAND...
refused()
{
	check "$1" "$2" "" "vmshm: cannot *$3*" "${@:4}"
}

# json NAME EXPRESSION COMMAND...: in Python, of what is printed as j
json()
{
	local rc=0

	run "${@:3}"
	[ "$status" -eq 0 ] && [ ! -s "$work/err" ] || rc=1
	python3 -c '
import json, os, sys
j = json.load(open(sys.argv[1]))
sys.exit(0 if eval("(%s)" % sys.argv[2]) else 1)' "$work/out" "$2" || rc=1
	result $rc "$1"
}

# true_that NAME COMMAND...: of anything else
true_that()
{
	local rc=0

	: >"$work/out"
	: >"$work/err"
	"${@:2}" || rc=1
	result $rc "$1"
}

info()
{
	vmshm info "$1" --json | jq_field "$2"
}

jq_field()
{
	python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

alice=12345
# A user who may use the device: without a name, and without privileges.
as_alice()
{
	setpriv --reuid=$alice --regid=$alice --groups="$(stat -c %g /dev/vmshm)" \
		--inh-caps=-all -- "$@"
}

# holder FILE COMMAND...: runs in the background until it is let go or killed;
# waits until it has written its process id to the file
holder()
{
	local file=$1

	rm -f "$file"
	"${@:2}" >"$file" 2>"$work/err" </dev/null &
	children+=($!)
	until [ -s "$file" ]; do
		sleep 0.1
		kill -0 $! 2>/dev/null || break
	done
}

release()
{
	kill -KILL "${children[-1]}"
	wait "${children[-1]}" 2>/dev/null
	unset 'children[-1]'
}

# run_tests NAME...: calls test_NAME, each in turn
run_tests()
{
	local name

	echo "TAP version 13"
	for name; do
		echo "# $name"
		"test_$name"
	done
	echo "1..$number"
	exit $failed
}
