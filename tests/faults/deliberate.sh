#!/bin/bash
# SPDX-License-Identifier: MIT
# deliberate.sh - brokers with a bug on purpose: the runaway suite sees each of them, and finds nothing
# wrong with the sound one.
set -u
n=0

rage() { # rage PROGRAM STORM
	out=$(KSNAP=$1 "$KSNAP_TOP_BUILDDIR/bench/bench_runaway" --quick --only "$2" 2>&1)
	status=$?
	sed 's/^/# /' <<<"$out"
}

seen() { # seen FAULT STORM WORDS
	n=$((n + 1))
	rage "$KSNAP" "$2"
	if [ $status != 0 ]; then
		echo "not ok $n - $2: the sound one passes"
	else
		echo "ok $n - $2: the sound one passes"
	fi
	n=$((n + 1))
	rage "$KSNAP_TOP_BUILDDIR/tests/faults/ksnap_$1" "$2"
	if [ $status = 1 ] && grep -q "WRONG: .*$3" <<<"$out"; then
		echo "ok $n - $1 is seen"
	else
		echo "not ok $n - $1 is seen: status $status"
	fi
}

seen evict_newest 'store 4 KiB' 'another than the oldest has left'
seen above_cap 'one by one' 'above a cap'
seen lose_event 'events and no drain' 'where .* is due'
seen lose_hit 'made-up hits' 'hits told'
seen lose_live '4 executors, 1' 'published as'
if [ "${SANITIZER:-no}" = no ]; then
	seen copy_report '1 stuck, 4 MiB' 'is what its limits allow'
else
	n=$((n + 1))
	echo "ok $n - copy_report is seen # SKIP a sanitizer keeps memory of its own"
fi
echo "1..$n"
