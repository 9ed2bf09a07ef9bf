#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# cmd_peers.sh - the vmshm command on a real kernel: peers, ring, wait, and
# what watch tells of peers
#
# Runs as root, with vmshm in PATH.

# run_tests calls the functions; names have no blanks
# shellcheck disable=SC2317,SC2086
# shellcheck source=selftests/lib/cmd.sh
. "$(dirname "$(realpath "$0")")/lib/cmd.sh"

test_ring()
{
	local r=$domain/ring

	vmshm create $r --size 4K --mode 644
	quiet "nobody" vmshm peers $r
	refused "nobody to ring" 3 "there is no such peer" vmshm ring $r 0
	quiet "nobody of all" vmshm ring $r all

	holder "$work/rung" vmshm wait $r --as host --vectors 3 -n 2 \
		--timeout 100
	json "who waits" "
		[(p['number'], p['name'], p['comm'], p['uid'], p['vectors'],
		  p['eventfds'], p['pending'], p['may_ring'], p['exited'])
		 for p in j['peers']] ==
		[(0, 'host', 'vmshm', 0, 3, [0, 1, 2], [], False, False)]" \
		vmshm peers $r --json
	check "as a table" 0 "NUMBER *NAME*
 *0 *host *root *vmshm *3 *0-2 *- *no * runs" "" vmshm peers $r
	refused "a vector that is not there" 2 "no such vector" \
		vmshm ring $r host 3
	refused "a name that is not there" 3 "no such peer" vmshm ring $r guest
	refused "who may only read" 4 "may not ring" \
		as_alice vmshm ring $r host
	refused "the number is taken" 7 "the number is taken" \
		vmshm wait $r --number 0
	quiet "by number" vmshm ring $r 0 2
	for ((i = 0; i < 500; i++)); do
		grep -q "vector 2" "$work/rung" && break
		sleep 0.05
	done
	quiet "by name" vmshm ring $r host
	true_that "it ends" wait "${children[-1]}"
	unset 'children[-1]'
	true_that "what it was told" \
		[ "$(paste -sd ' ' "$work/rung")" = "peer 0 vector 2 vector 0" ]
	quiet "it has left" vmshm peers $r
	check "the time is over" 10 "peer 0" "" vmshm wait $r --timeout 0.1
}

test_readers()
{
	local r=$domain/readers

	json "may ring" "j['flags'] == ['ring-readers']" \
		vmshm create $r --size 4K --mode 644 --ring-readers --json
	holder "$work/rung" vmshm wait $r --json --timeout 100
	quiet "a reader rings" as_alice vmshm ring $r 0
	true_that "it ends" wait "${children[-1]}"
	unset 'children[-1]'
	true_that "what it was told" grep -q '{"vectors":\[0\]}' "$work/rung"
}

test_watch()
{
	local r=$domain/watch

	vmshm create $r --size 4K
	vmshm watch $r --events joined,left,peer-exit -n 3 --timeout 100 \
		>"$work/events" &
	children+=($!)
	# The watch has begun when it tells of a join.
	for ((i = 0; i < 200; i++)); do
		vmshm ring $r all
		[ -s "$work/events" ] && break
		sleep 0.1
	done
	vmshm ring $r all
	true_that "it ends" wait "${children[-1]}"
	unset 'children[-1]'
	true_that "who came and went" \
		grep -q "$r joined as peer 65535 by process [0-9]* of root" \
		"$work/events"
	true_that "who left" grep -q "$r left as peer 65535" "$work/events"
}

test_killed()
{
	local r=$domain/killed

	vmshm create $r --size 4K
	holder "$work/rung" vmshm wait $r --as victim
	json "it waits" "len(j['peers']) == 1" vmshm peers $r --json
	kill -KILL "${children[-1]}"
	wait "${children[-1]}" 2>/dev/null
	unset 'children[-1]'
	quiet "killed, and gone" vmshm peers $r
}

test_limits()
{
	local r=$domain/limits used

	vmshm create $r --size 4K
	used=$(vmshm limits --json | jq_field peers_used)
	holder "$work/rung" vmshm wait $r
	json "a peer counts" "j['peers_used'] == $used + 1 and
		j['peers_user'] > 1 and 'peers' in j['features']" \
		vmshm limits --json
	release
}

run_tests ring readers watch killed limits
