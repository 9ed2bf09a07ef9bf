#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# qemu_migration.sh - Debian's QEMU, unmodified, migrates guests whose memory is
# in regions

# shellcheck disable=SC2317 # run_tests calls the functions
set -uo pipefail

# shellcheck source=selftests/lib/qemu.sh
. "$(dirname "$(realpath "$0")")/lib/qemu.sh"

incoming()
{
	guest "$1" "$2" "$3" '' -incoming defer
}

# capability NAME CAPABILITY
capability()
{
	qmp "$1" migrate-set-capabilities "\"capabilities\": [
		{\"capability\": \"$2\", \"state\": true}]" >/dev/null
}

# migrate FROM TO: begins
migrate()
{
	qmp "$2" migrate-incoming "\"uri\": \"unix:$work/migration\"" >/dev/null
	qmp "$1" migrate "\"uri\": \"unix:$work/migration\"" >/dev/null
}

# migration NAME STATUS...: waits until it is one of these; prints it.
migration()
{
	local status='' end=$((SECONDS + patience))

	while [ "$SECONDS" -lt "$end" ]; do
		status=$(qmp "$1" query-migrate |
			sed -n 's/.*[{ ]"status": "\([^"]*\)".*/\1/p')
		case " ${*:2} " in
		*" $status "*)
			echo "$status"
			return
			;;
		esac
		case $status in
		completed|failed|cancelled)
			fail "migration of '$1' has $status: $(cat "$work"/*.log)"
			return
			;;
		esac
		sleep 0.2
	done
	fail "migration of '$1' is still '$status': $(cat "$work"/*.log)"
}

# transferred NAME KEY: a number of what query-migrate says of memory
transferred()
{
	qmp "$1" query-migrate | sed -n "s/.*\"$2\": \([0-9]*\).*/\1/p"
}

precopy()
{
	new from 32M
	new to 32M
	put from 16M "moves along"
	put to 16M "overwritten by what comes"
	put to 17M "zeroed"
	guest source from 32M
	incoming target to 32M
	migrate source target
	migration source completed >/dev/null
	migration target completed >/dev/null
	quit source
	quit target
	equal "moves along.............." "$(get to 16M 25)"
	equal ...... "$(get to 17M 6)"
	# Zero pages are not sent, and take no memory where there was none.
	equal "$(info from allocated)" "$(info to allocated)" "allocated"
}

# The size of a region is nobody's but its owner's: QEMU does not resize it.
different_size()
{
	new from 64M
	new to 32M --max=64M
	put to 16M untouched
	guest source from 64M
	incoming target to 32M
	# It ends by itself when the migration fails.
	migrate source target
	migration source failed >/dev/null
	wait "${pids[target]}" || true
	contains "$(cat "$work/target.log")" "Size mismatch: ram"
	equal $((32 * mib)) "$(info to size)" "size"
	equal untouched "$(get to 16M 9)"
	contains "$(qmp source query-status)" prelaunch
	quit source
}

# Source and target have the same memory: nothing needs to be sent.
ignore_shared()
{
	new ram 32M
	put ram 16M "stays where it is"
	guest source ram 32M
	incoming target ram 32M
	equal 2 "$(info ram maps)" "mappings"
	capability source x-ignore-shared
	capability target x-ignore-shared
	migrate source target
	migration source completed >/dev/null
	migration target completed >/dev/null
	# The firmware's own memory is, 532480 bytes.
	at_least "$(transferred source normal-bytes)" "$mib" "sent"
	quit source
	equal 1 "$(info ram maps)" "mappings afterwards"
	contains "$(hmp target "xp /1bx $((16 * mib))")" 0x73
	quit target
	equal "stays where it is" "$(get ram 16M 17)"
}

# parameter NAME PARAMETER VALUE
parameter()
{
	qmp "$1" migrate-set-parameters "\"$2\": $3" >/dev/null
}

# The target runs before it has all memory: userfaultfd, on a PINNABLE region.
postcopy()
{
	local at=$((48 * mib))

	new from 64M
	new to 64M --pinnable
	head -c 40M /dev/zero | tr '\0' d >"$work/data"
	vmshm write -o 16M "$domain/from" <"$work/data"
	put from "$at" "asked for"
	put to 8M "discarded"
	guest source from 64M
	incoming target to 64M
	capability source postcopy-ram
	capability target postcopy-ram
	# So slow that nothing comes to an end by itself.
	parameter source max-bandwidth 65536
	parameter source max-postcopy-bandwidth "$mib"
	migrate source target
	migration source active >/dev/null
	qmp source migrate-start-postcopy >/dev/null
	migration source postcopy-active >/dev/null
	# A missing page: QEMU waits for it, and its own thread fetches it.
	contains "$(hmp target "xp /4cb $at")" "'a' 's' 'k' 'e'"
	equal postcopy-active "$(migration source postcopy-active completed)"
	at_least 1 "$(transferred source postcopy-requests)" "pages asked for"
	parameter source max-postcopy-bandwidth 0
	migration source completed >/dev/null
	migration target completed >/dev/null
	at_least $((40 * mib)) "$(transferred source postcopy-bytes)" "sent"
	quit source
	quit target
	equal ......... "$(get to 8M 9)"
	equal "asked for" "$(get to "$at" 9)"
}

tests=(precopy different_size ignore_shared postcopy)
run_tests "${@:-${tests[@]}}"
