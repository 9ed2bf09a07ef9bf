# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests of ivshmem devices without a guest: what firmware and a driver would
# do, by QEMU's qtest protocol. To be sourced after qemu.sh. The device is at
# 00:04.0.

declare -A qtest_in=() qtest_out=()

# Where firmware would put the registers, the table of MSI-X, and the memory.
# shellcheck disable=SC2034 # for the tests
bar0=0x90000000 bar1=0x90001000 bar2=0x80000000

# qtest_pipes NAME: before QEMU is started, with $qtest_arguments
qtest_pipes()
{
	mkfifo "$work/$1.qtest.in" "$work/$1.qtest.out"
	chmod 666 "$work/$1".qtest.*
	# shellcheck disable=SC2034 # for the tests
	qtest_arguments=(-qtest "pipe:$work/$1.qtest" -qtest-log none)
}

# qtest_open NAME: when it runs
qtest_open()
{
	local in out

	exec {in}<>"$work/$1.qtest.in" {out}<>"$work/$1.qtest.out"
	qtest_in[$1]=$in
	qtest_out[$1]=$out
}

# qtest NAME COMMAND: prints the answer without its OK.
qtest()
{
	local status answer

	echo "$2" >&"${qtest_in[$1]}"
	read -r -t "$patience" -u "${qtest_out[$1]}" status answer ||
		fail "qtest: no answer to '$2'"
	equal OK "$status" "qtest: $2"
	echo "$answer"
}

# config NAME OFFSET VALUE: sets a double word of the configuration space.
config()
{
	qtest "$1" "outl 0xcf8 $((0x80000000 | 4 << 11 | $2))" >/dev/null
	qtest "$1" "outl 0xcfc $3" >/dev/null
}

config_read()
{
	qtest "$1" "outl 0xcf8 $((0x80000000 | 4 << 11 | $2))" >/dev/null
	qtest "$1" "inl 0xcfc"
}

# As firmware and a driver do: give the BARs addresses, switch memory on, and
# what the device writes, which is interrupts.
enable()
{
	config "$1" 0x10 "$bar0"
	config "$1" 0x14 "$bar1"
	config "$1" 0x18 "$bar2"
	config "$1" 0x1c 0
	config "$1" 0x04 6
}

# Size of BAR 2, as firmware finds it out
bar_size()
{
	local value

	config "$1" 0x18 0xffffffff
	value=$(qtest "$1" "inl 0xcfc")
	echo $((~(value & ~0xf) + 1 & 0xffffffff))
}

# guest_read NAME OFFSET; guest_write NAME OFFSET VALUE: 64 bits of BAR 2
guest_read()
{
	qtest "$1" "readq $((bar2 + $2))"
}

guest_write()
{
	qtest "$1" "writeq $((bar2 + $2)) $3" >/dev/null
}
