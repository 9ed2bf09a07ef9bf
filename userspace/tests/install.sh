#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# What 'make install' puts into a directory is enough to build programs with,
# in C and C++, and 'make uninstall' takes all of it away.

# shellcheck disable=SC2317 # functions are called by check

set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 failed=0

# check NAME COMMAND...: what it prints is shown if it fails
check()
{
	name=$1
	shift
	number=$((number + 1))
	if "$@" >"$work/log" 2>&1; then
		echo "ok $number $name"
	else
		sed 's/^/# /' "$work/log"
		echo "not ok $number $name"
		failed=1
	fi
}

make_in()
{
	# The make that runs the tests may have told its children things.
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$@" \
		"DESTDIR=$work/root" PREFIX=/opt/vmshm
}

make_it()
{
	make_in "$SOURCE" "O=$BUILD" "$@"
}

# All but the module, which takes a kernel's build tree.
install_all()
{
	updates=$work/root/lib/modules/1.2.3/updates

	make_it install &&
		make_in "$SOURCE/.." install-udev install-systemd &&
		grep -qx vmshm "$work/root/lib/modules-load.d/vmshm.conf" &&
		mkdir -p "$updates" "$work/kernel" &&
		touch "$updates/vmshm.ko" "$updates/vmshm_kvm.ko.xz" &&
		printf 'kernelrelease:\n\t@echo 1.2.3\n' >"$work/kernel/Makefile"
}

uninstall_all()
{
	make_in "$SOURCE/.." "KDIR=$work/kernel" "O=$work/build" uninstall
}

# pc ARGUMENT...: pkg-config of what is installed
pc()
{
	PKG_CONFIG_PATH=$root/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$work/root \
		pkg-config "$@" libvmshm
}

build()
{
	compiler=$1
	shift
	# shellcheck disable=SC2046 # words are wanted
	"$compiler" "$@" -Wall -Wextra -Werror $(pc --cflags) \
		-o "$work/program" "$work/program.c" $(pc --libs)
}

run()
{
	LD_LIBRARY_PATH=$root/lib "$work/program"
}

run_command()
{
	[ "$("$root/bin/vmshm" --version)" = "vmshm $(pc --modversion)" ]
}

# text PAGE: the text of a manual page, more or less
text()
{
	sed -e 's/\\-/-/g' -e 's/\\f[A-Z]//g' -e 's/\\(aq/'"'"'/g' \
		"$root/share/man/$1" >"$work/page"
}

# Each verb and option has a place in the manual.
man_page_is_complete()
{
	missing=0
	text man1/vmshm.1
	"$root/bin/vmshm" --help | sed -n 's/^  \([a-z]*\) .*/\1/p' >"$work/verbs"
	[ -s "$work/verbs" ] || return 1
	while read -r verb; do
		for word in "vmshm $verb" $("$root/bin/vmshm" "$verb" --help |
				grep -o -e '--[a-z][a-z-]*' | sort -u); do
			if ! grep -q -e "$word" "$work/page"; then
				echo "$verb: $word is missing"
				missing=1
			fi
		done
	done <"$work/verbs"
	return "$missing"
}

# The server: runs, is in the manual with all its options, and where its unit
# says it is.
server_is_complete()
{
	server=$root/bin/vmshm-ivshmem-server
	unit=$root/lib/systemd/system/vmshm-ivshmem@.service
	[ "$("$server" --version)" = \
		"vmshm-ivshmem-server $(pc --modversion)" ] || return 1
	missing=0
	text man1/vmshm-ivshmem-server.1
	for word in $("$server" --help | sed -n 's/^ .*\(--[a-z-]*\).*/\1/p'); do
		if ! grep -q -e "$word" "$work/page"; then
			echo "$word is missing"
			missing=1
		fi
	done
	grep -q '^ExecStart=/opt/vmshm/bin/vmshm-ivshmem-server ' "$unit" ||
		missing=1
	return "$missing"
}

