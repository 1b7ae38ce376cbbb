# SPDX-License-Identifier: MIT
# ksnap repl with lines from a pipe: results, errors, and what is undone at the end. On a terminal:
# repl_terminal.py.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"

# typed NAME: the lines on stdin, as one test; $out and $err.
typed() {
	out=$(timeout -s KILL 60 "$KSNAP" repl "${options[@]}" 2>"$tap_dir/stderr")
	is "$?" 0 "$1"
	err=$(cat "$tap_dir/stderr")
}
options=(--target fixture:maps=1,entries=2)

exits 2 'repl of a file' "$KSNAP" repl x.lua
exits 2 'a target nobody knows' "$KSNAP" repl --target vax
exits 5 'a broker that is not there' "$KSNAP" repl --endpoint "ipc://$tap_dir/nobody"
typed 'nothing' </dev/null
is "$out$err" '' 'says nothing'
typed 'values' <<'END'
1 + 1, "a\nb", nil, { 1, x = { y = true }, [true] = 2 }
x = 5
x
local t = {} for i = 1, 30 do t[i] = i end return t, "end"
{ { { { { 1 } } } } }
END
like "$out" $'^2\t"a\\\\nb"\tnil\t\{ 1, \\[true\\] = 2, x = \{ y = true } }\n5\n\{\n  1,\n' 'are shown'
like "$out" $',\n  24,\n  ... and 6 more\n}\t"end"\n\{ \{ \{ \{ \{ ... } } } } }$' 'up to some width and depth'
options=(--target fixture:maps=1,latency_ms=3600000 --timeout 150)
typed 'an op that is never answered' <<'END'
local r, err = bridge:capture_snapshot "t0" return r and r.complete, err and err.code
bridge:has "t1"
END
like "$out" $'^(false\tnil|nil\t"E_TIMEOUT")\nfalse$' 'ends when --timeout says'
options=(--target fixture:maps=1,entries=2)
typed 'ops and snapshots' <<'END'
op.has "t0"
bridge:capture_snapshot "t0".tag
op.has "t0"
bridge:get "t0"
bridge:get "t1"
END
is "$out" $'false\n"t0"\ntrue\nsnapshot "t0": map0 (2)\nnil\tE_NOTFOUND: get: no snapshot "t1"; stored: "t0"' 'too'
typed 'what goes wrong' <<'END'
error "boom"
error()
error(setmetatable({}, { __tostring = function() error "again" end }))
local y = = 1
op.hsa "x"
for i = 1, 2 do
END
is "$out" '' 'gives no result'
like "$err" $'^stdin:1: boom\nstack traceback:' 'is told with its traceback'
like "$err" $'\nstdin:1: unexpected symbol near .=.\n' 'or its line'
like "$err" 'E_OP: there is no op "hsa"; did you mean has\?' 'or what would be right'

ok 'a broker' serve_start b --target fixture:maps=1,entries=2
options=()
typed 'with a broker' <<<'op.capture_snapshot "kept"'
exits 0 'what was captured' "$KSNAP" show kept
options=(--bridge other)
typed 'with another bridge' <<<'op.list()'
is "$out" '{}' 'is another one'
finish
