# SPDX-License-Identifier: MIT
# capture, list, show, drain, events, procs, status, describe in every form of output.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python

serve_start b --target fixture:maps=2,entries=3,bytes=64 --target fixture:fail_every=1 || exit 1

exits 1 'show of a tag that is not there' "$KSNAP" show t0
like "$err" 'E_NOTFOUND' 'says so'
exits 1 'procs of a tag that is not there' "$KSNAP" procs t0
exits 1 'a target nobody serves' "$KSNAP" capture t0 --target live
exits 1 'a target that gives no report' "$KSNAP" capture t0 --target fixture:fail_every=1
like "$err" 'E_TARGET' 'is an error of the target'
exits 0 'list of nothing' "$KSNAP" list -o json
is "$out" '[]' 'is an empty list'
exits 0 'the failed capture left an event' "$KSNAP" events -o json
is "$(json '[e["k"] for e in d]' <<<"$out")" "['capture_unavailable']" 'and nothing else'

exits 0 'a glob that matches nothing' "$KSNAP" capture none --map 'no_such_map*' -o json
is "$(json 'd["complete"], len(d["maps"]), d["reasons"][0]["code"]' <<<"$out")" "(False, 0, 'no_match')" \
	'is a report that says so'
like "$err" 'not complete' 'and words on stderr'
exits 0 'quietly' "$KSNAP" -q capture none --map 'no_such_map*' -o json
is "$err" '' 'without them'

exits 0 'capture as a table' "$KSNAP" capture t0
like "$out" 't0' 'names the tag'
exits 0 'capture as JSON' "$KSNAP" capture t1 -o json --step 3
is "$(json 'd["schema"], d["tag"], d["complete"], len(d["maps"])' <<<"$out")" \
	"('ksnap.report/1', 't1', True, 2)" 'is the report'
is "$(json '[len(m["entries"]) for m in d["maps"]]' <<<"$out")" '[3, 3]' 'with all entries'
exits 0 'capture as indented JSON' "$KSNAP" capture t2 -o json --indent 2
is "$(json 'd["tag"]' <<<"$out")" t2 'is JSON too'
ok 'of many lines' test "$(wc -l <<<"$out")" -gt 10
exits 0 'capture as raw JSON' "$KSNAP" capture t3 -o json --raw
is "$(json 'd["tag"]' <<<"$out")" t3 'is JSON too'
exits 0 'capture as a JSON line' "$KSNAP" capture t4 -o jsonl
is "$(jsonl 'len(d), d[0]["tag"]' <<<"$out")" "(1, 't4')" 'is one line'
"$KSNAP" capture t5 -o msgpack >"$tap_dir/bytes"
is "$(unpack 'len(d), d[0]["schema"], d[0]["tag"]')" "(1, 'ksnap.report/1', 't5')" 'capture as msgpack is the report'

exits 0 'capture with programs' "$KSNAP" capture t5 -o json --progs --map map0
is "$(json '[m["name"] for m in d["maps"]], [p["name"] for p in d["progs"]]' <<<"$out")" "(['map0'], ['prog0', 'prog1'])" \
	'and with one map'

exits 0 'list as a table' "$KSNAP" list
like "$out" $'^TAG.*\nnone .*\nt0 .*\nt1 ' 'in order of capture, with titles'
exits 0 'list as JSON' "$KSNAP" list -o json
is "$(json '[r["tag"] for r in d]' <<<"$out")" "['none', 't0', 't1', 't2', 't3', 't4', 't5']" 'the same'
is "$(json '[r.get("step") for r in d][2]' <<<"$out")" 3 'with the step'
exits 0 'list as JSON lines' "$KSNAP" list -o jsonl
is "$(jsonl 'len(d), d[1]["tag"]' <<<"$out")" "(7, 't0')" 'a row a line'
"$KSNAP" list -o msgpack >"$tap_dir/bytes"
is "$(unpack 'len(d[0]), d[0][1]["tag"]')" "(7, 't0')" 'list as msgpack'

