#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# cmd.sh - the vmshm command on a real kernel: regions, and what is in them
#
# Runs as root, with vmshm in PATH.

# run_tests calls the functions; names have no blanks; '$' is for shells
# that are started
# shellcheck disable=SC2317,SC2086,SC2016
# shellcheck source=selftests/lib/cmd.sh
. "$(dirname "$(realpath "$0")")/lib/cmd.sh"

test_general()
{
	check "version" 0 "vmshm [0-9]*" "" vmshm --version
	check "help" 0 "Usage: vmshm VERB*" "" vmshm --help
	check "no verb" 2 "" "Usage: *" vmshm
	check "unknown verb" 2 "" "vmshm: there is no verb 'sell'*" vmshm sell
	check "unknown option" 2 "" "vmshm: *--sell*" vmshm ls --sell
	check "no module" 9 "" "*cannot open /dev/vmshm: the module*" \
		unshare -m sh -c 'mount -t tmpfs none /dev && exec vmshm ls'
	check "another device" 9 "" "*it is something else*" \
		unshare -m sh -c 'mount --bind /dev/null /dev/vmshm && exec vmshm ls'
	refused "no permission for the device" 4 "not in the group" \
		setpriv --reuid=$alice --regid=$alice --clear-groups vmshm ls
	check "full output" 1 "" "*cannot write to the standard output*" \
		sh -c 'vmshm limits >/dev/full'
}

test_create()
{
	local r=$domain/create

	quiet "create" vmshm create $r --size 1M --max 4M --mode 640
	json "what was created" "j['size'] == 1 << 20 and j['max_size'] == 4 << 20
		and j['mode'] == '0640' and j['uid'] == 0 and j['flags'] == []
		and j['huge'] == 'never' and j['opens'] == 0 and j['maps'] == 0
		and j['linked'] and j['domain_uid'] == 0" vmshm info $r --json
	refused "create again" 5 "$r*exists" vmshm create $r --size 1M
	json "open existing" "not j['created'] and j['size'] == 1 << 20" \
		vmshm create $r --size 2M --open-existing --json
	json "all flags" "j['flags'] == ['shrinkable', 'reserve', 'pinnable',
		'no-punch'] and j['created']" vmshm create $r-flags --size 4K \
		--shrinkable --reserve --pinnable --no-punch --json
	json "reserve" "j['resident'] == 1 << 20 and j['allocated'] == 1 << 20" \
		vmshm create $r-reserve --size 1M --reserve --json
	json "huge pages" "j['huge'] == 'advise'" \
		vmshm create $r-huge --size 4M --huge advise --json
	refused "malformed name" 2 "malformed" vmshm create $domain//x --size 1
	refused "name of dots" 2 "malformed" vmshm create $domain/.. --size 1
	refused "too large" 2 "as large as that" vmshm create $r-large --size 15E
	refused "over the limit of memory" 6 "vmshm limits" \
		vmshm create $r-much --size 64G --reserve
	refused "in another user's domain" 4 "another user's" \
		as_alice vmshm create $r-alice --size 4K
	check "ephemeral without a command" 2 "" "*-- CMD*" \
		vmshm create $r-gone --size 4K --ephemeral
	check "ephemeral with a command" 0 "$r-gone*" "" vmshm create $r-gone \
		--size 4K --ephemeral -- vmshm ls --names $r-gone
	refused "ephemeral is gone" 3 "no region" vmshm info $r-gone
	check "the command's region and status" 7 "regular file 8192" "" \
		vmshm create $r-run --size 8K --ephemeral -- \
		sh -c 'stat -L -c "%F %s" "$0"; exit 7' "@$r-run@"
}

test_ls()
{
	local r=$domain/ls

	vmshm create $r/b --size 12K --mode 600
	vmshm create $r/a --size 1M --mode 644 --huge always --no-punch
	check "names, in order" 0 "$r/a
$r/b" "" vmshm ls --names $r/
	check "table" 0 "NAME *SIZE *MAX *RESIDENT *OPENS *MAPS *MODE *OWNER *GENERATION*
$r/a *1M *1M *0 *0 *0 *0644 *root *
$r/b *12K *12K *0 *0 *0 *0600 *root *" "" vmshm ls $r/
	check "bytes" 0 "*$r/a *1048576 *" "" vmshm ls -b $r/a
	check "long" 0 "*HUGE*FLAGS*SEALS*
*always *no-punch *-*" "" vmshm ls --long $r/a
	json "json" "[x['name'] for x in j] == ['$r/a', '$r/b'] and
		j[0]['generation'] > j[1]['generation']" vmshm ls --json $r/
	check "others see what they may open" 0 "$r/a" "" \
		as_alice vmshm ls --names $r/
	check "nothing" 0 "" "" vmshm ls $r/none
	check "nothing as json" 0 "\[\]" "" vmshm ls --json $r/none
	refused "malformed prefix" 2 "no name can begin" vmshm ls //
	refused "all registries takes root" 4 "only root" \
		as_alice vmshm ls --all-registries

	# More than fit into one call.
	for i in $(seq 300); do
		echo "vmshm create $r/many/$i --size 4K"
	done | sh
	json "300 regions" "len(j) == 300 and len({x['name'] for x in j}) == 300" \
		vmshm ls --json $r/many/
	vmshm gc --prefix $r/many/ >/dev/null
}

