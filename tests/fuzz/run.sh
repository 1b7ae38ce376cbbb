#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh FOLDER TARGET... - libFuzzer goes on with each target, by $FUZZ_LIMIT, and the count of what it
# was given is kept in FOLDER/found: the table at the end has this run and all since `make clean`.
set -u -o pipefail
dir=$1
shift

frames=' scan envelope params work live ' # what the broker, a worker and a client are sent

count_of() { # count_of TARGET: all its runs, added up
	awk '{ n += $1 } END { print n + 0 }' "$dir/found/$1.count" 2>/dev/null || echo 0
}

last_of() {
	tail -n 1 "$dir/found/$1.count"
}

for t; do
	mkdir -p "$dir/found/$t"
	# shellcheck disable=SC2086 # FUZZ_LIMIT may be several words
	if ! "$dir/$t" $FUZZ_LIMIT -max_len=65536 -timeout=20 -print_final_stats=1 \
		-artifact_prefix="$dir/" "$dir/found/$t" "$dir/corpus/$t" 2>&1 | tee "$dir/found/$t.log"; then
		echo "fuzz: $t found something: $dir/found/$t.log" >&2
		exit 1
	fi
	sed -n 's/^stat::number_of_executed_units: *//p' "$dir/found/$t.log" >>"$dir/found/$t.count"
done

all=0 now_frames=0 all_frames=0
printf '%-10s %12s %14s\n' target 'inputs now' 'since clean'
for t; do
	n=$(last_of "$t") sum=$(count_of "$t")
	printf '%-10s %12d %14d\n' "$t" "$n" "$sum"
	all=$((all + n))
	case $frames in *" $t "*) now_frames=$((now_frames + n)) all_frames=$((all_frames + sum)) ;; esac
done
echo "fuzz: $all inputs and no crash; frames of broker, worker and client: $now_frames now, $all_frames since clean"
