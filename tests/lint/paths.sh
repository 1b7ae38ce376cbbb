#!/bin/bash
# SPDX-License-Identifier: MIT
# paths.sh - what the documents name exists: files, functions, commands, switches, limits.
set -u
cd "$KSNAP_TOP_SRCDIR" || exit 99
n=0

verdict() { # verdict PROBLEMS NAME
	n=$((n + 1))
	if [ -z "$1" ]; then echo "ok $n - $2"; else printf 'not ok %d - %s\n%s\n' $n "$2" "$1"; fi
}

# Words in backquotes that look like files of ours.
files_named_in() {
	grep -o '`[A-Za-z_./-]*`' "$1" | tr -d '`' | grep -E '^(bridge|lua|schemas|tests|bench)/.*\.[a-z]+$' | sort -u
	grep -o '](\([a-z][A-Za-z_./-]*\))' "$1" | sed 's/^](//; s/)$//' | grep -v '^http' | sort -u
}

for doc in README.md CONTRIBUTING.md SECURITY.md bridge/README.md; do
	missing=
	while read -r f; do
		[ -e "$f" ] || missing+="$doc names $f, which is not there"$'\n'
	done < <(files_named_in "$doc")
	verdict "$missing" "files named in $doc"
done

# `file.c`: `function`, `function`
missing=
while read -r file names; do
	for name in $names; do
		grep -qE "(^|[ *])$name\(" "$file" || missing+="bridge/README.md: no $name in $file"$'\n'
	done
done < <(grep -oE '`bridge/[a-z_/]+\.c`: `[a-z_]+`(, `[a-z_]+`)*' bridge/README.md | tr -d '`:,' )
verdict "$missing" "functions named in bridge/README.md"

# Commands that README shows.
missing=
while read -r cmd; do
	"$KSNAP" help "$cmd" >/dev/null 2>&1 || missing+="README.md shows ksnap $cmd, which has no help"$'\n'
done < <(grep -oE '^ksnap [a-z]+' README.md | cut -d' ' -f2 | sort -u)
verdict "$missing" "commands shown in README.md"

# Switches that limits.lua names exist on ksnap serve.
missing=
help=$("$KSNAP" help serve 2>&1)
while read -r switch; do
	grep -q -- "$switch" <<<"$help" || missing+="limits.lua names $switch, ksnap serve has no such switch"$'\n'
done < <(grep -o 'switch = "--[a-z-]*' schemas/limits.lua | cut -d'"' -f2)
verdict "$missing" "switches named in schemas/limits.lua"
echo "1..$n"