test_registries()
{
	local r=$domain/ns/in

	quiet "create in a user namespace" unshare -Ur vmshm create $r --size 4K
	check "not seen outside" 0 "" "" vmshm ls --names $domain/ns/
	json "but by root in all registries" "len(j) == 1 and
		j[0]['registry'] != os.stat('/proc/self/ns/user').st_ino" \
		vmshm ls -a --json $domain/ns/
	refused "and not removed by name alone" 3 "no region" vmshm rm $r
	quiet "but in its registry" vmshm rm $r --registry \
		"$(vmshm ls -a --json $domain/ns/ |
			python3 -c 'import json, sys
print(json.load(sys.stdin)[0]["registry"])')"
	quiet "gone" vmshm ls -a --names $domain/ns/
}

test_info()
{
	local r=$domain/info seq

	vmshm create $r --size 1M --max 2M
	seq=$(info $r seq)
	check "info" 0 "name * $r
generation * [0-9]*
size * 1M (1048576 bytes)
maximum * 2M (2097152 bytes)
*owner * root (0)
*" "" vmshm info $r
	true_that "info does not open the region" [ "$(info $r seq)" = "$seq" ]
	refused "info of nothing" 3 "no region" vmshm info $r-none
	refused "info of what one may not open" 4 "no permission" \
		as_alice vmshm info $r
	refused "info of a malformed name" 2 "malformed" vmshm info $r/
}

test_cat_write()
{
	local r=$domain/rw

	vmshm create $r --size 1M
	check "write" 0 "" "" sh -c "printf hello | vmshm write $r -o 4094"
	check "cat" 0 "hello" "" vmshm cat $r --offset 4094 --length 5
	check "cat beyond the end" 0 "" "" vmshm cat $r --offset 2M
	vmshm cat $r >"$work/copy"
	true_that "cat to a file: size" [ "$(stat -c %s "$work/copy")" = 1048576 ]
	true_that "cat to a file: contents" \
		sh -c "vmshm cat $r | cmp - '$work/copy'"
	true_that "cat to a file: holes" \
		[ "$(stat -c %b "$work/copy")" -le 32 ]
	json "write to the end" "j['written'] == 4 and j['complete']" \
		sh -c "printf last | vmshm write $r -o 1048572 --json"
	check "write beyond the end" 6 "" \
		"vmshm: '$r' is full: the first 3 bytes of the input fitted, to its end at 1M" \
		sh -c "printf lost | vmshm write $r -o 1048573"
	check "write where nothing fits" 6 "" "*the first 0 bytes*" \
		sh -c "printf lost | vmshm write $r -o 2M"
	true_that "the size is as it was" [ "$(info $r size)" = 1048576 ]
	true_that "a megabyte there and back" sh -c "
		head -c 1M /dev/urandom >'$work/random'
		vmshm write $r <'$work/random' && vmshm cat $r | cmp - '$work/random'"
	# With a full pipe it waits behind the data, before the hole.
	vmshm create $r-shrinks --size 4M
	head -c 1M "$work/random" | vmshm write $r-shrinks
	check "cat of what shrinks" 1 "" \
		"vmshm: '$r-shrinks' has shrunk while it was read" \
		bash -o pipefail -c "vmshm cat $r-shrinks | {
			head -c 1 >/dev/null
			vmshm resize $r-shrinks 64K
			cat >/dev/null
		}"
	refused "cat of nothing" 3 "no region" vmshm cat $r-none
	refused "cat as somebody else" 4 "permission" as_alice vmshm cat $r
	refused "cat of another generation" 8 "it is number" \
		vmshm cat $r --generation 99999999
	check "cat of this generation" 0 "?" "" \
		sh -c "vmshm cat $r -n1 --generation $(info $r generation) | od -An -tx1 | cut -c1"
}

