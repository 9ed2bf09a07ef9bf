#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# kunit.sh - run the KUnit tests: they are a module that runs them when it is
# loaded, and says what came of it in the kernel's log
#
# Says it again as KTAP without levels: a test of a suite is a test here.  That a
# test failed is to be seen; that a suite is missing, too.

set -uo pipefail
export LC_ALL=C

module=${VMSHM_MODULE%/*}/vmshm_kunit.ko
if [ ! -e "$module" ] && ! grep -q ' kunit_run_tests$' /proc/kallsyms; then
	echo "TAP version 13"
	echo "1..0 # SKIP the kernel is built without KUnit"
	exit 4
fi
# One suite in each file.
tests=$(cd "$(dirname "$0")/../../kernel/tests" && pwd -P)
suites=$(find "$tests" -name '*_kunit.c' | wc -l)

marker="vmshm kunit.sh $$"
echo "$marker" >/dev/kmsg
if ! insmod "$module"; then
	echo "# cannot load $module"
	exit 1
fi
rmmod vmshm_kunit

# Tests that have parameters have results of theirs below them.
dmesg | sed -n "/$marker/,\$ s/^\[[^]]*\] //p" | awk -v "expected=$suites" '
	BEGIN { print "TAP version 13" }
	/^    (# Subtest:|1\.\.)/ {
		if ($2 == "Subtest:") { suite = $3; suites++ }
		else planned += substr($1, 4)
	}
	/^    (not )?ok [0-9]/ {
		what = $1 == "not" ? "not ok" : "ok"
		name = $0
		sub(/^ *(not )?ok [0-9]+ (- )?/, "", name)
		print what, ++n, suite "." name
	}
	/^ *#/ { print }
	END {
		if (suites != expected || n != planned) {
			print "not ok", ++n, "all planned tests ran"
		}
		print "1.." n
	}'
