#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# qemu_mount.sh - Debian's QEMU, unmodified, with regions by their paths in a
# mounted tree
#
# Nothing but a path is given to QEMU: no descriptor is inherited, and nobody
# helps it. What it cannot have it must be told in a way that it understands.

# shellcheck disable=SC2317 # run_tests calls the functions
set -uo pipefail

# shellcheck source=selftests/lib/qemu.sh
. "$(dirname "$(realpath "$0")")/lib/qemu.sh"

tree=/mnt
mount -t vmshm none "$tree" || exit 1
# Lazily: a test that failed may have left a QEMU that is still dying.
trap 'umount --lazy "$tree"' EXIT

# To be put before a QEMU that must end by itself.
limit=()

# Starts QEMU as qemu_exec of lib/qemu.sh does, but not below vmshm exec.
qemu_exec()
{
	local log=$1

	shift
	exec "${limit[@]}" "${qemu_as[@]}" \
		qemu-system-x86_64 -nodefaults -no-user-config -display none \
		-m 32 "$@" </dev/null >"$log" 2>&1
}

# ended MESSAGE ARGUMENT...: qemu_refuses of lib/qemu.sh, within time
ended()
{
	limit=(timeout --kill-after=5 "$patience")
	qemu_refuses "$@"
	limit=()
}

# by_path ID SUFFIX SIZE [PROPERTIES]: a value of -object
by_path()
{
	echo "memory-backend-file,id=$1,size=$3,mem-path=$tree/$domain/$2${4:+,$4}"
}

# guest_by_path NAME SUFFIX SIZE [PROPERTIES [ARGUMENT...]]
guest_by_path()
{
	qemu "$1" "${stopped[@]}" "${machine[@]}" -m "$3" \
		-object "$(by_path ram "$2" "$3" "share=on${4:+,$4}")" "${@:5}"
}

# refused_by_path MESSAGE SUFFIX [PROPERTIES]
refused_by_path()
{
	ended "$1" "${stopped[@]}" "${machine[@]}" \
		-object "$(by_path ram "$2" 32M "share=on${3:+,$3}")"
}

guest_memory()
{
	new vm/ram 32M
	put vm/ram 16M "from a process"
	guest_by_path vm vm/ram 32M '' \
		-device loader,addr=$((17 * mib)),data=0x6f6c6c6568,data-len=8
	contains "$(qmp vm query-memdev)" '"size": 33554432'
	equal 1 "$(info vm/ram opens)" "open files"
	equal 1 "$(info vm/ram maps)" "mappings"
	equal "hello..." "$(get vm/ram 17M 8)" "written by QEMU"
	qmp vm pmemsave "\"val\": $((16 * mib)), \"size\": 14,
		\"filename\": \"$work/saved\"" >/dev/null
	equal "from a process" "$(cat "$work/saved")" "read by QEMU"
	refused 32 umount "$tree"
	quit vm
	equal 0 "$(info vm/ram opens)" "open files afterwards"
}

# A processor that runs, with a log open.
guest_runs()
{
	local end=$((SECONDS + patience)) vectors=0

	new ram 32M
	qemu vm -accel tcg "${machine[@]}" \
		-object "$(by_path ram ram 32M share=on)"
	while [ "$vectors" -eq 0 ] && [ "$SECONDS" -lt "$end" ]; do
		sleep 0.2
		vectors=$(head -c 1024 "$tree/$domain/ram" | tr -d '\0' | wc -c)
	done
	at_least 1 "$vectors" "written by the firmware"
	quit vm
}

ivshmem_plain()
{
	new shared 1M
	qemu vm "${stopped[@]}" -device ivshmem-plain,memdev=m \
		-object "$(by_path m shared 1M share=on)"
	contains "$(hmp vm "info pci")" "1af4:1110"
	contains "$(mapping vm shared)" rw-s
	quit vm
}

read_only()
{
	new rom 1M --mode=0444
	qemu_as=(setpriv --reuid=12345 --regid=12345 --clear-groups --)
	qemu vm "${stopped[@]}" -device ivshmem-plain,memdev=m \
		-object "$(by_path m rom 1M share=on,readonly=on)"
	contains "$(mapping vm rom)" r--s
	quit vm
	ended "Permission denied" "${stopped[@]}" \
		-device ivshmem-plain,memdev=m \
		-object "$(by_path m rom 1M share=on)"
}

# It must say so and end: it looks for the file, tries to create it if there is
# none, and starts again if there is one.
missing()
{
	new other 32M
	refused_by_path "Operation not permitted" missing
	refused_by_path "No such file or directory" none/missing
	[ ! -e "$tree/$domain/missing" ] || fail "something was created"
	# A directory: QEMU wants to make a file of its own there.
	ended "Operation not permitted" "${stopped[@]}" "${machine[@]}" \
		-object "memory-backend-file,id=ram,size=32M,mem-path=$tree,share=on"
	refused_by_path "Operation not permitted" ''
}

forbidden()
{
	new ram 32M
	qemu_as=(setpriv --reuid=12345 --regid=12345 --clear-groups --)
	refused_by_path "Permission denied" ram
	equal 0 "$(info ram opens)" "open files"
}

# Of a name that was used before, the new region.
another_generation()
{
	new ram 32M
	put ram 1M "old"
	guest_by_path old ram 32M
	rm "$tree/$domain/ram"
	new ram 32M
	put ram 1M "new"
	guest_by_path new ram 32M
	contains "$(hmp old "xp /3cb $mib")" "'o' 'l' 'd'"
	contains "$(hmp new "xp /3cb $mib")" "'n' 'e' 'w'"
	quit old
	quit new
}

# virtio-mem discards all of its memory before anything else.
virtio_mem()
{
	new plugged 32M
	put plugged 4M "left over"
	qemu vm "${stopped[@]}" -machine q35 -m 32,maxmem=1G \
		-device virtio-mem-pci,memdev=plugged,requested-size=0 \
		-object "$(by_path plugged plugged 32M share=on)"
	equal 0 "$(info plugged allocated)" "allocated after it was discarded"
	quit vm
}

# The way through a descriptor is as good as before.
exec_recipe()
{
	new ram 32M
	(
		exec vmshm exec -- qemu-system-x86_64 -nodefaults -display none \
			-no-user-config "${stopped[@]}" "${machine[@]}" -m 32 \
			-object "$(backend ram ram 32M share=on)" \
			-qmp stdio <<-END >"$work/qmp"
			{"execute": "qmp_capabilities"}
			{"execute": "query-memdev"}
			{"execute": "quit"}
		END
	)
	contains "$(cat "$work/qmp")" '"size": 33554432'
}

tests=(guest_memory guest_runs ivshmem_plain read_only missing forbidden
	another_generation virtio_mem exec_recipe)
run_tests "${@:-${tests[@]}}"
