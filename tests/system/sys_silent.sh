# SPDX-License-Identifier: MIT
# A worker that hangs is no worker: it is given up, its process ended, another one takes its place.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python

ok 'a broker' serve_start b --target fixture:maps=1,entries=1 || finish
mkfifo "$tap_dir/mon.out" "$tap_dir/mon.err"
exec {mon_fd}<>"$tap_dir/mon.out" {words_fd}<>"$tap_dir/mon.err"
"$KSNAP" monitor --from oldest --channel worker -o jsonl >"$tap_dir/mon.out" 2>"$tap_dir/mon.err" &
serve_pids[$!]=1
ok 'a monitor' await_line "$words_fd" '^ksnap: connected' "$tap_dir/words"
ok 'tells that the worker joined' await_line "$mon_fd" '"k":"joined"' "$tap_dir/tape"

pid=$("$KSNAP" status -o json | json 'd["workers"][0]["pid"]')
ok 'the worker stands still' kill -STOP "$pid"
ok 'it is lost' await_line "$mon_fd" '"k":"lost".*"reason":"silent for 5 heartbeats"' "$tap_dir/tape"
ok 'another one joins' await_line "$mon_fd" '"k":"joined"' "$tap_dir/tape"
ok 'its process is gone' timeout -s KILL 30 tail --pid="$pid" -f /dev/null
exits 0 'a capture works' "$KSNAP" capture t0 -o json
is "$(json 'd["complete"]' <<<"$out")" True 'and is complete'
exits 0 'status' "$KSNAP" status -o json
is "$(json '[(w["name"], w["state"], w["pid"] != '"$pid"') for w in d["workers"]]' <<<"$out")" \
	"[('fixture-1', 'idle', True)]" 'has one worker, a new one'

# One that somebody else has started takes its name over while it stands still, and outlives it.
pid=$(json 'd["workers"][0]["pid"]' <<<"$out")
ok 'it stands still, too' kill -STOP "$pid"
"$KSNAP" worker --connect "ipc://$tap_dir/b/work" --target fixture:maps=1,entries=1 --name fixture-1 --rejoin \
	2>"$tap_dir/other" &
other=$!
serve_pids[$other]=1
ok 'it is lost, too' await_line "$mon_fd" '"k":"lost".*"reason":"silent for 5 heartbeats"' "$tap_dir/tape"
ok 'another one has its name' await_line "$mon_fd" '"k":"joined".*"pid":'"$other"'[,}]' "$tap_dir/tape"
ok 'its process is gone, too' timeout -s KILL 30 tail --pid="$pid" -f /dev/null
ok 'the next one of it is refused' timeout -s KILL 30 sh -c \
	"tail -n +1 -f '$serve_log' | grep -qm1 'worker fixture-1 is refused: a worker that is alive has its name'"
is "$("$KSNAP" status -o json | json '[w["pid"] for w in d["workers"]]')" "[$other]" 'the other one has the name still'
is "$(grep -cE 'let worker|refused' "$tap_dir/other")" 0 'and was never told to leave'
kill -KILL "$other"
wait "$other" 2>/dev/null
ok 'when it is gone the next one joins' await_line "$mon_fd" '"k":"joined"' "$tap_dir/tape"
exits 0 'status' "$KSNAP" status -o json

# The broker ends while one stands still.
ok 'the new one stands still' kill -STOP "$(json 'd["workers"][0]["pid"]' <<<"$out")"
serve_stop
is "$status" 0 'the broker ends all the same'
finish