# A name says nothing about who stands behind it.
test_owner()
{
	local r=alice$domain/r

	as_alice vmshm create $r --size 4K --mode 666
	refused "a stranger's region is not read" 8 "belongs to $alice" vmshm cat $r
	refused "nor written" 8 "belongs to $alice" vmshm write $r
	refused "nor handed to a program" 8 "belongs to $alice" \
		vmshm exec -- true "@$r@"
	refused "nor opened instead of created" 8 "another user" \
		vmshm create $r --size 4K --open-existing
	check "unless it is meant" 0 "?" "" sh -c \
		"vmshm cat $r --owner $alice -n1 | od -An -tx1 | cut -c1"
	quiet "or does not matter" vmshm exec --any-owner -- true "@$r@"
	refused "it may be meant to be another's" 8 "belongs to $alice" \
		vmshm cat $r --owner 54321
	quiet "root may look at it" sh -c "vmshm info $r >/dev/null"
	quiet "and resize it" vmshm resize $r 0
	quiet "and remove it" vmshm rm $r
}

test_exec()
{
	local r=$domain/exec

	vmshm create $r --size 4K
	printf data | vmshm write $r
	check "path" 0 "data" "" vmshm exec -- head -c 4 "@$r@"
	check "in the middle of an argument" 0 "x=/proc/self/fd/[0-9]*,y@z" "" \
		vmshm exec -- echo "x=@$r@,y@@z"
	check "twice the same" 0 "/proc/self/fd/9 /proc/self/fd/9" "" \
		vmshm exec $r=9 -- echo "@$r@" "@$r@"
	check "by number" 0 "data" "" vmshm exec $r=42 -- \
		sh -c 'head -c 4 /proc/self/fd/42'
	check "as standard input" 0 "data" "" vmshm exec $r=0 -- head -c 4
	quiet "writable" vmshm exec $r=9 -- sh -c 'printf new 1<>/proc/self/fd/9'
	check "written" 0 "newa" "" vmshm cat $r -n 4
	check "readonly" 2 "" "*ermission denied*" vmshm exec --readonly -- \
		sh -c 'echo bad 1<>"$0"' "@$r@"
	check "readonly by name" 2 "" "*ermission denied*" vmshm exec \
		--readonly=$r -- sh -c 'echo bad 1<>"$0"' "@$r@"
	check "only these descriptors" 0 "0 1 2 3 9 " "" vmshm exec $r=9 -- \
		sh -c 'ls /proc/self/fd | tr "\n" " "'
	check "status of the program" 33 "" "" vmshm exec $r -- sh -c 'exit 33'
	refused "no such region" 3 "open '$r/none': no region" \
		vmshm exec -- true "@$r/none@"
	check "no such program" 127 "" "vmshm: cannot run '/none': *" \
		vmshm exec $r -- /none
	check "no program" 126 "" "vmshm: cannot run '/etc/passwd': *" \
		vmshm exec $r -- /etc/passwd
	check "no '--'" 2 "" "*-- PROG*" vmshm exec $r true
}

test_resize()
{
	local r=$domain/resize

	vmshm create $r --size 64K --max 1M
	quiet "grow" vmshm resize $r 1M
	json "shrink" "j['size'] == 128 << 10 and j['old_size'] == 1 << 20" \
		vmshm resize $r 128K --json
	refused "beyond the maximum" 6 \
		"resize '$r' to 2M: it may grow to 1M at most (File too large)" \
		vmshm resize $r 2M
	holder "$work/pid" vmshm exec $r=9 -- python3 -c '
import mmap, os, time
m = mmap.mmap(9, 65536)
print(os.getpid(), flush=True)
time.sleep(1000)'
	quiet "shrink to what is mapped" vmshm resize $r 64K
	refused "shrink below what is mapped" 7 \
		"resize '$r' to 60K: it is mapped beyond the new size (Device or resource busy)" \
		vmshm resize $r 60K
	release
	quiet "nobody maps it any more" vmshm resize $r 0
	vmshm chmod 644 $r
	refused "without write permission" 4 "permission" \
		as_alice vmshm resize $r 4K
	refused "of nothing" 3 "no region" vmshm resize $r-none 4K
}

test_seal()
{
	local r=$domain/seal

	vmshm create $r --size 8K --max 16K
	check "no seals" 0 "-" "" vmshm seal $r
	quiet "add" vmshm seal $r grow
	check "shown" 0 "grow" "" vmshm seal $r
	refused "grow" 4 "a seal forbids it to grow" vmshm resize $r 16K
	holder "$work/pid" vmshm exec $r=9 -- python3 -c '
import mmap, os, time
m = mmap.mmap(9, 4096)
print(os.getpid(), flush=True)
time.sleep(1000)'
	refused "write, while it is mapped" 7 "through a mapping" \
		vmshm seal $r write
	release
	json "write" "j['seals'] == ['grow', 'write']" vmshm seal $r write --json
	refused "written" 4 "sealed against writing" \
		sh -c "echo x | vmshm write $r"
	quiet "last one" vmshm seal $r seal
	refused "no more" 4 "sealed against seals" vmshm seal $r shrink
	quiet "shrink" vmshm resize $r 4K
}

