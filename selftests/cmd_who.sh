#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# cmd_who.sh - the vmshm command on a real kernel: who, watch, log, top
#
# Runs as root, with vmshm in PATH.

# run_tests calls the functions; names have no blanks; '$' is for shells
# that are started
# shellcheck disable=SC2317,SC2086,SC2016
# shellcheck source=selftests/lib/cmd.sh
. "$(dirname "$(realpath "$0")")/lib/cmd.sh"

test_who()
{
	local r=$domain/who pid

	vmshm create $r --size 1M --mode 644
	quiet "nobody" vmshm who $r

	holder "$work/pid" vmshm exec $r=9 -- python3 -c '
import mmap, os, time
m = mmap.mmap(9, 8192, offset=4096)
print(os.getpid(), flush=True)
time.sleep(1000)'
	pid=$(cat "$work/pid")
	json "who opened it, who maps it" "
		[(o['pid'], o['uid'], o['comm'], o['read'], o['write'],
		  o['exited']) for o in j['opens']] ==
		[($pid, 0, 'python3', True, True, False)] and
		[(m['pid'], m['offset'], m['length'], m['private'])
		 for m in j['maps']] == [($pid, 4096, 8192, False)] and
		($pid, 9, False) in [(d['pid'], d['fd'], d['passed'])
				     for d in j['descriptors']] and
		j['hidden_processes'] == 0" vmshm who $r --json
	check "as a table" 0 "*PID  USER  COMMAND  RIGHTS  SINCE*
*$pid  root  python3  rw *opened it, fd *9*
*$pid  root  python3  rw *maps 8K at 4K*" "" vmshm who $r
	check "who may not look into processes is told" 0 "*$pid*" \
		"*processes may not be looked at*" as_alice vmshm who $r
	release
	quiet "killed, and gone" vmshm who $r

	# The opener ends; a child of it has the file.
	# shellcheck disable=SC2016 # for the shell that is started
	holder "$work/pid" vmshm exec --readonly $r=9 -- \
		sh -c 'sleep 1000 >/dev/null 2>&1 & echo $!'
	pid=$(cat "$work/pid")
	wait "${children[-1]}"
	children[-1]=$pid
	json "passed on by a process that ended" "
		[(o['exited'], o['write']) for o in j['opens']] ==
		[(True, False)] and
		[(d['pid'], d['comm'], d['fd'], d['passed'], d['write'])
		 for d in j['descriptors']] ==
		[($pid, 'sleep', 9, True, False)]" vmshm who $r --json
	check "as a table" 0 "*opened it, has ended, passed it on*
*$pid  root  sleep *was passed it, fd 9*" "" vmshm who $r
	kill -KILL "$pid"
	unset 'children[-1]'
	refused "of nothing" 3 "no region" vmshm who $r-none
	vmshm chmod 600 $r
	refused "of what one may not open" 4 "permission" as_alice vmshm who $r
}

# Threads with a table of descriptors of their own, and a process whose first
# thread has ended.
test_who_threads()
{
	local r=$domain/threads pid

	vmshm create $r --size 4K
	holder "$work/pid" vmshm exec $r=9 -- python3 -c '
import ctypes, os, threading, time
libc = ctypes.CDLL(None)
def other():
    libc.unshare(0x400)         # CLONE_FILES
    os.dup2(9, 77)
    print(os.getpid(), flush=True)
    time.sleep(1000)
threading.Thread(target=other).start()
time.sleep(1000)'
	pid=$(cat "$work/pid")
	json "a table of its own" "
		($pid, 9) in [(d['pid'], d['fd']) for d in j['descriptors']] and
		($pid, 77) in [(d['pid'], d['fd']) for d in j['descriptors']] and
		len(j['descriptors']) == 2" vmshm who $r --json
	release

	holder "$work/pid" vmshm exec $r=9 -- python3 -c '
import ctypes, os, threading, time
libc = ctypes.CDLL(None)
main = os.getpid()
def other():
    while open("/proc/%d/stat" % main).read().rsplit(")")[1].split()[0] != "Z":
        time.sleep(0.1)
    print(main, flush=True)
    time.sleep(1000)
threading.Thread(target=other).start()
libc.syscall(60, 0)             # exit() of one thread'
	pid=$(cat "$work/pid")
	json "the first thread has ended" "
		($pid, 9) in [(d['pid'], d['fd']) for d in j['descriptors']] and
		not j['opens'][0]['exited']" vmshm who $r --json
	release
}

