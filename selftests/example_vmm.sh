#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# example_vmm.sh - vmshm-vmm boots a Debian kernel to a shell on its serial port,
# and guest and host read in one region what the other has written
#
# Runs as root, with vmshm in PATH, VMSHM_BUILD and VMSHM_CACHE_HOME set.

# shellcheck disable=SC2317 # functions are called by run_tests
# shellcheck source=selftests/lib/cmd.sh
. "$(dirname "$(realpath "$0")")/lib/cmd.sh"

here=$(dirname "$(realpath "$0")")
vmm=$VMSHM_BUILD/userspace/examples/vmshm-vmm
ram=$domain/ram
size=128M
# A page that the guest's kernel leaves alone, so that /dev/mem has it.
page=2048
offset=$((page * 4096))
# There is no clock chip, for which Linux would wait.
append='console=ttyS0 nokaslr reboot=k panic=-1 initcall_blacklist=cmos_init,i8042_init quiet'
# Seconds that anything may take: a boot in an emulated machine.
patience=$((200 * ${VMSHM_TIMEOUT_SCALE:-1}))

# An initramfs that is a shell and nothing else.
make_initramfs()
{
	mkdir -p "$work/root/bin" "$work/root/dev"
	cp /bin/busybox "$work/root/bin/"
	cat >"$work/root/init" <<-'END'
		#!/bin/busybox sh
		/bin/busybox --install -s /bin
		mount -t devtmpfs dev /dev
		exec sh -i
	END
	chmod +x "$work/root/init"
	(cd "$work/root" && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1) \
		>"$work/initramfs"
}

# says TEXT: wait until it is on the console
says()
{
	local end=$((SECONDS + patience))

	while [ "$SECONDS" -lt "$end" ]; do
		if tr -d '\r\0' <"$work/console" | grep -qF -- "$1"; then
			return 0
		fi
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.1
	done
	sed 's/^/# console: /' "$work/console" | tail -n 20
	return 1
}

# types LINE: at the guest's shell
types()
{
	echo "$1" >&9
}

ends()
{
	local end=$((SECONDS + patience))

	while [ "$SECONDS" -lt "$end" ]; do
		if ! kill -0 "$pid" 2>/dev/null; then
			wait "$pid"
			return
		fi
		sleep 0.1
	done
	return 1
}

is_mapped()
{
	vmshm who "$ram" | grep -q "vmshm-vmm .*maps $size"
}

guest_wrote()
{
	[ "$(vmshm cat "$ram" --offset="$offset" --length=20)" = \
	  'hello from the guest' ]
}

# see WHAT COMMAND...: notes whether it is so, for when that counts
see()
{
	local rc=0 what=$1

	shift
	"$@" || rc=1
	seen+=("$rc $what")
}

# Boots a guest and talks to it. Returns 1 if it was gone before it was told to go.
session()
{
	local rc

	echo 'hello from the host' | vmshm write "$ram" --offset="$offset"
	"$vmm" --ram "$ram" --kernel "$kernel" --initrd "$work/initramfs" \
		--append "$append memmap=4K\$$offset" <"$work/keyboard" \
		>"$work/console" 2>&1 9>&- &
	pid=$!
	children+=("$pid")
	seen=()
	see "a shell prompt on the serial port" says '/ # '
	see "its RAM is the region" is_mapped
	# What is typed is echoed: the answer must not be in the question.
	types "dd if=/dev/mem bs=4096 skip=$page count=1 2>&1 | head -n 1 | tr l L"
	see "the guest reads what the host has written" \
		says 'heLLo from the host'
	types "echo hello from the guest | dd of=/dev/mem bs=4096 seek=$page conv=notrunc; echo so be it | tr a-z A-Z"
	see "the guest writes" says 'SO BE IT'
	see "the host reads it" guest_wrote
	rc=0
	kill -0 "$pid" 2>/dev/null || rc=1
	types 'reboot -f'
	see "the VMM ends with the guest" ends
	unset 'children[-1]'
	see "the region stays, and what is in it" guest_wrote
	return "$rc"
}

# Emulation of SVM now and then shuts a guest down that has no reason to: what counts
# is one that was not, if there is one in three.
test_boot()
{
	local kernel pid seen try line

	# Whose home it is below is another one here.
	kernel=$(XDG_CACHE_HOME=${VMSHM_CACHE_HOME-} "$here/vm/fetch-kernel" 6.1)/vmlinuz
	make_initramfs
	mkfifo "$work/keyboard"
	exec 9<>"$work/keyboard"
	vmshm create "$ram" --size "$size"
	for try in 1 2 3; do
		if session; then break; fi
		echo "# guest $try was gone before it was told to go"
		# What was typed is not for the next one.
		timeout 1 cat <"$work/keyboard" >/dev/null
	done
	for line in "${seen[@]}"; do
		true_that "${line#* }" [ "${line%% *}" = 0 ]
	done
}

test_refused()
{
	check "no such kernel" 1 "" "vmshm-vmm: cannot boot: No such file *" \
		"$vmm" --ram "$domain/none" --size 1M --kernel /nonexistent
	check "not a kernel" 1 "" "vmshm-vmm: cannot boot: Exec format *" \
		"$vmm" --ram "$domain/none" --kernel /bin/true
	check "no RAM" 2 "" "usage: *" "$vmm" --kernel /bin/true
	check "an odd size" 1 "" "vmshm-vmm: 5X: *" \
		"$vmm" --ram "$domain/none" --size 5X --kernel /bin/true
}

run_tests boot refused
