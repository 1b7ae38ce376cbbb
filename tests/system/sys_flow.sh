# SPDX-License-Identifier: MIT
# The whole way on this kernel: a broker, a monitor, scenarios; workers are killed, nothing is lost
# in silence, and nothing is left behind.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
. "$KSNAP_TOP_SRCDIR/tests/system/sys_kernel.sh"
need_python
need_kernel

example=$KSNAP_TOP_SRCDIR/lua/examples/first_capture.lua
export KSNAP_OBJECT_PATH=$KSNAP_TOP_BUILDDIR/lua/examples
slow=fixture:maps=1,entries=1,latency_ms=60000
tape=$tap_dir/tape

# heard REGEX NAME: the monitor prints such a line, after all that were waited for before.
heard() {
	ok "$2" await_line "$mon_fd" "$1" "$tape"
}

# told EXPRESSION: of d, the messages that the monitor printed so far.
told() {
	jsonl "$1" <"$tape"
}

# worker_of TARGET STATE [NOT_PID]: its pid once it is in that state; half a minute to get there.
worker_of() {
	local pid
	SECONDS=0
	while [ "$SECONDS" -lt 30 ]; do
		pid=$("$KSNAP" status -o json | json "next((w['pid'] for w in d['workers'] if w['target'] == '$1'
			and w['state'] == '$2' and str(w['pid']) != '${3:-}'), '')")
		[ -n "$pid" ] && echo "$pid" && return 0
	done
	return 1
}

# books EXPRESSION: of d, the default bridge's row of status.
books() {
	"$KSNAP" status -o json | json "(lambda d: ($1))(next(b for b in d['bridges'] if b['name'] == 'default'))"
}

ok 'a broker' serve_start b --target live --target "$slow" || finish
mkfifo "$tap_dir/mon.out" "$tap_dir/mon.err"
exec {mon_fd}<>"$tap_dir/mon.out" {words_fd}<>"$tap_dir/mon.err"
"$KSNAP" monitor --from oldest -o jsonl >"$tap_dir/mon.out" 2>"$tap_dir/mon.err" &
monitor=$!
serve_pids[$monitor]=1
ok 'a monitor' await_line "$words_fd" '^ksnap: connected' "$tap_dir/words" || finish

# ---- scenarios, seen live -----------------------------------------------------------------------

exits 0 'the first example runs at the broker' "$KSNAP" run "$example"
like "$out" '# [0-9]+ context switches' 'its program counted'
heard '"ch":"snapshot/default".*"k":"captured".*"tag":"after"' 'its captures are told'
is "$(told '[(m["seq"], m["tag"], m["complete"], m["replayed"]) for m in d if m["ch"] == "snapshot/default"]')" \
	"[(1, 'before', True, False), (2, 'after', True, False)]" 'both, live, in order'

# ---- the idle worker dies -----------------------------------------------------------------------

victim=$(worker_of live idle)
ok 'the live worker is killed' kill -KILL "${victim:-0}"
heard '"ch":"worker".*"k":"lost".*"target":"live"' 'the monitor tells that it is lost'
heard '"ch":"worker".*"k":"joined".*"target":"live"' 'and that one joined again'
exits 0 'the example runs once more' "$KSNAP" run "$example"
heard '"ch":"event/default".*"k":"overwrite".*"tag":"after"' 'its tags are used twice, which is told'

# ---- a worker dies at work ----------------------------------------------------------------------

# kill_at_work TARGET OPTION...: a capture is begun there, and its worker killed
kill_at_work() {
	"$KSNAP" capture doomed --target "$1" >"$tap_dir/doomed.out" 2>"$tap_dir/doomed.err" &
	local capture=$!
	victim=$(worker_of "$1" busy)
	ok "$2: the capture runs" test -n "$victim"
	ok "$2: its worker is killed" kill -KILL "${victim:-0}"
	wait "$capture"
	is "$?" 1 "$2: the capture fails"
	like "$(cat "$tap_dir/doomed.err")" 'E_WORKER_LOST' "$2: with the reason"
	is "$(cat "$tap_dir/doomed.out")" '' "$2: and without data"
	heard "\"k\":\"lost\".*\"target\":\"$1\".*\"job\":" "$2: the monitor names the job that is lost"
	heard "\"k\":\"joined\".*\"target\":\"$1\"" "$2: and tells that a worker joined"
}

kill_at_work "$slow" 'a slow target'
exits 0 'the next capture works' "$KSNAP" capture next --map no_such_map_here -o json
is "$(json 'd["complete"], d["reasons"][0]["code"]' <<<"$out")" "(False, 'no_match')" 'and reads the kernel'

# A worker that stands still takes the job and never ends it.
still=$(worker_of live idle)
kill -STOP "${still:-0}"
kill_at_work live 'the live target'
exits 0 'the example runs a third time' "$KSNAP" run "$example"

exits 0 'events' "$KSNAP" events -o json
is "$(json '[(e["target"], "job" in e) for e in d if e["k"] == "worker_lost"]' <<<"$out")" \
	"[('$slow', True), ('live', True)]" 'each loss of a job is an event of its bridge'

# ---- the books ----------------------------------------------------------------------------------

cat >"$tap_dir/many.lua" <<'END'
local ksnap = require "ksnap"
local op = ksnap.op
return ksnap.scenario {
  name = "past the cap",
  ksnap.loop { times = 70, every = 0, function(i)
    return op.capture_snapshot { "many_" .. i, maps = { "no_such_map_here" } }
  end },
  check = function(run) ksnap.assert(#run:events "eviction" > 0) end,
}
END
exits 0 'seventy captures' "$KSNAP" run "$tap_dir/many.lua"
exits 0 'drain' "$KSNAP" drain -o json
drained=$(json 'len(d)' <<<"$out")
exits 0 'a last capture' "$KSNAP" capture last --map no_such_map_here
heard '"ch":"snapshot/default".*"k":"captured".*"tag":"last"' 'is told'
is "$(books 'd["stored"], d["accepted"] - d["evicted"] - d["overwritten"] - d["drained"]')" '(1, 1)' \
	'accepted = stored + evicted + overwritten + drained'
is "$(told '[sum(m["k"] == k for m in d) for k in ("captured", "eviction", "overwrite")]')" \
	"$(books 'd["accepted"], d["evicted"], d["overwritten"]' | tr '()' '[]')" 'and they are what the monitor counted'
is "$(books 'd["drained"]')" "$drained" 'or what was drained'
like "$drained" '^64$' 'which was a full store'
is "$(told '[[m["seq"] for m in d if m["ch"] == ch] == list(range(1, 1 + sum(m["ch"] == ch for m in d)))
	for ch in ("snapshot/default", "event/default", "worker")]')" '[True, True, True]' \
	'every channel is numbered from 1 without a hole'
is "$(told 'set(m["type"] for m in d)')" "{'message'}" 'nothing was lost'
is "$(told 'sum(m["ch"] == "worker" and m["k"] == "lost" for m in d)')" 3 'three workers were'

# ---- the end ------------------------------------------------------------------------------------

kill -INT "$monitor"
wait "$monitor"
is "$?" 0 'the monitor ends'
unset "serve_pids[$monitor]"
ok 'the workers run until then' test "$(strays "$tap_dir/b/" | wc -l)" -ge 3
serve_stop
is "$status" 0 'the broker ends'
is "$(strays "$tap_dir/b/")" '' 'no process is left'
is "$(find "$tap_dir" -type s)" '' 'no socket is left'
finish
