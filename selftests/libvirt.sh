#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# libvirt.sh - Debian's libvirt, unmodified, with regions in its domains
#
# A libvirtd that runs QEMU as somebody who is not root, with what
# Documentation/vmm.rst tells to write into domains. What is said of the guest's
# memory is what a guest saw that has read and written it.

# shellcheck disable=SC2317 # run_tests calls the functions
set -uo pipefail

# A mount namespace: nobody sees the tree, nor the directories of this libvirt.
if [ -z "${VMSHM_LIBVIRT:-}" ]; then
	VMSHM_LIBVIRT=1 exec unshare --mount "$0" "$@"
fi

lib=$(dirname "$(realpath "$0")")/lib
# shellcheck source=selftests/lib/qemu.sh
. "$lib/qemu.sh"

tree=/run/vmshm

export LIBVIRT_DEFAULT_URI=qemu:///system

# The user that Debian's libvirt runs QEMU as is made by the package that starts
# it at boot, which is not needed here.
have_user()
{
	! id libvirt-qemu >/dev/null 2>&1 || return 0
	mkdir "$private/etc"
	cp /etc/passwd /etc/group "$private/etc"
	echo "libvirt-qemu:x:64055:64055::/:/usr/sbin/nologin" \
		>>"$private/etc/passwd"
	echo "libvirt-qemu:x:64055:" >>"$private/etc/group"
	mount --bind "$private/etc/passwd" /etc/passwd &&
		mount --bind "$private/etc/group" /etc/group
}

