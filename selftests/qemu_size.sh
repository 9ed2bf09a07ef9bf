#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# qemu_size.sh - Debian's QEMU, unmodified, and the size of the region that is its
# guest's memory: it may set it once, nobody may cut it short under it

# shellcheck disable=SC2317 # run_tests calls the functions
set -uo pipefail

# shellcheck source=selftests/lib/qemu.sh
. "$(dirname "$(realpath "$0")")/lib/qemu.sh"

# A region of no size becomes as large as QEMU needs it.
empty_region()
{
	new ram 0 --max=32M
	guest vm ram 32M
	equal $((32 * mib)) "$(info ram size)" "size"
	quit vm
}

# ... but only as far as it may.
empty_region_limited()
{
	new ram 0 --max=16M
	guest vm ram 32M
	contains "$(cat "$work/vm.log")" "ftruncate: File too large"
	equal 0 "$(info ram size)" "size"
	quit vm
}

empty_region_sealed()
{
	new ram 0 --max=32M
	vmshm seal "$domain/ram" grow
	guest vm ram 32M
	contains "$(cat "$work/vm.log")" "ftruncate: Operation not permitted"
	equal 0 "$(info ram size)" "size"
	quit vm
}

sealed_size()
{
	new ram 32M --max=64M
	vmshm seal "$domain/ram" grow shrink seal
	guest vm ram 32M
	quit vm

	new larger 64M
	vmshm seal "$domain/larger" grow shrink
	guest vm2 larger 32M
	equal 1 "$(info larger maps)" "mappings"
	quit vm2

	new smaller 16M --max=64M
	vmshm seal "$domain/smaller" grow shrink
	guest_refused "does not match 'size' option" smaller 32M
	equal $((16 * mib)) "$(info smaller size)" "size"
}

sealed_against_writing()
{
	new ram 32M
	vmshm seal "$domain/ram" write
	guest_refused "Operation not permitted" ram 32M
	# As a copy of its own, or where it only reads.
	guest vm ram 32M share=off
	contains "$(mapping vm ram)" rw-p
	quit vm
	qemu vm2 "${stopped[@]}" -machine q35 \
		-object "$(backend ram ram 32M share=on,readonly=on)"
	contains "$(mapping vm2 ram)" r--s
	quit vm2
}

shrink_is_refused()
{
	local busy=7

	new ram 64M
	guest vm ram 32M prealloc=on
	# What QEMU does not map can go.
	vmshm resize "$domain/ram" 32M
	refused "$busy" vmshm resize "$domain/ram" $((32 * mib - 4096))
	refused "$busy" vmshm resize "$domain/ram" 0
	equal $((32 * mib)) "$(info ram size)" "size"
	# QEMU is alive, and its last byte is there.
	contains "$(hmp vm "xp /1bx $((32 * mib - 1))")" 0x00
	vmshm resize "$domain/ram" 64M
	contains "$(qmp vm query-status)" prelaunch
	quit vm
	vmshm resize "$domain/ram" 0
	equal 0 "$(info ram size)" "size"
}

tests=(empty_region empty_region_limited empty_region_sealed sealed_size
	sealed_against_writing shrink_is_refused)
run_tests "${@:-${tests[@]}}"
