#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh - run every bench, print one table, keep all of it in one JSON file. Arguments go to each:
# --quick, --rounds N, --only TEXT.
set -u
json=${BENCH_JSON:-bench.json}
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
failed=0

for program in "$KSNAP_TOP_BUILDDIR"/bench/bench_*; do
	[ -f "$program" ] && [ -x "$program" ] || continue
	"$program" --json "$work/lines" "$@" | tee -a "$work/rows"
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
grep -v '^#' "$work/rows"

commit=$(git -C "$KSNAP_TOP_SRCDIR" describe --always --dirty 2>/dev/null)
{
	printf '{"v":1,"at":"%s","commit":"%s","args":"%s","lines":[\n' "$(date -u +%FT%TZ)" "${commit:-unknown}" "$*"
	sed '$!s/$/,/' "$work/lines"
	printf ']}\n'
} >"$json"
echo "# all of it: $json; bench/compare.lua OLD NEW says what became of it, bench/report.lua draws it"
exit $failed
