#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# qemu_doorbell.sh - Debian's QEMU, unmodified, with ivshmem-doorbell devices
# that vmshm-ivshmem-server serves
#
# There is no guest: the qtest protocol reads and writes what a guest's driver
# would, the device's registers in BAR 0 and its memory, BAR 2.

# shellcheck disable=SC2317 # run_tests calls the functions
set -uo pipefail

lib=$(dirname "$(realpath "$0")")/lib
# shellcheck source=selftests/lib/qemu.sh
. "$lib/qemu.sh"
# shellcheck source=selftests/lib/qtest.sh
. "$lib/qtest.sh"

# Registers, see QEMU's docs/specs/ivshmem-spec.rst
ivposition=8 doorbell=12

# server NAME SUFFIX VECTORS: starts the server of a region, on $work/NAME
server()
{
	vmshm-ivshmem-server --verbose --vectors="$3" --socket="$work/$1" \
		"$domain/$2" 2>"$work/$1.log" &
	pids[$1]=$!
	wait_until [ -S "$work/$1" ]
}

# device NAME SERVER VECTORS: a QEMU with the device, at 00:04.0
device()
{
	qtest_pipes "$1"
	qemu "$1" "${stopped[@]}" -machine q35 "${qtest_arguments[@]}" \
		-chardev "socket,path=$work/$2,id=server" \
		-device "ivshmem-doorbell,chardev=server,vectors=$3,addr=4"
	qtest_open "$1"
	contains "$(hmp "$1" "info pci")" "PCI device 1af4:1110"
	enable "$1"
}

# position NAME: the id that QEMU was given
position()
{
	echo $(($(qtest "$1" "readl $((bar0 + ivposition))")))
}

# ring NAME ID VECTOR: as a guest does
ring()
{
	qtest "$1" "writel $((bar0 + doorbell)) $(($2 << 16 | $3))" >/dev/null
}

# Where vectors write to in the guest's memory when they interrupt
target=0x100000

# interrupts NAME VECTORS: as a driver does: vector N writes 0xabc0 + N, to a
# place of its own, instead of to an interrupt controller.
interrupts()
{
	local n entry

	for ((n = 0; n < $2; n++)); do
		entry=$((bar1 + 16 * n))
		qtest "$1" "writel $entry $((target + 4 * n))" >/dev/null
		qtest "$1" "writel $((entry + 4)) 0" >/dev/null
		qtest "$1" "writel $((entry + 8)) $((0xabc0 + n))" >/dev/null
		qtest "$1" "writel $((entry + 12)) 0" >/dev/null
	done
	# Message control of MSI-X: enable.
	config "$1" "$(msix "$1")" 0x80000000
}

# Offset of MSI-X among the capabilities
msix()
{
	local at

	at=$(($(config_read "$1" 0x34) & 0xff))
	while [ "$at" -ne 0 ]; do
		if [ $(($(config_read "$1" "$at") & 0xff)) -eq 17 ]; then
			echo "$at"
			return
		fi
		at=$(($(config_read "$1" "$at") >> 8 & 0xff))
	done
	fail "the device has no MSI-X"
}

# interrupt NAME VECTOR: what it has written; clears it
interrupt()
{
	local place=$((target + 4 * $2))

	qtest "$1" "readl $place"
	qtest "$1" "writel $place 0" >/dev/null
}

# interrupted NAME VECTOR: waits until it is
interrupted()
{
	local end=$((SECONDS + patience))

	while [ "$SECONDS" -lt "$end" ]; do
		if [ $(($(interrupt "$1" "$2"))) -eq $((0xabc0 + $2)) ]; then
			return 0
		fi
		sleep 0.1
	done
	fail "QEMU '$1': vector $2 did not interrupt"
}

# quiet NAME VECTOR: it was not interrupted
quiet()
{
	equal 0 $(($(interrupt "$1" "$2"))) "QEMU '$1': vector $2"
}

memory()
{
	new shm 1M
	server socket shm 1
	device vm socket 1
	equal 0 "$(position vm)" "id"
	equal "$mib" "$(bar_size vm)" "size of BAR 2"
	enable vm
	put shm 0 hello
	equal $((0x6f6c6c6568)) $(($(guest_read vm 0))) "written by a process"
	guest_write vm $((mib - 8)) 0x646c726f77
	equal world... "$(get shm $((mib - 8)) 8)" "written by the guest"
	quit vm
}

doorbells()
{
	new shm 1M
	server socket shm 2
	device one socket 2
	device two socket 2
	equal 0 "$(position one)" "id"
	equal 1 "$(position two)" "id"
	interrupts one 2
	interrupts two 2
	ring one 1 1
	interrupted two 1
	quiet two 0
	quiet one 0
	quiet one 1
	ring two 0 0
	interrupted one 0
	quiet one 1
	# It is a peer as well.
	ring one 0 1
	interrupted one 1
	# Nobody there.
	ring one 7 0
	quit two
	wait_until has_peers shm 1
	ring one 1 0
	device three socket 2
	# QEMU would use what it has freed if an id came back.
	equal 2 "$(position three)" "id"
	interrupts three 2
	ring one 2 0
	interrupted three 0
	quit three
	quit one
}

# Processes and guests are peers of one group.
peers()
{
	new shm 1M
	server socket shm 2
	device one socket 2
	interrupts one 2
	wait_until has_peers shm 1
	equal "0 2 ivshmem-${pids[one]}" "$(peer shm list)"
	peer shm ring 0 1
	interrupted one 1
	quiet one 0
	device two socket 2
	wait_until has_peers shm 2
	kill -KILL "${pids[one]}"
	wait_until has_peers shm 1
	quit two
	wait_until has_peers shm 0
}

killed_server()
{
	new shm 1M
	server socket shm 1
	device one socket 1
	device two socket 1
	interrupts one 1
	interrupts two 1
	kill -KILL "${pids[socket]}"
	wait "${pids[socket]}" || true
	wait_until has_peers shm 0
	# Those that are connected keep doorbells and memory.
	ring one 1 0
	interrupted two 0
	ring two 0 0
	interrupted one 0
	guest_write one 0 $((0x6f6c6c6568))
	equal $((0x6f6c6c6568)) $(($(guest_read two 0)))
	# Others find a server again, in the same place.
	server socket shm 1
	device three socket 1
	equal 0 "$(position three)" "id"
	equal $((0x6f6c6c6568)) $(($(guest_read three 0)))
	wait_until has_peers shm 1
	quit three
	quit two
	quit one
}

not_a_power_of_two()
{
	new shm 12M
	refused 2 vmshm-ivshmem-server "$domain/shm" "--socket=$work/socket"
	contains "$(cat "$work/refused")" "power of two"
}

tests=(memory doorbells peers killed_server not_a_power_of_two)
run_tests "${@:-${tests[@]}}"
