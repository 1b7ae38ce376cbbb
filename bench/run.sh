#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh - run every bench and print one table. Arguments go to each: --quick, --rounds N.
set -u
json=${BENCH_JSON:-bench.jsonl}
rm -f "$json"
rows=$(mktemp) && trap 'rm -f "$rows"' EXIT
failed=0

for program in "$KSNAP_TOP_BUILDDIR"/bench/bench_*; do
	[ -x "$program" ] || continue
	"$program" --json "$json" "$@" | tee -a "$rows"
	status=${PIPESTATUS[0]}
	case $status in
	0 | 77) ;;
	*)
		echo "# $program failed with $status"
		failed=1
		;;
	esac
done
printf '\n%-34s %14s  %-34s %14s %9s %-16s %-13s %s\n' path cost floor cost ratio '[quartiles]' goal verdict
grep -v '^#' "$rows"
echo "# as JSON lines: $json"
exit $failed
