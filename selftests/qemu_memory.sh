#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# qemu_memory.sh - Debian's QEMU, unmodified, with a guest's memory in a region
#
# QEMU re-opens the region by the path that vmshm exec puts into its arguments.
# No guest runs but in one test: QEMU stops before the first instruction, and
# does the accesses itself.

# shellcheck disable=SC2317 # run_tests calls the functions
set -uo pipefail

# shellcheck source=selftests/lib/qemu.sh
. "$(dirname "$(realpath "$0")")/lib/qemu.sh"

memory_backend_file()
{
	local memdev

	new ram 32M
	guest vm ram 32M
	memdev=$(qmp vm query-memdev)
	contains "$memdev" '"size": 33554432'
	contains "$memdev" '"share": true'
	contains "$(mapping vm ram)" rw-s
	# Opened by vmshm, opened again by QEMU; mapped once.
	equal 2 "$(info ram opens)" "open files"
	equal 1 "$(info ram maps)" "mappings"
	contains "$(vmshm who "$domain/ram")" "${pids[vm]}"
	quit vm
	equal 0 "$(info ram opens)" "open files afterwards"
	equal 0 "$(info ram maps)" "mappings afterwards"
}

numa_node()
{
	new node 32M
	qemu vm "${stopped[@]}" -machine q35 -numa node,memdev=ram \
		-object "$(backend ram node 32M share=on)"
	contains "$(mapping vm node)" rw-s
	quit vm
}

# What a region is good for that was added later: more memory for a guest.
pc_dimm_hotplug()
{
	new dimm 16M
	qemu vm "${stopped[@]}" -machine q35 -m 32,slots=2,maxmem=1G \
		-object "$(backend dimm dimm 16M share=on)"
	qmp vm device_add '"driver": "pc-dimm", "memdev": "dimm"' >/dev/null
	contains "$(qmp vm query-memory-devices)" '"size": 16777216'
	quit vm
}

# A guest whose memory beyond the first is a region, "plugged".
virtio_mem_arguments=(-machine q35 -m "32,maxmem=1G"
	-device "virtio-mem-pci,memdev=plugged,requested-size=0")

# Before anything else virtio-mem discards all of its memory.
virtio_mem()
{
	new plugged 32M
	put plugged 4M "left over"
	at_least 4096 "$(info plugged allocated)" "allocated"
	qemu vm "${stopped[@]}" "${virtio_mem_arguments[@]}" \
		-object "$(backend plugged plugged 32M share=on)"
	equal 0 "$(info plugged allocated)" "allocated after it was discarded"
	equal ......... "$(get plugged 4M 9)"
	quit vm
}

virtio_mem_without_holes()
{
	new plugged 32M --no-punch
	put plugged 4M "left over"
	qemu_refuses "Unexpected error discarding RAM" \
		"${stopped[@]}" "${virtio_mem_arguments[@]}" \
		-object "$(backend plugged plugged 32M share=on)"
	equal "left over" "$(get plugged 4M 9)"
}

prealloc()
{
	new ram 32M
	guest vm ram 32M prealloc=on
	equal $((32 * mib)) "$(info ram allocated)" "allocated"
	quit vm
}

reserve_off()
{
	local flags

	new ram 32M
	guest vm ram 32M reserve=off
	flags=$(sed -n "/vmshm:$domain\/ram/,/^VmFlags/s/^VmFlags://p" \
		"/proc/${pids[vm]}/smaps")
	# MAP_NORESERVE
	contains "$flags " " nr "
	quit vm
}

bound_to_a_node()
{
	new ram 32M
	guest vm ram 32M host-nodes=0,policy=bind,prealloc=on
	contains "$(grep "vmshm:$domain/ram" "/proc/${pids[vm]}/numa_maps")" \
		bind:0
	quit vm
}

# Memory that is gone with the host must not pass for persistent.
pmem()
{
	new ram 32M
	guest vm ram 32M pmem=on
	contains "$(cat "$work/vm.log")" \
		"requesting persistence across crashes for backend file"
	contains "$(mapping vm ram)" rw-s
	quit vm
}

discard_data()
{
	new ram 32M
	guest vm ram 32M prealloc=on,discard-data=on
	equal $((32 * mib)) "$(info ram allocated)" "allocated"
	quit vm
	equal 0 "$(info ram allocated)" "allocated after QEMU has ended"
}

# Both directions: a process writes, QEMU reads; QEMU writes, a process reads.
content()
{
	new ram 32M
	put ram 16M "from a process"
	# The loader device writes when the machine is reset: "hello".
	guest vm ram 32M '' \
		-device loader,addr=$((17 * mib)),data=0x6f6c6c6568,data-len=8
	equal "hello..." "$(get ram 17M 8)" "written by QEMU"
	qmp vm pmemsave "\"val\": $((16 * mib)), \"size\": 14,
		\"filename\": \"$work/saved\"" >/dev/null
	equal "from a process" "$(cat "$work/saved")" "read by QEMU"

	# Also later, and on either side of a page's end.
	put ram $((18 * mib - 1)) "Xyz"
	contains "$(hmp vm "xp /3bx $((18 * mib - 1))")" "0x58 0x79 0x7a"
	quit vm
	# The region outlives its user.
	equal "hello..." "$(get ram 17M 8)" "after QEMU has ended"
}

# The guest's processor writes: the firmware fills the interrupt vectors.
content_written_by_guest()
{
	local video=0x10 vector=00000000 end=$((SECONDS + patience))

	new ram 32M
	qemu vm -accel tcg "${machine[@]}" \
		-object "$(backend ram ram 32M share=on)"
	while [ "$vector" = 00000000 ] && [ "$SECONDS" -lt "$end" ]; do
		sleep 0.2
		vector=$(vmshm cat -o $((4 * video)) -n 4 "$domain/ram" |
			od -An -tx4 | tr -d ' ')
	done
	[ "$vector" != 00000000 ] || fail "the firmware has not written"
	qmp vm stop >/dev/null
	contains "$(hmp vm "xp /1wx $((4 * video))")" "0x$vector"
	quit vm
}

tests=(memory_backend_file numa_node pc_dimm_hotplug virtio_mem
	virtio_mem_without_holes prealloc reserve_off bound_to_a_node pmem
	discard_data content content_written_by_guest)
run_tests "${@:-${tests[@]}}"
