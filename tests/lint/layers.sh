#!/bin/bash
# SPDX-License-Identifier: MIT
# layers.sh - a layer includes only what CONTRIBUTING.md allows it.
set -u
cd "$KSNAP_TOP_SRCDIR" || exit 99
n=0

declare -A allowed=(
	[base]='base'
	[wire]='wire base'
	[core]='core base'
	[report]='report wire base'
	[client]='client report wire base'
	[broker]='broker core wire base'
	[capture]='capture report wire base'
	[lua]='lua client report wire base'
	[cli]='cli lua capture broker client report core wire base'
)

# Layers that the files on stdin include and may not, one line each.
offences() { # offences LAYER FILE...
	local layer=$1 file inc
	shift
	for file in "$@"; do
		while read -r inc; do
			case " ${allowed[$layer]} " in
			*" ${inc%%/*} "*) ;;
			*) echo "$file includes $inc" ;;
			esac
		done < <(sed -n 's|^#include "\([a-z]*/[^"]*\)".*|\1|p' "$file" | grep -v '^schemas/')
	done
}

check() { # check NAME LAYER FILE...
	local name=$1 found
	shift
	n=$((n + 1))
	found=$(offences "$@")
	if [ -z "$found" ]; then echo "ok $n - $name"; else printf 'not ok %d - %s\n%s\n' $n "$name" "$found"; fi
}

for layer in base wire core report client broker capture cli; do
	mapfile -t files < <(find "bridge/$layer" -name '*.[ch]')
	check "$layer" "$layer" "${files[@]}"
done
mapfile -t files < <(find lua -name '*.[ch]')
check lua lua "${files[@]}"

# The check itself sees an offence.
probe=$(mktemp --suffix=.c) && trap 'rm -f "$probe"' EXIT
printf '#include "broker/broker.h"\n' >"$probe"
n=$((n + 1))
if [ -n "$(offences capture "$probe")" ]; then echo "ok $n - an offence is seen"; else echo "not ok $n - an offence is seen"; fi

# The public header stands alone, in C and in C++.
for lang in c c++; do
	n=$((n + 1))
	if echo '#include "ksnap.h"' | ${CC:-gcc} -x $lang -fsyntax-only -Wall -Wextra -Ibridge - ; then
		echo "ok $n - ksnap.h alone in $lang"
	elif [ $lang = c++ ] && ! echo 'int x;' | ${CC:-gcc} -x c++ -fsyntax-only - 2>/dev/null; then
		echo "ok $n - ksnap.h alone in $lang # SKIP no C++ compiler"
	else
		echo "not ok $n - ksnap.h alone in $lang"
	fi
done
echo "1..$n"
