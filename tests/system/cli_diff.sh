# SPDX-License-Identifier: MIT
# ksnap diff: stored tags and files, every form of output, exit codes, one Lua script, and programs of
# the running kernel.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
. "$KSNAP_TOP_SRCDIR/tests/system/sys_kernel.sh"
need_python

serve_start b --target fixture:maps=2,entries=3 --target fixture:maps=2,entries=4,seed=9 || exit 1
cd "$tap_dir" || exit 1

# ---- misuse ----------------------------------------------------------------------------------

exits 2 'diff of nothing' "$KSNAP" diff
exits 2 'diff of one' "$KSNAP" diff t0
exits 2 'diff of four' "$KSNAP" diff t0 t1 map0 more
exits 1 'a tag that is not there' "$KSNAP" diff t0 t1
like "$err" 'E_NOTFOUND' 'says so'
exits 1 'a file that is not there' "$KSNAP" diff ./none.ksnap ./none.ksnap
like "$err" 'cannot open ./none.ksnap: No such file' 'says so'
exits 2 'an empty tag' "$KSNAP" diff '' t0

"$KSNAP" -q capture t0 --target fixture:maps=2,entries=3 --save t0.ksnap >/dev/null
"$KSNAP" -q capture t1 --target fixture:maps=2,entries=4,seed=9 >/dev/null

# ---- what differs ----------------------------------------------------------------------------

exits 0 'one with itself' "$KSNAP" diff t0 t0
is "$out" '0 added, 0 removed, 0 changed' 'does not differ'
exits 0 'also with --exit-code' "$KSNAP" diff t0 t0 --exit-code
exits 0 'one with its file' "$KSNAP" diff t0 t0.ksnap --exit-code
exits 0 'in the other order' "$KSNAP" diff ./t0.ksnap t0 --exit-code
exits 0 'two that differ' "$KSNAP" diff t0 t1
like "$out" $'\n\\+ map0\\[3\\]  \\{n = [0-9]+, ' 'an entry came'
like "$out" $'(^|\n)map0\\[0\\]\\.n  ([0-9]+) → ([0-9]+)  \\([+-][0-9]+\\)\n' 'a number changed, by how much'
is "$((BASH_REMATCH[3] - BASH_REMATCH[2]))" "$(grep -o '^map0\[0\]\.n .*' <<<"$out" | sed 's/.*(+\?\(-\?[0-9]*\))$/\1/')" \
	'is right'
like "${out##*$'\n'}" '^2 added, 0 removed, [0-9]+ changed$' 'a summary at the end'
exits 1 'with --exit-code 1' "$KSNAP" diff t0 t1 --exit-code
exits 0 'backwards' "$KSNAP" diff t1 t0
like "$out" $'\n- map0\\[3\\]  \\{n = ' 'the entry went'

exits 0 'one map' "$KSNAP" diff t0 t1 map1 -o jsonl
is "$(jsonl 'sorted(set(c["map"] for c in d))' <<<"$out")" "['map1']" 'is all that is told'
exits 0 'one value' "$KSNAP" diff t0 t1 'map0[1].n' -o json
is "$(json '[(c["change"], c["what"], c["path"], c["new"] - c["old"] == c["delta"]) for c in d]' <<<"$out")" \
	"[('changed', 'value', 'map0[1].n', True)]" 'is one change'
exits 1 'a value that is in neither' "$KSNAP" diff t0 t1 'map0[77]'
like "$err" 'E_NOTFOUND' 'says so'

# ---- as data, with nothing left out ------------------------------------------------------------

exits 0 'as JSON lines' "$KSNAP" diff t0 t1 -o jsonl
lines=$out
is "$(jsonl 'list(d[0])' <<<"$lines")" "['change', 'what', 'path', 'map', 'key', 'old', 'new', 'delta']" 'keys in order'
exits 0 'as JSON' "$KSNAP" diff t0 t1 -o json
is "$(json 'd' <<<"$out")" "$(jsonl 'd' <<<"$lines")" 'the same'
"$KSNAP" diff t0 t1 -o msgpack >bytes
is "$(unpack 'd')" "$(jsonl 'd' <<<"$lines")" 'as msgpack the same'
exits 0 'no difference as JSON' "$KSNAP" diff t0 t0 -o json
is "$out" '[]' 'is an empty list'
exits 0 'no difference as JSON lines' "$KSNAP" diff t0 t0 -o jsonl
is "$out" '' 'is nothing'
checked=0 wrong=0
# Each changed path gives, in both snapshots, what is told of it.
while IFS=$'\t' read -r path old new; do
	a=$("$KSNAP" show t0 "$path" -o json) b=$("$KSNAP" show t1 "$path" -o json)
	checked=$((checked + 1))
	[ "$a" = "$old" ] && [ "$b" = "$new" ] && continue
	wrong=$((wrong + 1))
	diag "$path: $a, $b; told: $old, $new"
