# SPDX-License-Identifier: MIT
# ksnap capture --every: captures at a fixed rate, each under a tag of its own.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python

exits 2 'a period that is too short' "$KSNAP" capture t --every 9ms --target fixture
like "$err" '10ms' 'the least is named'
exits 2 'a period that is none' "$KSNAP" capture t --every often --target fixture
for o in '--count 3' --changes '--for 1s'; do
	exits 2 "$o without a period" "$KSNAP" capture t $o --target fixture
	like "$err" "${o%% *} belongs to --every" 'is explained'
done
exits 2 'a tag with no room for a number' "$KSNAP" capture "$(printf 'x%.0s' {1..53})" --every 1s --target fixture
like "$err" 'at most 52 bytes' 'the limit is named'
exits 2 'one file for many' "$KSNAP" capture t --every 1s --save x.ksnap --target fixture
like "$err" 'monitor --save DIR' 'what keeps many is named'

exits 0 'three without a broker' "$KSNAP" capture t --every 10ms -n 3 --target fixture:maps=1,entries=2
is "$(cut -d' ' -f1 <<<"$out" | xargs)" 't_001 t_002 t_003' 'a line each'
like "$err" '3 captured, 0 of them not complete; 0 failed' 'the totals are words'
exits 0 'as data' "$KSNAP" capture t --every 10ms -n 3 --target fixture:maps=1,entries=2 -o jsonl
is "$(jsonl '[r["tag"] for r in d]' <<<"$out")" "['t_001', 't_002', 't_003']" 'a report a line'
exits 0 'the changes' "$KSNAP" capture t --every 10ms -n 3 --target fixture:maps=1,entries=2 --changes
like "$out" 't_002.*map0\[0\]\.n +[0-9]+ → [0-9]+ +\(\+3\).*t_003' 'from one to the next'
exits 0 'the changes as data' "$KSNAP" capture t --every 10ms -n 3 --target fixture:maps=1,entries=2 --changes -o jsonl
is "$(jsonl '[(r["tag"], [c["delta"] for c in r["changes"] if c["path"] == "map0[0].n"]) for r in d]' <<<"$out")" \
	"[('t_002', [3]), ('t_003', [3])]" 'a line for each but the first'

# ---- with a broker: what goes wrong ----------------------------------------------------------------

ok 'a broker whose every second capture fails' serve_start b --target fixture:maps=1,entries=1,fail_every=2
exits 0 'goes on' "$KSNAP" capture f --every 10ms -n 4
is "$(cut -d' ' -f1 <<<"$out" | xargs)" 'f_001 f_003' 'with those that did not fail'
like "$err" 'f_002: .*f_004: ' 'the others are named'
like "$err" '2 captured, 0 of them not complete; 2 failed' 'and counted'
exits 0 'they are stored' "$KSNAP" list -o jsonl
is "$(jsonl '[r["tag"] for r in d]' <<<"$out")" "['f_001', 'f_003']" 'under their tags'
serve_stop

exits 1 'the first that fails' "$KSNAP" capture x --every 10ms -n 4 --target fixture:maps=1,entries=1,fail_every=1
is "$out" '' 'is the last'
like "$err" '^ksnap: 0 captured, 0 of them not complete; 1 failed, .*error: E_TARGET' 'and what ended it'
exits 0 'the help' "$KSNAP" help capture
like "$out" 'the exit code is 0 all the same, unless that is the first' 'says what failures do to the exit code'

# ---- until a signal; the broker's end ----------------------------------------------------------------

ok 'a broker' serve_start c --target fixture:maps=1,entries=1
mkfifo "$tap_dir/lines"
for sig in INT TERM; do
	"$KSNAP" capture s$sig --every 10ms >"$tap_dir/lines" 2>"$tap_dir/words" &
	pid=$!
	exec {fd}<"$tap_dir/lines"
	IFS= read -t 30 -r line <&"$fd"
	like "$line" "^s${sig}_001 " 'a first line comes at once'
	kill -"$sig" $pid
	cat <&"$fd" >/dev/null
	exec {fd}<&-
	wait $pid
	is $? 0 "SIG$sig ends it well"
	like "$(cat "$tap_dir/words")" '[1-9][0-9]* captured' 'with the totals'
done
"$KSNAP" capture g --every 10ms >"$tap_dir/lines" 2>"$tap_dir/words" &
pid=$!
exec {fd}<"$tap_dir/lines"
IFS= read -t 30 -r line <&"$fd"
kill -KILL "$serve_pid"
cat <&"$fd" >/dev/null
exec {fd}<&-
wait $pid
is $? 5 'a broker that is gone ends it with 5'
like "$(cat "$tap_dir/words")" 'captured' 'with the totals'
unset KSNAP_ENDPOINT

# ---- a signal while a capture hangs ------------------------------------------------------------------

# until_true COMMAND...: ask again and again, for at most 30 s.
until_true() {
	SECONDS=0
	until "$@"; do
		[ "$SECONDS" -lt 30 ] || return 1
	done
}
has_worker() {
	worker=$("$KSNAP" status -o json | json 'next((w["pid"] for w in d["workers"]), "")')
	[ -n "$worker" ]
}
worker_is_busy() {
	[ "$("$KSNAP" status -o json | json 'd["workers"][0]["state"]')" = busy ]
}
captures_here() {
	grep -qs nanosleep /proc/$pid/task/*/wchan
}
waits_for_it() {
	[ "$("$KSNAP" status -o json | json "sum(s['in_flight'] for s in d['sessions'] if s['pid'] == $pid)")" -gt 0 ]
}
# broken_off NAME: the command $pid ends well on a signal, with its totals.
broken_off() {
	kill -INT $pid
	wait $pid
	is $? 0 "a signal ends $1"
	like "$(cat "$tap_dir/words")" ' 0 failed, .*; the last was broken off' 'with the totals, which say so'
}

ok 'a broker whose captures take an hour' serve_start h --target fixture:maps=1,latency_ms=3600000
"$KSNAP" capture h --every 10ms --timeout 300000 2>"$tap_dir/words" &
pid=$!
ok 'one is under way' until_true worker_is_busy
broken_off 'it'
like "$(cat "$tap_dir/words")" '^ksnap: 0 captured' 'what was not answered is not counted as captured'
serve_stop

ok 'a broker' serve_start w --target fixture:maps=1,entries=1
ok 'its worker' until_true has_worker
kill -STOP "$worker"
"$KSNAP" capture w --every 10ms --timeout 300000 2>"$tap_dir/words" &
pid=$!
ok 'its worker stands still' until_true worker_is_busy
broken_off 'it'
for command in 'freeze /fixture' 'watch map0'; do
	# shellcheck disable=SC2086
	"$KSNAP" $command --timeout 300000 2>"$tap_dir/words" &
	pid=$!
	ok "$command waits for the worker" until_true waits_for_it
	kill -INT $pid
	wait $pid
	like "$(cat "$tap_dir/words")" 'broken off before' 'a signal ends it'
done
kill -CONT "$worker"
serve_stop

"$KSNAP" capture e --every 10ms --timeout 300000 --target fixture:maps=1,latency_ms=3600000 2>"$tap_dir/words" &
pid=$!
ok 'without a broker' until_true captures_here
broken_off 'it'
finish
