# SPDX-License-Identifier: MIT
# What goes wrong outside: each mistake has its exit code and a message that says what to do.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
. "$KSNAP_TOP_SRCDIR/tests/system/sys_kernel.sh"
need_python

fixture=fixture:maps=2,entries=3
newline=$'a\nb'
long=$(printf 'x%.0s' {1..65})

# scenario NAME: the script on stdin becomes the file $tap_dir/NAME.lua
scenario() {
	{
		echo 'local ksnap = require "ksnap"; local op, step, loop = ksnap.op, ksnap.step, ksnap.loop'
		cat
	} >"$tap_dir/$1.lua"
}

# refused OP PARAMS: what the broker answers to a request no client of ours would send, from Python.
refused() {
	PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$KSNAP_TOP_SRCDIR/tests/interop "$PYTHON3" - "$@" <<'END'
import sys
from bus import Client
with Client(__import__("os").environ["KSNAP_ENDPOINT"]) as client:
    e = client.refusal(sys.argv[1], eval(sys.argv[2]))
print(e.code, e.cls, e.retry, e.msg)
END
}

ok 'a broker' serve_start b --target "$fixture" || finish

# ---- on the wire ----------------------------------------------------------------------------------

like "$(refused frobnicate '{}')" "^E_OP protocol False .*'frobnicate'.* describe " 'an unknown op is named'
like "$(refused capture_snapshot '{"tag": "t0", "targte": "live"}')" \
	'^E_ARG argument False targte: no such parameter; there are tag, target, ' 'an unknown key; the known ones'
like "$(refused capture_snapshot '{}')" '^E_ARG argument False tag: is missing' 'a missing tag'
like "$(refused capture_snapshot '{"tag": "x" * 65}')" '^E_ARG argument False tag: 65 bytes, .* 64 .*MAX_TAG' \
	'a tag of 65 bytes; the limit'
like "$(refused capture_snapshot '{"tag": "a\nb"}')" '^E_ARG argument False tag: .*U\+000A at byte 1' \
	'a tag with a newline; where'
is "$("$KSNAP" list -o json)" '[]' 'nothing of this was stored'
is "$("$KSNAP" events --count)" 0 'nor is it an event'
exits 0 'it was counted' "$KSNAP" status -o json
is "$(json '{e["code"]: e["n"] for e in d["errors"]}' <<<"$out")" "{'E_OP': 1, 'E_ARG': 4}" 'by code'

# ---- in a script ----------------------------------------------------------------------------------

scenario op <<<'return ksnap.scenario { name = "op", step { "s", op.frobnicate "t0" } }'
scenario key <<<'return ksnap.scenario { name = "key", step { "s", op.capture_snapshot { "t0", targte = "live" } } }'
scenario tagless <<<'return ksnap.scenario { name = "no tag", step { "s", op.capture_snapshot {} } }'
scenario long <<<'return ksnap.scenario { name = "long", step { "s", op.capture_snapshot(("x"):rep(65)) } }'
scenario syntax <<<'return ksnap.scenario { name = "syntax", check = function( ksnap.assert(1) end }'
scenario fails <<<'return ksnap.scenario { name = "it fails", check = function() ksnap.assert(1 == 2, "one is not two") end }'
exits 2 'an unknown op in a script' "$KSNAP" run "$tap_dir/op.lua"
like "$err" 'op.lua:2: .*"frobnicate".* capture_snapshot' 'says where, and the ops there are'
exits 2 'an unknown key in a script' "$KSNAP" run "$tap_dir/key.lua"
like "$err" 'key.lua:2: .*"targte".* target' 'says where, and the key that was meant'
exits 2 'a missing tag in a script' "$KSNAP" run "$tap_dir/tagless.lua"
like "$err" 'tagless.lua:2: .*tag is missing' 'says where'
exits 2 'a tag of 65 bytes in a script' "$KSNAP" run "$tap_dir/long.lua"
like "$err" 'long.lua:2: .*tag: .* 64 .*65' 'says where, and the limit'
exits 2 'a syntax error' "$KSNAP" run "$tap_dir/syntax.lua"
like "$err" 'syntax.lua:2: .*expected' 'says file and line'
like "$out" 'not ok 1 ' 'and is a failed test'
exits 1 'a check that fails' "$KSNAP" run "$tap_dir/fails.lua"
like "$out" 'not ok 1 - it fails.*one is not two.*fails.lua:2' 'gives its message and where it stands'
is "$("$KSNAP" list -o json)" '[]' 'nothing of this was stored'

