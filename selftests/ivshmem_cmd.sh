#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ivshmem_cmd.sh - the vmshm command in a guest: on regions that are the memory
# of ivshmem devices, it does what it does on others, or says why not
#
# Runs as root, with vmshm in PATH, in a machine with such devices.

# run_tests calls the functions
# shellcheck disable=SC2317
# shellcheck source=selftests/lib/cmd.sh
. "$(dirname "$(realpath "$0")")/lib/cmd.sh"

pci=0000:00:10.0
a=ivshmem/$pci b=ivshmem/0000:00:11.0

test_look()
{
	check "names" 0 "$a"$'\n'"$b"* "" vmshm ls --names ivshmem/
	json "info" "j['size'] == 4 << 20 and j['max_size'] == 4 << 20 and
		j['flags'] == ['device'] and j['mode'] == '0660' and
		j['seals'] == ['seal', 'shrink', 'grow'] and j['uid'] == 0 and
		j['resident'] == 4 << 20 and j['charged'] == 0 and
		j['linked']" vmshm info "$a" --json
	check "ls" 0 "*$a*device*$b*device*" "" vmshm ls --long ivshmem/
}

test_contents()
{
	quiet "write" sh -c "echo hello from a | vmshm write $a"
	check "cat" 0 "hello from a" "" vmshm cat "$b" --length 12
	quiet "write at the end" \
		sh -c "printf end | vmshm write $b --offset $(((4 << 20) - 3))"
	check "cat of all of it" 0 "end" "" sh -c "vmshm cat $a | tail -c 3"
	true_that "a file for other programs" \
		sh -c "vmshm exec -- head -c 13 @$b@ | grep -q 'hello from a'"
}

test_who()
{
	# shellcheck disable=SC2016 # it is the other shell that expands
	holder "$work/pid" vmshm exec -- \
		sh -c 'exec 3<>"$0"; echo $$; exec sleep 1000' @"$a"@
	check "who" 0 "*$(cat "$work/pid")*" "" vmshm who "$a"
	release
}

test_refused()
{
	refused "rm" 4 "" vmshm rm "$a"
	refused "resize" 4 "" vmshm resize "$a" 1M
	refused "grow" 6 "" vmshm resize "$a" 8M
	refused "log" 1 "memory of a device" vmshm log "$a"
	refused "create" 5 "exists" vmshm create "$a" --size 4M
	refused "somebody else" 4 "" as_alice vmshm cat "$a"
	refused "a name like a device's" 4 "" \
		as_alice vmshm create ivshmem/mine --size 4K
	check "gc leaves it" 0 "" "" vmshm gc --prefix ivshmem/
	quiet "and it is there" sh -c "vmshm info $a >/dev/null"
}

test_mode()
{
	quiet "chmod" vmshm chmod 666 "$a"
	check "now for everybody" 0 "hello*" "" as_alice vmshm cat "$a" --length 5 \
		--owner root
	quiet "chmod back" vmshm chmod 660 "$a"
}

test_watch()
{
	vmshm watch ivshmem/ >"$work/events" 2>/dev/null &
	children+=($!)
	sleep 1
	echo "$pci" >/sys/bus/pci/drivers/vmshm/unbind
	refused "without its driver" 3 "" vmshm info "$a"
	echo "$pci" >/sys/bus/pci/drivers/vmshm/bind
	quiet "with its driver" sh -c "vmshm info $a >/dev/null"
	true_that "events" timeout 25 sh -c "until
		grep -q 'unlinked.*$a\|$a.*unlinked' '$work/events' &&
		grep -q 'created.*$a\|$a.*created' '$work/events'
		do sleep 0.1; done"
	release
}

run_tests look contents who refused mode watch
