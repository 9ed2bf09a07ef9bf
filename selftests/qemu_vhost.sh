#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# qemu_vhost.sh - Debian's QEMU, unmodified, and its storage daemon, a vhost-user
# back end: a guest whose memory is a region is started by its firmware from
# a disk that is another process's, which has the memory by the descriptor that
# QEMU sends it

# shellcheck disable=SC2317 # run_tests calls the functions
set -uo pipefail

# shellcheck source=selftests/lib/qemu.sh
. "$(dirname "$(realpath "$0")")/lib/qemu.sh"

text="started by vhost-user"

# A boot sector that says the text on the serial port, and then halts.
boot_sector()
{
	# xor ax,ax; mov ds,ax; mov dx,0x3f8; mov si,0x7c15
	printf '\x31\xc0\x8e\xd8\xba\xf8\x03\xbe\x15\x7c'
	# 1: lodsb; test al,al; jz 2f; out dx,al; jmp 1b; 2: hlt; jmp 2b
	printf '\xac\x84\xc0\x74\x03\xee\xeb\xf8\xf4\xeb\xfd'
	printf '%s\n\0' "$text"
}

# The back end, of a disk with that boot sector, at $work/vhost.
start_back_end()
{
	local tries=0

	boot_sector >"$work/disk"
	truncate -s 1M "$work/disk"
	printf '\x55\xaa' |
		dd of="$work/disk" bs=1 seek=510 conv=notrunc status=none
	qemu-storage-daemon \
		--blockdev "driver=file,node-name=disk,filename=$work/disk" \
		--export "type=vhost-user-blk,id=export,node-name=disk,writable=on,addr.type=unix,addr.path=$work/vhost" \
		</dev/null >"$work/daemon.log" 2>&1 &
	pids[daemon]=$!
	until [ -S "$work/vhost" ]; do
		tries=$((tries + 1))
		[ "$tries" -lt $((patience * 10)) ] || fail "no back end"
		sleep 0.1
	done
}

# vhost_guest MEM-PATH: a guest with that memory and that disk
vhost_guest()
{
	start_back_end
	qemu vm -accel tcg -machine q35,memory-backend=ram -m 32 \
		-object "memory-backend-file,id=ram,size=32M,share=on,mem-path=$1" \
		-serial "file:$work/serial" -chardev "socket,id=disk,path=$work/vhost" \
		-device vhost-user-blk-pci,chardev=disk,bootindex=0
	wait_for_text
	# The descriptor is QEMU's, and the daemon has mapped what it is of.
	at_least 1 "$(grep -c "vmshm:$domain/ram" "/proc/${pids[daemon]}/maps")" \
		"mappings of the back end"
	at_least 2 "$(info ram maps)" "mappings"
	contains "$(vmshm who "$domain/ram")" qemu-storage
	# What the firmware has read is where it puts boot sectors.
	equal "$text" "$(get ram $((0x7c15)) ${#text})" "in guest memory"

	kill -KILL "${pids[daemon]}"
	wait "${pids[daemon]}" || true
	equal 0 "$(vmshm who "$domain/ram" | grep -c qemu-storage || true)" \
		"back ends that are dead"
	quit vm
	equal 0 "$(info ram maps)" "mappings that are left"
}

wait_for_text()
{
	local tries=0

	until grep -q "$text" "$work/serial" 2>/dev/null; do
		tries=$((tries + 1))
		[ "$tries" -lt $((patience * 10)) ] ||
			fail "the guest did not start: $(cat "$work/daemon.log")"
		sleep 0.1
	done
}

by_name()
{
	new ram 32M
	vhost_guest "@$domain/ram@"
}

by_path()
{
	new ram 32M
	mkdir "$work/tree"
	mount -t vmshm none "$work/tree"
	# Lazily: a test that failed may have left a QEMU that is still dying.
	trap 'umount --lazy "$work/tree"; clear_away' EXIT
	vhost_guest "$work/tree/$domain/ram"
}

tests=(by_name by_path)
run_tests "${@:-${tests[@]}}"
