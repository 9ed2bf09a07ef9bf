#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# qemu_ivshmem.sh - Debian's QEMU, unmodified, with a region as the memory of an
# ivshmem-plain device
#
# There is no guest: the qtest protocol reads and writes what a guest would, the
# device's configuration space and its memory, BAR 2.

# shellcheck disable=SC2317 # run_tests calls the functions
set -uo pipefail

# shellcheck source=selftests/lib/qemu.sh
. "$(dirname "$(realpath "$0")")/lib/qemu.sh"
# shellcheck source=selftests/lib/qtest.sh
. "$(dirname "$(realpath "$0")")/lib/qtest.sh"

# ivshmem NAME SUFFIX SIZE PROPERTIES: QEMU with the device, at 00:04.0
ivshmem()
{
	local name=$1

	qtest_pipes "$name"
	qemu "$name" "${stopped[@]}" -machine q35 "${qtest_arguments[@]}" \
		-object "$(backend shared "$2" "$3" "$4")" \
		-device ivshmem-plain,memdev=shared,addr=4
	qtest_open "$name"
	contains "$(hmp "$name" "info pci")" "PCI device 1af4:1110"
}

ivshmem_refused()
{
	qemu_refuses "$1" "${stopped[@]}" -machine q35 \
		-object "$(backend shared "$2" "$3" "$4")" \
		-device ivshmem-plain,memdev=shared
}

# "hello" and "world" in the order of bytes
hello=0x6f6c6c6568 world=0x646c726f77

shared()
{
	new shm 16M
	ivshmem vm shm 16M share=on
	contains "$(mapping vm shm)" rw-s
	equal $((16 * mib)) "$(bar_size vm)" "size of BAR 2"
	enable vm
	put shm 0 hello
	equal $((hello)) $(($(guest_read vm 0))) "written by a process"
	guest_write vm $((16 * mib - 8)) "$world"
	equal world... "$(get shm $((16 * mib - 8)) 8)" "written by the guest"
	quit vm
	equal world... "$(get shm $((16 * mib - 8)) 8)" "after QEMU has ended"
}

# Two guests, and a process, in one region
two_guests()
{
	new shm 1M
	ivshmem one shm 1M share=on
	ivshmem two shm 1M share=on
	equal 2 "$(info shm maps)" "mappings"
	enable one
	enable two
	guest_write one 4096 "$hello"
	equal $((hello)) $(($(guest_read two 4096))) "from one to two"
	guest_write two 4096 "$world"
	equal $((world)) $(($(guest_read one 4096))) "from two to one"
	equal world "$(get shm 4096 5)" "from two to a process"
	quit one
	equal $((world)) $(($(guest_read two 4096))) "after one has ended"
	quit two
}

readonly_memory()
{
	new shm 1M
	put shm 0 hello
	exec_options=("--readonly=$domain/shm")
	ivshmem vm shm 1M share=on,readonly=on
	contains "$(mapping vm shm)" r--s
	enable vm
	equal $((hello)) $(($(guest_read vm 0))) "written by a process"
	# Memory that the device has as read-only ignores it.
	guest_write vm 0 "$world"
	equal $((hello)) $(($(guest_read vm 0))) "after the guest wrote"
	equal hello "$(get shm 0 5)"
	quit vm
	ivshmem_refused "Permission denied" shm 1M share=on
}

# The guest's writes are its own, what it has not written is everybody's.
private_memory()
{
	new shm 1M
	put shm 0 hello
	ivshmem vm shm 1M share=off
	contains "$(mapping vm shm)" rw-p
	enable vm
	equal $((hello)) $(($(guest_read vm 0))) "written by a process"
	guest_write vm 0 "$world"
	equal $((world)) $(($(guest_read vm 0))) "written by the guest"
	equal hello "$(get shm 0 5)" "in the region"
	quit vm
}

part_of_a_region()
{
	new shm 12M
	ivshmem vm shm 8M share=on
	equal $((8 * mib)) "$(bar_size vm)" "size of BAR 2"
	enable vm
	guest_write vm $((8 * mib - 8)) "$hello"
	equal hello......... "$(get shm $((8 * mib - 8)) 14)"
	quit vm
	ivshmem_refused "does not match 'size' option" shm 16M share=on
}

# A limit of QEMU, not of the region: a BAR is a power of two. It aborts.
not_a_power_of_two()
{
	new shm 12M
	ivshmem_refused is_power_of_2 shm 12M share=on
	equal 0 "$(info shm opens)" "open files afterwards"
	equal 0 "$(info shm maps)" "mappings afterwards"
}

tests=(shared two_guests readonly_memory private_memory part_of_a_region
	not_a_power_of_two)
run_tests "${@:-${tests[@]}}"