# What systemd thinks of the units, if it is here; the program is not where it
# is going to be.
units_are_good()
{
	units=$work/root/units
	command -v systemd-analyze || return 0
	mkdir "$units"
	for unit in service socket; do
		sed "s|^ExecStart=|ExecStart=$work/root|" \
			"$root/lib/systemd/system/vmshm-ivshmem@.$unit" \
			>"$units/vmshm-ivshmem@vm1-shared.$unit"
	done
	systemd-analyze verify --man=no "$units"/* >"$work/units" 2>&1
	rc=$?
	cat "$work/units"
	rm -r "$units"
	# Other units of this machine may be wrong.
	[ "$rc" -eq 0 ] && ! grep vmshm "$work/units"
}

# Each function is in the manual of the library and has a link to it.
library_page_is_complete()
{
	missing=0
	text man3/libvmshm.3
	for function in $(nm -D --defined-only "$root/lib/libvmshm.so" |
			sed -n 's/.* T \(vmshm_[a-z_]*\)@.*/\1/p'); do
		if ! grep -q "$function()" "$work/page"; then
			echo "$function is missing"
			missing=1
		fi
		if [ ! -e "$root/share/man/man3/$function.3" ]; then
			echo "$function has no page"
			missing=1
		fi
	done
	return "$missing"
}

# Each command of the kernel interface is in the manual of the device.
device_page_is_complete()
{
	missing=0
	text man4/vmshm.4
	sed -n 's/^#define \(VMSHM_IOC_[A-Z_]*\) _IO(.*/\1/p' \
		"$root/include/linux/vmshm.h" >"$work/commands"
	[ -s "$work/commands" ] || return 1
	while read -r command; do
		if ! grep -q "$command" "$work/page"; then
			echo "$command is missing"
			missing=1
		fi
	done <"$work/commands"
	return "$missing"
}

# The example of address spaces: the first block of C in its document.
example_compiles()
{
	{
		echo '#include <vmshm/space.h>'
		echo 'void example(int vm_fd, struct vmshm_region *region,'
		echo '             void *address, void *image);'
		echo 'void example(int vm_fd, struct vmshm_region *region,'
		echo '             void *address, void *image)'
		echo '{'
		awk '/^\.\. code-block:: c/ { if (n++) exit; next }
		     n && /^[^ ]/ { exit } n' \
			"$SOURCE/../Documentation/address-space.rst"
		echo '}'
	} >"$work/example.c"
	grep -q vmshm_space_open_kvm "$work/example.c" || return 1
	# shellcheck disable=SC2046 # words are wanted
	"${CC:-cc}" -std=c11 -Wall -Wextra -Werror $(pc --cflags) \
		-O2 -c -o "$work/example.o" "$work/example.c"
}

nothing_is_left()
{
	find "$work/root" ! -type d >"$work/left"
	[ ! -s "$work/left" ] || {
		cat "$work/left"
		return 1
	}
}

cat >"$work/program.c" <<'END'
#include <stddef.h>
#include <vmshm/vmshm.h>
#include <vmshm/space.h>
#include <vmshm/kvm_log.h>

int main(void)
{
	struct vmshm_context *context;
	struct vmshm_space *space;
	struct vmshm_kvm_log *log;

	if (vmshm_space_open(NULL, &space) != -22 /* EINVAL */ ||
	    vmshm_kvm_log_open(0, ~0U, &log) != -22)
		return 1;
	return vmshm_context_open("/dev/null", &context) != -25 /* ENOTTY */;
}
END

echo 1..18
root=$work/root/opt/vmshm
check "install" make_it install
check "pkg-config knows it" pc --exists
check "a program in C99" build "${CC:-cc}" -std=c99 -pedantic
check "runs" run
check "a program in C++11" build c++ -std=c++11 -x c++
check "runs" run
check "the command runs, and is of the same version" run_command
check "the example of address spaces" example_compiles
check "vmshm(1) has every verb and option" man_page_is_complete
check "libvmshm(3) has every function" library_page_is_complete
check "vmshm(4) has every command" device_page_is_complete
check "the server is complete" server_is_complete
check "its units are good" units_are_good
check "uninstall" make_it uninstall
check "nothing is left" nothing_is_left
check "install, all of it" install_all
check "uninstall, all of it" uninstall_all
check "nothing is left" nothing_is_left
exit $failed