done < <("$PYTHON3" -c 'import json, sys
for line in sys.stdin:
    c = json.loads(line)
    if c["change"] == "changed":
        print(c["path"], *(json.dumps(c[k], separators=(",", ":")) for k in ("old", "new")), sep="\t")' <<<"$lines")
ok 'show says the same of every path' test $wrong = 0 -a $checked -gt 3

# ---- a report that is cut, a pipe that closes ---------------------------------------------------

head -c 700 t0.ksnap >cut.ksnap
exits 1 'a file that was cut off' "$KSNAP" diff t0 cut.ksnap
like "$err" 'cut.ksnap is cut off or damaged' 'says so'
exits 1 'a full stdout' bash -c '"$1" diff t0 t1 >/dev/full' - "$KSNAP"
like "$err" 'cannot write the output' 'says so'

# ---- the same in Lua ----------------------------------------------------------------------------

cat >diff.lua <<'END'
local ksnap = require "ksnap"
local bridge <close> = assert(ksnap.connect())
local old, t1 = assert(ksnap.open "t0.ksnap"), assert(bridge:get "t1")
assert(#old:diff(bridge:get "t0") == 0)
local changes = old:diff(t1, "map0")
local by_path = {}
for _, c in ipairs(changes) do by_path[c.path] = c end
local n = by_path["map0[0].n"]
assert(n.change == "changed" and n.key == 0 and n.new - n.old == n.delta)
assert(n.old == old:map "map0":at(0):get "n":u64() and n.new == t1:map "map0":at(0):get "n":u64())
assert(by_path["map0[3]"].change == "added" and by_path["map0[3]"].new.comm == "task-3")
local ok, err = pcall(old.diff, old, t1, "nothing")
assert(not ok and err.code == "E_NOTFOUND")
local none, why = ksnap.open "none.ksnap"
assert(none == nil and why.code == "E_NOTFOUND")
none, why = ksnap.open "cut.ksnap"
assert(none == nil and why.code == "E_PROTO" and why.msg:find "cut off")
none, why = ksnap.open("t0.ksnap", "t9")
assert(none == nil and why.code == "E_NOTFOUND")
END
exits 0 'a script compares a file with a stored snapshot' "$KSNAP" run diff.lua
[ "$status" = 0 ] || diag "$out"

# ---- programs and links of the running kernel ----------------------------------------------------

serve_stop
if lack=$(kernel_lacks); then
	skip 'programs of the running kernel' "$lack"
	finish
fi
ok 'a broker for the kernel' serve_start live --target live || finish
mkfifo end
"$KSNAP_TOP_BUILDDIR/tests/bpf/hold" "$KSNAP_TOP_BUILDDIR/tests/bpf/counter.bpf.o" <>end >ids &
holder=$!
serve_pids[$holder]=1
until grep -q READY ids; do kill -0 "$holder" || break; done
id=$(sed -n 's/^prog count_switch //p' ids) # its name has it, too, when another such program is loaded
capture() {
	"$KSNAP" -q capture "$1" --map obj:counter --progs >/dev/null
}
capture p0
(:) # a process that ends: some switch from one to the other
capture p1
exits 0 'two captures with programs' "$KSNAP" diff p0 p1 prog:count_switch -o json
is "$(json '[(c["what"], c["change"], c["id"] == '"$id"', c["new"] - c["old"] == c["delta"] > 0)
	for c in d if c["path"] in ("prog:count_switch.run_cnt", "prog:count_switch#'"$id"'.run_cnt")]' <<<"$out")" \
	"[('prog', 'changed', True, True)]" 'say how often it ran in between'
kill "$holder"
wait "$holder" 2>/dev/null
unset "serve_pids[$holder]"
gone() {
	"$KSNAP" -q capture p2 --map obj:counter --progs >/dev/null
	"$KSNAP" diff p1 p2 progs >told
	grep -qE "^- prog:count_switch(#$id)? " told
}
until gone; do kill -0 "$serve_pid" || break; done
exits 0 'a program that is gone' "$KSNAP" diff p1 p2 links
like "$out" '- link:count_switch(#[0-9]+)?  \{id = [0-9]+, type = "raw_tracepoint"' 'took its link along'
exits 0 'programs in one only' bash -c '"$1" -q capture p3 --map "!*" >/dev/null && "$1" diff p2 p3 | grep "^!"' - "$KSNAP"
is "$out" '! progs: only the first snapshot has them, and they are not compared: capture both with programs (progs, --progs)' \
	'are said'
exits 1 'a program that is in neither' "$KSNAP" diff p1 p2 prog:nope
like "$err" 'E_NOTFOUND.*prog:nope' 'says so'
finish
