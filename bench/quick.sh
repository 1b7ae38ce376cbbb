#!/bin/bash
# SPDX-License-Identifier: MIT
# quick.sh - every bench runs and its books are right. No time is looked at.
set -u
n=0
for program in "$KSNAP_TOP_BUILDDIR"/bench/bench_*; do
	[ -x "$program" ] || continue
	name=${program##*/}
	n=$((n + 1))
	out=$("$program" --quick)
	status=$?
	sed 's/^/# /' <<<"$out"
	case $status in
	0) echo "ok $n - $name" ;;
	77)
		case ,${KSNAP_TEST_REQUIRE:-}, in
		*,bpf,*) echo "not ok $n - $name: skipped, but bpf is required" ;;
		*) echo "ok $n - $name # SKIP $(grep -o 'skipped: .*' <<<"$out" | head -1)" ;;
		esac
		;;
	*) echo "not ok $n - $name" ;;
	esac
done
echo "1..$n"
