#!/bin/bash
# SPDX-License-Identifier: MIT
# shape.sh - budgets: files, functions, names, licence lines, words that mark unfinished work.
set -u
cd "$KSNAP_TOP_SRCDIR" || exit 99
n=0
mapfile -t sources < <(find bridge lua tests bench -name '*.c' -o -name '*.h' | sort)

verdict() { # verdict PROBLEMS NAME
	n=$((n + 1))
	if [ -z "$1" ]; then echo "ok $n - $2"; else printf 'not ok %d - %s\n%s\n' $n "$2" "$1"; fi
}

verdict "$(wc -l "${sources[@]}" | awk '$2 ~ /\.c$/ && $1 > 800 { print $2 ": " $1 " lines, at most 800" }')" \
	"source files have at most 800 lines"
verdict "$(wc -l "${sources[@]}" | awk '$2 ~ /\.h$/ && $2 !~ /ksnap\.h$/ && $1 > 250 { print $2 ": " $1 " lines, at most 250" }')" \
	"headers have at most 250 lines"

# A function's body begins with { and ends with } in the first column.
long_functions() {
	awk '
	FNR == 1 { open = 0 }
	/^\{/ { open = FNR }
	/^}/ && open { if (FNR - open > 101) print FILENAME ":" open ": " FNR - open - 1 " lines, at most 100"; open = 0 }
	' "$@"
}
verdict "$(long_functions "${sources[@]}")" "functions have at most 100 lines"

mapfile -t bodies < <(find bridge lua -name '*.c' -print0 | xargs -0 awk 'FNR == 1 { open = 0 } /^\{/ { open = FNR } /^}/ && open { print FNR - open - 1; open = 0 }' | sort -n)
median=${bodies[$((${#bodies[@]} / 2))]}
p90=${bodies[$((${#bodies[@]} * 9 / 10))]}
echo "# ${#bodies[@]} functions, median $median lines, 90 % at most $p90"
verdict "$([ "$median" -le 15 ] || echo "median $median, at most 15")" "the median function has at most 15 lines"
verdict "$([ "$p90" -le 50 ] || echo "90 %: $p90, at most 50")" "nine functions in ten have at most 50 lines"

verdict "$(printf '%s\n' "${sources[@]}" | grep -E '/(util|utils|common|misc|aux|helpers?)\.[ch]$')" "no file without a noun"
verdict "$(grep -L 'SPDX-License-Identifier: MIT' "${sources[@]}")" "each source has its licence line"
verdict "$(grep -nE '\b(TODO|FIXME|XX[X])\b' "${sources[@]}")" "nothing is marked unfinished"
verdict "$(grep -nE '\b(usleep|nanosleep|sleep)\(' tests -r --include='*.c' --include='*.sh' --include='*.py' | grep -v 'lint/shape.sh')" \
	"no test sleeps"

# A header that a third of all files include is everybody's.
fan_in() {
	local total=${#sources[@]} h count
	while read -r h; do
		case $h in ksnap.h | base/* | wire/*) continue ;; esac
		count=$(grep -l "#include \"$h\"" "${sources[@]}" | wc -l)
		[ $((count * 3)) -le "$total" ] || echo "$h is included by $count of $total files"
	done < <(cd bridge && find . -name '*.h' | sed 's|^\./||')
}
verdict "$(fan_in)" "no header is included by more than a third of all files"

n=$((n + 1))
if [ -z "${CLANG_FORMAT:-}" ]; then
	echo "ok $n - clang-format # SKIP it is not installed"
elif "$CLANG_FORMAT" --version | grep -qv 'version 14'; then
	echo "ok $n - clang-format # SKIP its version is another one than 14"
else
	bad=$("$CLANG_FORMAT" --dry-run "${sources[@]}" 2>&1 | grep -o '^[^:]*:[0-9]*' | cut -d: -f1 | sort | uniq -c)
	if [ -z "$bad" ]; then echo "ok $n - clang-format"; else printf 'not ok %d - clang-format\n%s\n' $n "$bad"; fi
fi
echo "1..$n"
