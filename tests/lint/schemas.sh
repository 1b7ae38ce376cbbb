#!/bin/bash
# SPDX-License-Identifier: MIT
# schemas.sh - the schemas keep their rules, lint.lua sees when they do not, gen.lua repeats itself.
set -u
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
n=0

verdict() { # verdict STATUS NAME: 0 is ok; returns it
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
	return "$1"
}

# A fresh copy of what lint.lua reads.
fresh() {
	rm -rf "$work/src" && mkdir -p "$work/src/bridge" &&
		cp -R "$KSNAP_TOP_SRCDIR/schemas" "$work/src/schemas" &&
		cp "$KSNAP_TOP_SRCDIR/bridge/ksnap.h" "$work/src/bridge/" && chmod -R u+w "$work/src"
}

# refused FILE SED-SCRIPT RULE: after the change lint.lua must fail by the rule whose name has RULE.
refused() {
	fresh && sed -i "$2" "$work/src/$1"
	local changed=1 status
	cmp -s "$work/src/$1" "$KSNAP_TOP_SRCDIR/$1" || changed=0
	"$LUA" "$work/src/schemas/lint.lua" "$work/src" >"$work/out" 2>&1
	status=$?
	[ $changed -eq 0 ] && [ $status -ne 0 ] && grep -q "^not ok .*$3" "$work/out"
	verdict $? "refused: $1, $2" || sed 's/^/# /' "$work/out"
}

"$LUA" "$KSNAP_TOP_SRCDIR/schemas/lint.lua" "$KSNAP_TOP_SRCDIR" >"$work/out" 2>&1
status=$?
sed 's/^/# /' "$work/out"
verdict $status "schemas keep their rules"

refused schemas/op/has.lua 's/number = 303/number = 302/' 'unique and in their group'
refused schemas/op/has.lua 's/number = 303/number = 403/' 'unique and in their group'
refused schemas/event/eviction.lua 's/number = 103/number = 109/' 'enum ksnap_event_kind'
refused bridge/ksnap.h '/KSNAP_E_BUSY = /d' 'enum ksnap_error'
refused bridge/ksnap.h 's/KSNAP_EV_WORKER_LOST = 302,/&\n\tKSNAP_EV_EXTRA = 303,/' 'enum ksnap_event_kind'
refused bridge/ksnap.h '/KSNAP_STATS_CANCELLED,/d' 'enum ksnap_stats_reason'
refused schemas/limits.lua 's/default = 64, unit/default = 65, unit/' 'defaults of limits'
refused schemas/op/get.lua 's/doc = "The tag."/doc = ""/' 'has a doc'
refused schemas/op/get.lua 's/summary = ".*"/summary = ""/' 'summary'
refused schemas/op/ping.lua 's/"mono", "uint"/"mono", "unit"/' 'types of fields'
refused schemas/op/ping.lua 's/mono = [0-9]*/mono = "late"/' 'example that fits'
refused schemas/op/ping.lua 's/, mono = [0-9]*//' 'example that fits'
refused schemas/op/ping.lua 's/mono = [0-9]*/&, extra = 1/' 'example that fits'
refused schemas/op/drain.lua 's/{ count = 1, bytes = 4096 },//' 'example that fits'
refused schemas/event/overwrite.lua 's/tag = "t0", //' 'example that fits'
refused schemas/work.lua 's/k = "leave", r/k = "left", r/' 'example that fits'
refused schemas/op/ping.lua 's/"mono", "uint"/"long", "uint"/' 'no C keyword'
refused schemas/shapes.lua 's/name = "op_count"/name = "opCount"/' 'no C keyword'
refused schemas/op/ping.lua 's/errors = {}/errors = { "E_NONE" }/' 'rights and errors'
refused schemas/op/ping.lua 's/"observe"/"anyone"/' 'rights and errors'
refused schemas/event/overwrite.lua 's/"prior_schema", "str"/"seq", "str"/' 'hides\|none named as'
refused schemas/index.lua 's/"has", //' 'index.lua names'
refused schemas/local.am 's,schemas/op/has.lua,,' 'local.am names'

fresh && echo 'return { name = os.getenv("HOME") }' >"$work/src/schemas/op/has.lua"
"$LUA" "$work/src/schemas/gen.lua" "$work/src" "$work" 2>"$work/out"
[ $? -ne 0 ] && grep -q "global 'os'" "$work/out"
verdict $? "data files can hold data only"

mkdir "$work/a" "$work/b"
"$LUA" "$KSNAP_TOP_SRCDIR/schemas/gen.lua" "$KSNAP_TOP_SRCDIR" "$work/a" &&
	"$LUA" "$KSNAP_TOP_SRCDIR/schemas/gen.lua" "$KSNAP_TOP_SRCDIR" "$work/b" && diff -r "$work/a" "$work/b" >/dev/null
verdict $? "two runs give the same bytes"

status=0
for file in "$work"/a/*; do
	built=$KSNAP_TOP_BUILDDIR/schemas/${file##*/}
	[ -e "$built" ] || built=$KSNAP_TOP_SRCDIR/schemas/${file##*/}
	cmp "$file" "$built" || status=1
done
verdict $status "what was built is up to date"

"$LUA" "$KSNAP_TOP_SRCDIR/schemas/gen.lua" >/dev/null 2>"$work/out"
[ $? -eq 2 ] && grep -q '^usage:' "$work/out"
verdict $? "gen.lua without folders says how to use it"

cat >"$work/quote.lua" <<'EOF'
local rows = dofile(arg[1] .. "/schemas/gen/rows.lua")
assert(rows.quote('a "b" \\ c\nd\te') == [["a \"b\" \\ c\nd\te"]])
assert(rows.quote("??/1") == [["\?\?/1"]])
assert(rows.quote("\1" .. "2\u{e9}") == [["\0012\303\251"]])
EOF
"$LUA" "$work/quote.lua" "$KSNAP_TOP_SRCDIR"
verdict $? "C strings are quoted so that nothing leaks out"

echo "1..$n"