# ---- on the command line --------------------------------------------------------------------------

exits 2 'capture without a tag' "$KSNAP" capture
like "$err" 'capture needs TAG.*Usage: ' 'says its usage'
exits 2 'capture of a tag of 65 bytes' "$KSNAP" capture "$long"
like "$err" 'tag: 65 bytes, at most 64 .*MAX_TAG' 'says which limit'
exits 2 'capture of a tag with a newline' "$KSNAP" capture "$newline"
like "$err" 'tag: .*U\+000A at byte 1' 'says where'
exits 0 'a glob that matches no map' "$KSNAP" capture none --map 'no_such_map*' -o json
is "$(json 'd["complete"], d["placeholder"], [(r["code"], r["subject"]) for r in d["reasons"]]' <<<"$out")" \
	"(False, False, [('no_match', 'no_such_map*')])" 'gives a report that is not complete, with the reason'
like "$err" "not complete: no map matches 'no_such_map\*'" 'and says so'
exits 2 'an unknown option' "$KSNAP" capture t0 --targte live
like "$err" '--target' 'the one that was meant'

# ---- brokers --------------------------------------------------------------------------------------

nobody=ipc://$tap_dir/nobody
for command in list 'capture t0' "run $tap_dir/fails.lua" monitor; do
	# shellcheck disable=SC2086
	exits 5 "${command%% *}: nobody listens there" "$KSNAP" $command --endpoint "$nobody"
	like "$err" "E_UNREACHABLE: .*$nobody.*ksnap serve" 'says where, and how to start a broker'
	is "$out" '' 'prints no data'
done
exits 5 'nobody listens there on tcp' "$KSNAP" list --endpoint tcp://127.0.0.1:1 --timeout 300
exits 1 'a second broker at the same socket' "$KSNAP" serve --bind "$KSNAP_ENDPOINT" --target "$fixture"
like "$err" "$KSNAP_ENDPOINT.*already|already.*$KSNAP_ENDPOINT" 'says that one is there'
exits 0 'the first one goes on' "$KSNAP" capture t0
is "$("$KSNAP" list -o json | json '[r["tag"] for r in d]')" "['none', 't0']" 'with all it had'

# ---- a worker dies at work ------------------------------------------------------------------------

pid=$("$KSNAP" status -o json | json 'd["workers"][0]["pid"]')
kill -STOP "$pid" # whatever it is given it will not finish
"$KSNAP" capture doomed 2>"$tap_dir/doomed" >&2 &
capture=$!
SECONDS=0
state=
until [ "$state" = busy ] || [ "$SECONDS" -gt 30 ]; do
	state=$("$KSNAP" status -o json | json 'd["workers"][0]["state"]')
done
kill -KILL "$pid"
wait "$capture"
is "$?" 1 'a worker is killed in the middle of a capture'
like "$(cat "$tap_dir/doomed")" 'E_WORKER_LOST: worker fixture-1 was lost with the job' 'the capture says which'
exits 0 'the event' "$KSNAP" events -o json
is "$(json '[(e["worker"], e["job"] > 0) for e in d if e["k"] == "worker_lost"]' <<<"$out")" "[('fixture-1', True)]" \
	'says it too'
exits 0 'the next capture works' "$KSNAP" capture after -o json
is "$(json 'd["complete"]' <<<"$out")" True 'and is complete'
exits 0 'drain' "$KSNAP" drain

# ---- too many -------------------------------------------------------------------------------------

# The monitor has all 300 captures and 236 evictions when it ends.
mkfifo "$tap_dir/words"
"$KSNAP" -b many monitor --channel snapshot/many --channel event/many --count 536 -o jsonl \
	>"$tap_dir/tape" 2>"$tap_dir/words" &
