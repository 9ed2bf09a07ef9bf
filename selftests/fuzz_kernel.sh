#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A few programs of the fuzzer of the module, always the same; those that once
# found something, fuzz/programs/; and whether it finds what is wrong: when it is
# told lies about results, and when a program does what the model does not expect.

set -uo pipefail
fuzz=$VMSHM_BUILD/selftests/fuzz/kernel/vmshm-fuzz
programs=$(dirname "$0")/fuzz/programs
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0 status=0

result()
{
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n $2"
	else
		echo "not ok $n $2"
		status=1
	fi
}

echo "TAP version 13"
lies=(errno zero mark)
if [ -c /dev/kvm ] && [ -d /sys/module/vmshm_kvm ]; then lies+=(guest); fi
echo "1..$((${#lies[@]} + 3))"

"$fuzz" --dir "$dir" --no-kcov --seed 1 --programs 24
result $? "programs with a fixed seed"

"$fuzz" --dir "$dir" --no-kcov --replay "$programs"/*.prog
result $? "programs that once found something"

for lie in "${lies[@]}"; do
	rm -f "$dir"/*.prog
	"$fuzz" --dir "$dir" --no-kcov --threads 0 --seed 2 --programs 100 \
		--lie "$lie" >"$dir/out"
	rc=$?
	# Short: what it takes is a region, and the call that is lied about.
	lines=$(wc -l <"$dir/minimal.prog")
	if [ $rc -ne 1 ] || [ "$lines" -lt 2 ] || [ "$lines" -gt 8 ]; then
		tail -n 20 "$dir/out"
		false
	fi
	result $? "a lie about $lie is found, in $lines operations"
done

"$fuzz" --dir "$dir" --no-kcov --replay "$dir/minimal.prog"
result $? "what was found is not there without the lie"
exit $status
