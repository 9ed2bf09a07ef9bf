#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# qemu_access.sh - Debian's QEMU, unmodified, as a user who may or may not have the
# region that it is given as memory

# shellcheck disable=SC2317 # run_tests calls the functions
set -uo pipefail

# shellcheck source=selftests/lib/qemu.sh
. "$(dirname "$(realpath "$0")")/lib/qemu.sh"

user=12345

# root opens the region, has QEMU inherit it and becomes somebody else.
become_user()
{
	qemu_as=(setpriv "--reuid=$user" "--regid=$user" --clear-groups)
}

# user_may NAME SUFFIX [PROPERTIES]
user_may()
{
	qemu "$1" "${stopped[@]}" -machine q35 \
		-object "$(backend ram "$2" 32M "${3:-share=on}")"
	equal "$user" "$(stat -c %u "/proc/${pids[$1]}")" "QEMU's user"
	mapping "$1" "$2" >/dev/null
	quit "$1"
}

# user_may_not SUFFIX [PROPERTIES]
user_may_not()
{
	qemu_refuses "Permission denied" "${stopped[@]}" -machine q35 \
		-object "$(backend ram "$1" 32M "${2:-share=on}")"
}

other_user_by_owner()
{
	new ram 32M --mode=0600
	become_user
	user_may_not ram
	user_may_not ram share=on,readonly=on
	vmshm chown "$user" "$domain/ram"
	exec_options=("--owner=$user")
	user_may vm ram
}

other_user_by_mode()
{
	new ram 32M --mode=0644
	become_user
	user_may_not ram
	user_may vm ram share=on,readonly=on
	vmshm chmod 0666 "$domain/ram"
	user_may vm2 ram
}

other_user_by_group()
{
	new ram 32M --mode=0660
	become_user
	user_may_not ram
	vmshm chown ":$user" "$domain/ram"
	user_may vm ram
}

# A handle for reading stays one, whoever has it and owns the region.
readonly_handle()
{
	new ram 32M
	put ram 0 precious
	exec_options=("--readonly=$domain/ram")
	guest_refused "Permission denied" ram 32M
	qemu vm "${stopped[@]}" -machine q35 \
		-object "$(backend ram ram 32M share=on,readonly=on)"
	contains "$(mapping vm ram)" r--s
	quit vm
	equal precious "$(get ram 0 8)"
}

tests=(other_user_by_owner other_user_by_mode other_user_by_group
	readonly_handle)
run_tests "${@:-${tests[@]}}"
