#!/bin/bash
# SPDX-License-Identifier: MIT
# exports_test.sh - ksnap.h, libksnap.map and libksnap.so name the same functions, and a program that
# has only the header and the library compiles, links and runs.
header=$KSNAP_TOP_SRCDIR/bridge/ksnap.h
map=$KSNAP_TOP_SRCDIR/bridge/libksnap.map
lib=$KSNAP_TOP_BUILDDIR/.libs/libksnap.so
outsider=$KSNAP_TOP_SRCDIR/tests/unit/client/outsider.c
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0

# report VERDICT NAME: one TAP line, with the lines of $tmp/why behind a failure.
report() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		sed 's/^/# /' "$tmp/why"
	fi
}

echo 1..6
: >"$tmp/why"

# Function names: comments, typedefs of callbacks (*name) and macros are not functions.
sed -e ':a' -e 's|/\*[^*]*\*\+\([^/*][^*]*\*\+\)*/||g' -e '/\/\*/{N;ba' -e '}' "$header" |
	grep -v '^#' | grep -oP '(?<!\(\*)\bksnap_[a-z0-9_]+(?=\()' | sort -u >"$tmp/header"
sed -n '/^global:/,/^local:/s/^\t\(ksnap_[a-z0-9_]*\);$/\1/p' "$map" | sort >"$tmp/map"
nm -D --defined-only "$lib" 2>"$tmp/why" | sed -n 's/^[0-9a-f]* T \([^@]*\).*/\1/p' | sort >"$tmp/lib"

[ "$(wc -l <"$tmp/header")" -ge 90 ]
report $? "the header's functions are found"
diff "$tmp/header" "$tmp/map" >"$tmp/why"
report $? "libksnap.map lists exactly the header's functions"
diff "$tmp/map" "$tmp/lib" >"$tmp/why"
report $? "libksnap.so exports exactly what libksnap.map lists"
nm -D --defined-only "$lib" | grep -v ' T \| A KSNAP_1' >"$tmp/why"
[ ! -s "$tmp/why" ]
report $? "libksnap.so exports functions only"

san=
[ "$SANITIZER" = address ] || [ "$SANITIZER" = yes ] && san=-fsanitize=address,undefined
[ "$SANITIZER" = thread ] && san=-fsanitize=thread
mkdir "$tmp/include" && cp "$header" "$tmp/include"
${CC:-cc} -std=c11 -Wall -Wextra -Wpedantic -Wno-variadic-macros -Werror $san -I"$tmp/include" "$outsider" \
	-o "$tmp/outsider" "$lib" -Wl,-rpath,"${lib%/*}" >"$tmp/why" 2>&1
report $? "a program compiles with ksnap.h alone"
"$tmp/outsider" >"$tmp/why" 2>&1
report $? "and runs"