exits 0 'show as a table' "$KSNAP" show t1
exits 0 'show as JSON' "$KSNAP" show t1 -o json
is "$(json 'd["tag"], d["complete"]' <<<"$out")" "('t1', True)" 'is the report'
"$KSNAP" show t1 -o msgpack >"$tap_dir/bytes"
is "$(unpack 'd[0]["tag"]')" t1 'show as msgpack'
map=$("$KSNAP" show t1 -o json | json '[m["name"] for m in d["maps"] if m["type"] in ("hash", "array")][0]')
exits 0 'show an entry by place' "$KSNAP" show t1 "${map}[#0]" -o json
is "$(json 'd["comm"]' <<<"$out")" task-0 'is a JSON value'
exits 0 'a part of an entry by key' "$KSNAP" show t1 "${map}[1].comm" -o json
is "$out" '"task-1"' 'is that part'
exits 0 'the same in hex' "$KSNAP" show t1 "${map}[hex:01000000].comm" -o json
is "$out" '"task-1"' 'is the same'
"$KSNAP" show t1 "${map}[2].comm" -o msgpack >"$tap_dir/bytes"
is "$(unpack 'd')" "['task-2']" 'as msgpack'
exits 1 'a member that is not there' "$KSNAP" show t1 "${map}[1].nothing"
like "$err" "has no member 'nothing'; it has: " 'lists those that are'
exits 1 'an entry that is not there' "$KSNAP" show t1 "${map}[#99]"
like "$err" '3 entries' 'says how many there are'
exits 1 'a key that is not there' "$KSNAP" show t1 "${map}[no such key]"
exits 2 'a map as a whole' "$KSNAP" show t1 "$map"
exits 2 'a bracket left open' "$KSNAP" show t1 "${map}[1"
exits 1 'a variable that is not there' "$KSNAP" show t1 no_such_variable

exits 1 'a cgroup that is not there' "$KSNAP" procs p0 /no/such/cgroup
exits 0 'events are counted' "$KSNAP" events --count
like "$out" '^[0-9]+$' 'as a number'
exits 0 'events as JSON lines' "$KSNAP" events -o jsonl
is "$(jsonl 'sorted(set(e["k"] for e in d))' <<<"$out")" "['overwrite']" 'tell of the tag used twice'
exits 0 'events are taken' "$KSNAP" events --count
is "$out" 0 'none is left'
exits 0 'no events as a table' "$KSNAP" events
is "$out" '' 'are no lines'

exits 0 'status as a table' "$KSNAP" status
like "$out" 'fixture:maps=2' 'names the target'
exits 0 'status as JSON' "$KSNAP" status -o json
is "$(json '[(b["name"], b["stored"], b["overwritten"]) for b in d["bridges"]]' <<<"$out")" \
	"[('default', 7, 2)]" 'counts'
exits 0 'status as msgpack' bash -c '"$1" status -o msgpack >"$2"' - "$KSNAP" "$tap_dir/bytes"
is "$(unpack 'len(d), d[0]["api"]')" '(1, 1)' 'is msgpack'
exits 0 'describe as a table' "$KSNAP" describe
like "$out" 'capture_snapshot +capture +' 'lists the ops'
exits 0 'describe as JSON' "$KSNAP" describe -o json
is "$(json '"get" in [o["name"] for o in d["ops"]]' <<<"$out")" True 'with all of them'

exits 0 'another bridge' "$KSNAP" -b other capture o0 -o json
exits 0 'has its own list' "$KSNAP" --bridge=other list -o json
is "$(json '[r["tag"] for r in d]' <<<"$out")" "['o0']" 'of one'
exits 2 'a bridge of 65 bytes' "$KSNAP" -b "$(printf 'x%.0s' {1..65})" list

exits 0 'drain as JSON lines' "$KSNAP" drain -o jsonl
is "$(jsonl '[(s["tag"], s["report"]["tag"]) for s in d][:2]' <<<"$out")" "[('none', 'none'), ('t0', 't0')]" \
	'in order, with the reports'
is "$(jsonl 'len(d)' <<<"$out")" 7 'all of them'
exits 0 'drain of nothing as JSON' "$KSNAP" drain -o json
is "$out" '[]' 'is an empty list'
exits 0 'drain of nothing as a table' "$KSNAP" drain
like "$err" 'drained 0 snapshots' 'says so'
"$KSNAP" capture d0 -o msgpack >"$tap_dir/d0" && "$KSNAP" capture d1 -o msgpack >"$tap_dir/d1"
exits 0 'drain as a table' "$KSNAP" drain
like "$out" $'^TAG.*\nd0 .*\nd1 ' 'lists what it took'
"$KSNAP" capture d0 -o msgpack >"$tap_dir/d0" && "$KSNAP" capture d1 -o msgpack >"$tap_dir/d1"
"$KSNAP" drain -q -o msgpack >"$tap_dir/all"
ok 'drain as msgpack is the reports as they were' cmp "$tap_dir/all" <(cat "$tap_dir/d0" "$tap_dir/d1")
"$KSNAP" capture d0 >/dev/null && "$KSNAP" capture d1 >/dev/null
exits 0 'drain as JSON' "$KSNAP" drain -o json
is "$(json '[s["report"]["tag"] for s in d]' <<<"$out")" "['d0', 'd1']" 'is one list'
finish