test_attr()
{
	local r=$domain/attr

	vmshm create $r --size 4K
	quiet "chmod" vmshm chmod 664 $r
	true_that "mode" [ "$(info $r mode)" = 0664 ]
	json "chown" "j[0]['uid'] == $alice and j[0]['gid'] == 54321" \
		vmshm chown $alice:54321 $r --json
	quiet "chown of the group" vmshm chown :0 $r
	true_that "group" [ "$(info $r gid)" = 0 ]
	true_that "user" [ "$(info $r uid)" = $alice ]
	quiet "chmod by the owner" as_alice vmshm chmod 600 $r
	refused "giving away by the owner" 4 "right to give it away" \
		as_alice vmshm chown root $r
	vmshm chown 54321 $r
	vmshm chmod 666 $r
	refused "chmod by another" 4 "not its owner" as_alice vmshm chmod 600 $r
	refused "chmod of nothing" 3 "no region" vmshm chmod 600 $r-none
}

test_rm()
{
	local r=$domain/rm generation

	vmshm create $r --size 4K
	vmshm create $r-2 --size 4K
	generation=$(info $r generation)
	refused "by another user" 4 "yours" as_alice vmshm rm $r
	refused "another generation" 8 "another region" \
		vmshm rm $r --generation $((generation + 1))
	quiet "this generation" vmshm rm $r --generation "$generation"
	refused "it is gone" 3 "no region" vmshm rm $r
	quiet "force" vmshm rm --force $r
	check "several" 3 "" "*$r-none*" vmshm rm $r-none $r-2
	refused "went on" 3 "no region" vmshm info $r-2
}

test_gc()
{
	local g=$domain/gc

	vmshm create $g/idle --size 4K
	vmshm create $g/open --size 4K
	vmshm create $g/mapped --size 4K
	vmshm create $g/pinnable --size 4K --pinnable
	vmshm create $g/pinnable-mapped --size 4K --pinnable
	holder "$work/pid" vmshm exec $g/open=9 $g/mapped=10 \
		$g/pinnable-mapped=11 -- python3 -c '
import mmap, os, time
m = [mmap.mmap(fd, 4096) for fd in (10, 11)]
for fd in range(10, 20):
    try:
        os.close(fd)
    except OSError:
        pass
m = [m]
print(os.getpid(), flush=True)
time.sleep(1000)'
	check "dry run" 0 "would remove $g/idle (*
would remove $g/pinnable (*
2 regions, *" "" vmshm gc --dry-run --prefix $g
	check "nothing was removed" 0 "$g/idle" "" vmshm ls --names $g/idle
	check "too young" 0 "" "" vmshm gc --prefix $g --older-than 1h
	check "not the caller's" 0 "" "" as_alice vmshm gc --prefix $g
	json "gc" "[x['name'] for x in j] == ['$g/idle', '$g/pinnable']" \
		vmshm gc --prefix $g --json
	check "what is left" 0 "$g/mapped
$g/open
$g/pinnable-mapped" "" vmshm ls --names $g
	release
	json "nobody uses it any more" "len(j) == 3" vmshm gc --prefix $g --json
	refused "all registries takes root" 4 "only root" \
		as_alice vmshm gc --all-registries
}

test_domain()
{
	local d=reserved$domain

	json "reserve" "j == {'domain': '$d', 'reserved': True, 'uid': $alice}" \
		vmshm domain reserve $d $alice --json
	quiet "its user creates" as_alice vmshm create $d/r --size 4K
	true_that "owner of the domain" [ "$(info $d/r domain_uid)" = $alice ]
	quiet "reserve for another" vmshm domain reserve $d root
	refused "the user creates no more" 4 "another user's" \
		as_alice vmshm create $d/s --size 4K
	quiet "the owner of the domain removes" vmshm rm $d/r
	refused "only root reserves" 4 "only root" \
		as_alice vmshm domain reserve $d $alice
	quiet "release" vmshm domain release $d
	refused "release again" 3 "not reserved" vmshm domain release $d
	refused "no name of a domain" 2 "one component" \
		vmshm domain reserve $d/x root
}

test_limits()
{
	local r=$domain/limits used

	check "limits" 0 "WHAT *LIMIT *USED*regions, you*" "" vmshm limits
	json "json" "j['abi_version'] >= 1 and j['page_size'] == 4096 and
		j['name_max'] == 255 and 'watch' in j['features'] and
		'never' in j['huge_policies'] and
		j['bytes_used'] <= j['bytes_user']" vmshm limits --json
	used=$(vmshm limits --json | jq_field regions_used)
	vmshm create $r --size 4K
	json "use counts" "j['regions_used'] == $used + 1" vmshm limits --json
}

run_tests general create ls registries info cat_write owner exec resize seal \
	attr rm gc domain limits