# What libvirt asks of KVM takes minutes in an emulated machine: a /dev that has
# no kvm, with all else.
without_kvm()
{
	local d dev=$private/dev

	mkdir "$dev"
	mount -t tmpfs -o mode=755 none "$dev" || return
	find /dev -mindepth 1 -maxdepth 1 ! -type d ! -name kvm \
		-exec cp -a -t "$dev" {} + || return
	for d in /dev/*/; do
		d=$(basename "$d")
		mountpoint -q "/dev/$d" || continue
		mkdir "$dev/$d"
		mount --move "/dev/$d" "$dev/$d" || return
	done
	mount --move "$dev" /dev
}

# A libvirtd that is nobody else's.
start_libvirtd()
{
	local d

	have_user || return
	without_kvm || return
	for d in /etc/libvirt /run/libvirt /var/{lib,log,cache}/libvirt; do
		mkdir -p "$d"
		mount -t tmpfs -o mode=755 none "$d" || return
	done
	mkdir -p "$tree"
	mount -t vmshm none "$tree" || return
	# There is no virtlogd.
	echo 'stdio_handler = "file"' >/etc/libvirt/qemu.conf
	# Returns when it listens.
	libvirtd --daemon --pid-file "$private/pid" 2>"$private/log" &&
		virsh uri >/dev/null && return
	sed 's/^/# /' "$private/log"
	return 1
}

# shellcheck disable=SC2317 # called by a trap
stop_libvirtd()
{
	if [ -e "$private/pid" ]; then kill "$(cat "$private/pid")"; fi
	# Lazily: a QEMU may still be dying.
	umount --lazy "$tree"
	rm -rf "$private"
}

# The boot sector of a guest with an ivshmem device: copies the first 8 bytes of
# the memory to its offset 4096, and rings as the 32-bit word after them says.
boot_sector()
{
	as --32 -o "$work/boot.o" - <<-'END'
		.code16
		cli
		xor	%ax, %ax
		mov	%ax, %ds
		# Addresses of 32 bits are all that is wanted of protected mode.
		lgdt	table
		mov	%cr0, %eax
		or	$1, %al
		mov	%eax, %cr0
		mov	$8, %ax
		mov	%ax, %ds
		mov	$0x80000000 - 0x100, %ecx
	next:	# function of a PCI device
		add	$0x100, %ecx
		xor	%bl, %bl
		call	config
		cmp	$0x11101af4, %eax
		jne	next
		mov	$0x10, %bl
		call	config
		mov	%eax, %edi
		mov	$0x18, %bl
		call	config
		and	$-16, %al
		mov	%eax, %esi
		mov	(%esi), %eax
		mov	4(%esi), %ebx
		mov	%ebx, 4100(%esi)
		mov	8(%esi), %ebx
		mov	%eax, 4096(%esi)
		mov	%ebx, 12(%edi)
	stop:	hlt
		jmp	stop
	config:	# EAX = what ECX's configuration space has at BL
		mov	%ecx, %eax
		mov	%bl, %al
		mov	$0xcf8, %dx
		out	%eax, %dx
		mov	$0xcfc, %dx
		in	%dx, %eax
		ret
		.balign	8
	segments: .quad	0, 0x00cf93000000ffff
	table:	.word	. - segments - 1
		.long	segments
		.org	510
		.word	0xaa55
	END
	ld -m elf_i386 -Ttext 0x7c00 --oformat binary -e 0 -o "$1" "$work/boot.o"
}

# xml NAME MEBIBYTES [ARGUMENT...]: a domain; what is special of its devices
# comes from standard input, arguments are for QEMU.
xml()
{
	local arg

	cat <<-END
		<domain type='qemu'
		  xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
		  <name>$1</name>
		  <memory unit='MiB'>$2</memory>
		  <os><type arch='x86_64' machine='pc'>hvm</type></os>
		  <on_crash>destroy</on_crash>
		  <devices>
		    <emulator>/usr/bin/qemu-system-x86_64</emulator>
		    <controller type='usb' model='none'/>
		    <memballoon model='none'/>
		    <disk type='file' device='disk'>
		      <source file='$work/disk'/>
		      <target dev='hda' bus='ide'/>
		    </disk>
	END
	tee "$work/devices"
	echo "</devices><qemu:commandline>"
	for arg in "${@:3}"; do
		echo "<qemu:arg value='$arg'/>"
	done
	echo "</qemu:commandline></domain>"
}

# domain NAME MEBIBYTES [ARGUMENT...]: starts what xml() makes of it.
domain()
{
	xml "$@" >"$work/$1.xml"
	virsh -q create "$work/$1.xml" >"$work/created" 2>&1 ||
		fail "$(cat "$work/created")"
	pids[$1]=$(cat "/run/libvirt/qemu/$1.pid")
	equal libvirt-qemu "$(stat -c %U "/proc/${pids[$1]}")" "QEMU's user"
}

# domain_refused MESSAGE NAME MEBIBYTES [ARGUMENT...]: virsh must say that.
domain_refused()
{
	xml "${@:2}" >"$work/$2.xml"
	refused 1 virsh create "$work/$2.xml"
	contains "$(cat "$work/refused")" "$1"
}

# destroy NAME: returns when QEMU is gone.
destroy()
{
	virsh -q destroy "$1"
	unset "pids[$1]"
}

# shared SIZE: a region that libvirt's user may have, with what the guest is to
# read, and to ring: vector 0 of the peer 100
shared()
{
	new shared "$1" --mode=0660
	vmshm chown :libvirt-qemu "$domain/shared"
	put shared 0 "by libvirt"
	printf '\0\0\144\0' | vmshm write -o 8 "$domain/shared"
	boot_sector "$work/disk"
}

answered()
{
	[ "$(get shared 4096 8)" = "by libvi" ]
}

# <shmem> without a server: the file is of that name in /dev/shm.
shmem_plain()
{
	shared 1M
	ln -s "$tree/$domain/shared" "/dev/shm/$domain"
	domain plain 32 <<-END
		<shmem name='$domain'>
		  <model type='ivshmem-plain'/>
		  <size unit='M'>1</size>
		</shmem>
	END
	rm "/dev/shm/$domain"
	contains "$(mapping plain shared)" rw-s
	contains "$(vmshm who "$domain/shared")" qemu-system
	wait_until answered
	destroy plain
	equal 0 "$(info shared opens)" "open files afterwards"
}

# <shmem> with vmshm-ivshmem-server.  The guest rings a process.
shmem_doorbell()
{
	shared 1M
	vmshm-ivshmem-server --vectors=2 --mode=660 --socket="$work/socket" \
		"$domain/shared" 2>"$work/server.log" &
	pids[server]=$!
	wait_until [ -S "$work/socket" ]
	chgrp libvirt-qemu "$work/socket"
	vmshm wait --number=100 --timeout=$((3 * patience)) "$domain/shared" \
		>"$work/rung" &
	pids[wait]=$!
	wait_until has_peers shared 1
	domain doorbell 32 <<-END
		<shmem name='$domain'>
		  <model type='ivshmem-doorbell'/>
		  <server path='$work/socket'/>
		  <msi vectors='2'/>
		</shmem>
	END
	contains "$(vmshm peers "$domain/shared")" "ivshmem-${pids[doorbell]}"
	wait "${pids[wait]}"
	equal $'peer 100\nvector 0' "$(cat "$work/rung")" "what was rung"
	wait_until answered
	destroy doorbell
	wait_until has_peers shared 0
	cp "$work/devices" "$work/again"
	domain doorbell 32 <"$work/again"
	wait_until has_peers shared 1
	kill -KILL "${pids[doorbell]}"
	wait_until has_peers shared 0
}

# Guest memory, and an ivshmem device, by what is told to QEMU.
commandline()
{
	new ram 32M --mode=0660
	vmshm chown :libvirt-qemu "$domain/ram"
	shared 1M
	domain ram 32 \
		-object "memory-backend-file,id=ram0,size=32M,share=on,mem-path=$tree/$domain/ram" \
		-machine memory-backend=ram0 \
		-object "memory-backend-file,id=shm0,size=1M,share=on,mem-path=$tree/$domain/shared" \
		-device ivshmem-plain,memdev=shm0 </dev/null
	contains "$(mapping ram ram)" rw-s
	contains "$(mapping ram shared)" rw-s
	wait_until answered
	# Where the firmware puts boot sectors
	cmp -n 510 "$work/disk" <(vmshm cat -o $((0x7c00)) -n 512 "$domain/ram")
	refused 7 vmshm resize "$domain/ram" 16M
	destroy ram
	vmshm resize "$domain/ram" 16M
}

# What QEMU says comes to the user of virsh.
refusals()
{
	local object="memory-backend-file,id=m,size=1M,share=on,mem-path=$tree/$domain"

	boot_sector "$work/disk"
	new forbidden 1M --mode=0600
	domain_refused "Permission denied" vm 32 \
		-object "$object/forbidden" </dev/null
	domain_refused "Operation not permitted" vm 32 \
		-object "$object/missing" </dev/null
}

private=$(mktemp -d "${TMPDIR:-/tmp}/libvirt.XXXXXX")
chmod 755 "$private"
trap stop_libvirtd EXIT
start_libvirtd || exit 1

tests=(shmem_plain shmem_doorbell commandline refusals)
run_tests "${@:-${tests[@]}}"
