#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# The shared library exports what the header declares, each with a version, and
# nothing else; the static one has no name that could clash with a program's.

set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
number=0 failed=0

result()
{
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2"
		failed=1
	fi
}

# same NAME FILE FILE
same()
{
	if diff "$2" "$3" >"$work/diff"; then
		result 0 "$1"
	else
		sed 's/^/# /' "$work/diff"
		result 1 "$1"
	fi
}

echo 1..5
lib=$BUILD/libvmshm.so

for header in "$SOURCE"/include/vmshm/*.h; do
	echo "#include \"$header\""
done >"$work/headers.c"
${CC:-cc} -I"$SOURCE/include" -I"$SOURCE/../uapi" -E -P "$work/headers.c" |
	tr -d '\n' | tr ';' '\n' |
	sed -n 's/.*[ *]\(vmshm_[a-z_]*\)(.*/\1/p' | sort >"$work/header"
nm -D --defined-only "$lib" | sed -n 's/.* T \(.*\)@@LIBVMSHM_.*/\1/p' |
	sort >"$work/library"
same "every declared function is exported with a version" \
	"$work/header" "$work/library"

nm -D --defined-only "$lib" | grep -v ' A ' | sed 's/.* //; s/@.*//' |
	sort >"$work/all"
same "nothing else is exported" "$work/header" "$work/all"

nm --defined-only -g "$BUILD/libvmshm.a" | sed -n 's/.* [A-Z] //p' |
	grep -v '^vmshm_' >"$work/odd" || true
same "the static library has names of its own only" /dev/null "$work/odd"

readelf -d "$lib" | sed -n 's/.*SONAME.*\[\(.*\)\]/\1/p' >"$work/soname"
echo libvmshm.so.1 >"$work/expected"
same "the soname is libvmshm.so.1" "$work/expected" "$work/soname"

# What prints or ends the program has no place in a library.
nm -D --undefined-only "$lib" | sed 's/.* //; s/@.*//' | grep -Ex \
	'(v?f?printf|puts|fputs|perror|exit|_exit|abort|setenv|signal|sigaction|getenv)' \
	>"$work/bad" || true
same "the library neither prints nor exits" /dev/null "$work/bad"

exit $failed