# until_over PID COMMAND...: does something again and again until a watch ends
until_over()
{
	local pid=$1 status=0

	while kill -0 "$pid" 2>/dev/null; do
		"${@:2}"
		sleep 0.2
	done
	wait "$pid" || status=$?
	unset 'children[-1]'
	return $status
}

create_and_remove()
{
	vmshm create "$1" --size 4K
	vmshm rm "$1"
}

test_watch()
{
	local r=$domain/watch pid

	vmshm create $r --size 4K --max 1M
	check "time is over" 0 "" "" vmshm watch $r --timeout 0.2
	check "time is over before the events are there" 10 "" "" \
		vmshm watch $r --timeout 0.2 --count 1
	refused "nothing to watch" 3 "no region" vmshm watch $r-none
	check "own traces are not shown" 0 "" "" vmshm watch $r -t 0.3

	vmshm watch "$domain/w/" --count 6 >"$work/events" &
	children+=($!)
	true_that "six events of a prefix" until_over $! \
		create_and_remove "$domain/w/x"
	true_that "six lines" [ "$(wc -l <"$work/events")" = 6 ]
	true_that "created" grep -q " $domain/w/x created by process [0-9]* of root$" \
		"$work/events"
	true_that "unlinked" grep -q " $domain/w/x unlinked by " "$work/events"

	vmshm watch "$domain/w/" --events created --count 2 --json \
		>"$work/events" &
	children+=($!)
	true_that "two events of a kind" until_over $! \
		create_and_remove "$domain/w/x"
	true_that "as json lines" python3 -c '
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
assert [e["event"] for e in events] == ["created"] * 2
assert events[0]["name"] == sys.argv[2] == events[1]["name"]
assert events[0]["generation"] < events[1]["generation"]
assert events[0]["pid"] and events[0]["uid"] == 0' \
		"$work/events" "$domain/w/x"

	# One region, from its first event that is seen to its end.
	rm "$work/events"
	vmshm watch $r >"$work/events" &
	pid=$!
	children+=("$pid")
	until [ -s "$work/events" ]; do
		vmshm exec $r -- true
		sleep 0.2
	done
	vmshm resize $r 8K
	vmshm chmod 644 $r
	vmshm seal $r grow
	vmshm rm $r
	true_that "ends with the region" wait $pid
	unset 'children[-1]'
	true_that "opened" grep -q " $r opened for reading and writing by " \
		"$work/events"
	true_that "resized" grep -q " $r resized from 4K to 8K by " "$work/events"
	true_that "attr" grep -q " $r attr from mode 0600 to 0644 by " \
		"$work/events"
	true_that "sealed" grep -q " $r sealed with grow by " "$work/events"
	true_that "unlinked at last" grep -q " $r unlinked by " "$work/events"

	# A process that is killed.
	vmshm create $r --size 4K
	vmshm watch $r --events exit --count 1 >"$work/events" &
	pid=$!
	children+=("$pid")
	kill_one()
	{
		vmshm exec $r=9 -- sh -c 'kill -KILL $$' 2>/dev/null
	}
	true_that "end of a process" until_over $pid kill_one 2>/dev/null
	true_that "exit" grep -q " $r exit for reading and writing by " \
		"$work/events"
}

test_logs()
{
	local r=$domain/log

	vmshm create $r --size 64K
	check "all dirty" 0 "*16*" "" vmshm log $r --all-dirty --rounds 1 -i 0.1
	json "json" "len(j) == 2" vmshm log $r --rounds 2 --interval 0.1 --json
	check "ends when it is told to" 0 "*ROUND*" "" \
		timeout --preserve-status 3 vmshm log $r --watermark 5
	json "ends when it is interrupted" "len(j) >= 1" \
		timeout --preserve-status --signal INT 3 \
		vmshm log $r --interval 0.5 --json
	refused "of nothing" 3 "no region" vmshm log $r-none
	check "top" 0 "*$r*" "" vmshm top $r --rounds 1 --interval 0.1
	json "top is not there itself" "j[0][0]['opens'] == 0" \
		vmshm top $r --rounds 1 --interval 0.1 --json
}

run_tests who who_threads watch logs
