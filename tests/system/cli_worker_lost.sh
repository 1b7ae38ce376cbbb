# SPDX-License-Identifier: MIT
# A worker is killed in the middle of a capture: its job fails, the broker goes on.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python

slow=fixture:maps=1,entries=1,latency_ms=20000
serve_start b --target fixture:maps=1,entries=1 --target "$slow" || exit 1

# worker_of TARGET STATE: its pid once it is in that state. Each question waits for the broker's
# answer; after 200 of them it is given up.
worker_of() {
	local pid i
	for i in {1..200}; do
		pid=$("$KSNAP" status -o json | json "next((w['pid'] for w in d['workers']
			if w['target'] == '$1' and w['state'] == '$2'), '')")
		[ -n "$pid" ] && echo "$pid" && return 0
	done
	return 1
}

"$KSNAP" capture doomed --target "$slow" >"$tap_dir/doomed.out" 2>"$tap_dir/doomed.err" &
capture=$!
pid=$(worker_of "$slow" busy)
like "$pid" '^[0-9]+$' 'the capture runs'
is "$(cat "/proc/$pid/comm")" ksnap 'by a process that is called ksnap'
is "$(cat "/proc/$serve_pid/comm")" ksnap 'so is the broker'
exits 124 'one that waits behind it past its deadline' "$KSNAP" capture late --target "$slow" --timeout 300
like "$err" 'E_TIMEOUT' 'has a code of its own'
ok 'its worker is killed' kill -KILL "${pid:-0}"
wait "$capture"
is "$?" 1 'the capture fails'
like "$(cat "$tap_dir/doomed.err")" 'E_WORKER_LOST' 'with the reason'
is "$(cat "$tap_dir/doomed.out")" '' 'and prints no data'
is "$("$KSNAP" list -o json)" '[]' 'nothing was stored'
exits 0 'the live bus tells it' "$KSNAP" monitor --from oldest --channel worker --until-empty -o jsonl
is "$(jsonl '[m["k"] for m in d].count("lost")' <<<"$out")" 1 'once'
exits 0 'a capture of another target works' "$KSNAP" capture t0
again=$(worker_of "$slow" idle)
like "$again" '^[0-9]+$' 'a new worker took its place'
isnt_same=$([ "$again" != "$pid" ] && echo yes)
is "$isnt_same" yes 'it is another process'

pids=$("$KSNAP" status -o json | json '" ".join(str(w["pid"]) for w in d["workers"])')
kill -KILL "$serve_pid"
wait "$serve_pid" 2>/dev/null
unset "serve_pids[$serve_pid]"
gone=yes
for p in $pids; do
	# Workers follow a broker that was killed; tail ends when they have.
	timeout -s KILL 30 tail --pid="$p" -f /dev/null || gone="no: $p"
done
is "$gone" yes 'no worker outlives a killed broker'
finish