monitor=$!
serve_pids[$monitor]=1
exec {words}<>"$tap_dir/words"
ok 'a monitor' await_line "$words" '^ksnap: connected' "$tap_dir/words.log"
scenario many <<'END'
return ksnap.scenario { name = "300 tags",
	loop { times = 300, every = 0, function(i) return op.capture_snapshot("tag_" .. i) end } }
END
exits 0 '300 captures under as many tags' "$KSNAP" -b many run "$tap_dir/many.lua"
wait "$monitor"
is "$?" 0 'the monitor has heard it all'
unset "serve_pids[$monitor]"
exits 0 'list' "$KSNAP" -b many list -o json
is "$(json '[r["tag"] for r in d] == ["tag_%d" % i for i in range(237, 301)]' <<<"$out")" True 'the last 64 stay'
exits 0 'events' "$KSNAP" -b many events -o json
events=$out
is "$(json '[(e["k"], e["evicted_tag"], e["new_tag"]) for e in d] == [
	("eviction", "tag_%d" % i, "tag_%d" % (i + 64)) for i in range(1, 237)]' <<<"$events")" True \
	'236 are evicted, the oldest first, each for one that came'
is "$(jsonl '[m["tag"] for m in d if m["k"] == "captured"] == ["tag_%d" % i for i in range(1, 301)]' <"$tap_dir/tape")" \
	True 'the monitor saw all 300, in order'
is "$(jsonl '[m["evicted_tag"] for m in d if m["k"] == "eviction"] == ["tag_%d" % i for i in range(1, 237)]' \
	<"$tap_dir/tape")" True 'and all 236'
is "$(jsonl '[[m["seq"] for m in d if m["k"] == k] == list(range(1, n))
	for k, n in (("captured", 301), ("eviction", 237))]' <"$tap_dir/tape")" '[True, True]' 'numbered without a hole'
is "$(jsonl 'set(m["type"] for m in d)' <"$tap_dir/tape")" "{'message'}" 'and lost nothing'
exits 0 'status' "$KSNAP" status -o json
is "$(json '[[b[k] for k in ("accepted", "stored", "evicted", "overwritten", "drained", "refused", "unavailable",
	"events_raised", "events_dropped")] for b in d["bridges"] if b["name"] == "many"]' <<<"$out")" \
	'[[300, 64, 236, 0, 0, 0, 0, 236, 0]]' 'the books say the same'
is "$(json 'sorted((c["channel"], c["published"]) for c in d["channels"] if c["channel"].endswith("/many"))' <<<"$out")" \
	"[('event/many', 236), ('report/many', 300), ('snapshot/many', 300), ('watch/many', 0)]" 'so do the channels'
# A client that ends does not wait for the reply to its bye.
is "$(json '[q for q in d["dropped"] if q["what"] != "reply_gone"]' <<<"$out")" '[]' 'no queue let anything go'
serve_stop
unset KSNAP_ENDPOINT

# ---- without rights -------------------------------------------------------------------------------

# Nobody's own process, with a ksnap that it may read.
unprivileged=(env -C / "XDG_RUNTIME_DIR=$tap_dir/open")
[ "$(id -u)" != 0 ] || unprivileged+=(setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all)
unprivileged+=("$tap_dir/open/ksnap")
mkdir "$tap_dir/open"
cp "$KSNAP" "$tap_dir/open/ksnap"
chmod 755 "$tap_dir" "$tap_dir/open" "$tap_dir/open/ksnap"
if "${unprivileged[@]}" version >/dev/null 2>&1; then
	exits 4 'the kernel, read without rights' "${unprivileged[@]}" capture t0
	like "$err" 'E_DENIED: .*lacks.* CAP_BPF' 'says which right is missing'
	like "$err" '--target fixture' 'and what needs none'
	is "$out" '' 'prints no data'
	exits 0 'which works' "${unprivileged[@]}" capture t0 --target fixture
	exits 1 'a scenario without rights' "${unprivileged[@]}" run "$tap_dir/many.lua"
	like "$out" 'lacks.* CAP_BPF.*code: E_DENIED' 'fails its step for that reason'
else
	skip 'the kernel, read without rights' 'setpriv cannot change the user here'
fi
finish
