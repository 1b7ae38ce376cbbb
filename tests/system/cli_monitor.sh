# SPDX-License-Identifier: MIT
# ksnap monitor: what it prints, in which order, and that no number is missing.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python

serve_start b --target fixture:maps=1,entries=2 || exit 1

exits 2 'a position that is none' "$KSNAP" monitor --from yesterday
exits 0 'nothing happened yet' "$KSNAP" monitor --from oldest --channel event/ --channel snapshot/ --until-empty
is "$out" '' 'so nothing is printed'
like "$err" '0 messages, 0 lost' 'and counted'

# A monitor that is told when it is ready by its own first line on stderr.
watch() { # FILE OPTION...: sets $watch_pid and $words_pid
	local file=$1 fd fifo=$1.stderr
	shift
	mkfifo "$fifo"
	"$KSNAP" monitor "$@" >"$file" 2>"$fifo" &
	watch_pid=$!
	exec {fd}<"$fifo"
	await_line "$fd" '^ksnap: connected' "$file.words" || return 1
	cat <&"$fd" >>"$file.words" &
	words_pid=$!
	exec {fd}<&-
}

# words FILE: sets $said to what the last watch said, once all of it is written. Not in a subshell:
# that one could not wait for a process of this one.
words() {
	wait "$words_pid"
	said=$(cat "$1.words")
}

watch "$tap_dir/live" -o jsonl --channel snapshot/ --count 20
lines_pid=$watch_pid
watch "$tap_dir/table" --channel snapshot/ --channel event/ --count 21
table_pid=$watch_pid
for i in {1..20}; do
	"$KSNAP" capture "t$i" -q >/dev/null || diag "capture t$i failed"
done
"$KSNAP" capture t1 -q >/dev/null
wait "$table_pid"
is "$?" 0 'a monitor in words ends after its count'
wait "$lines_pid"
is "$(jsonl 'len(d)' <"$tap_dir/live")" 20 'as JSON lines: 20 messages'
is "$(jsonl '[m["seq"] for m in d] == list(range(1, 21))' <"$tap_dir/live")" True 'numbers without a hole'
is "$(jsonl '[m["tag"] for m in d] == ["t%d" % i for i in range(1, 21)]' <"$tap_dir/live")" True 'in order'
is "$(jsonl 'set((m["type"], m["ch"], m["replayed"]) for m in d)' <"$tap_dir/live")" \
	"{('message', 'snapshot/default', False)}" 'live, each on its channel'
like "$(head -1 "$tap_dir/table")" '^[0-9:]+\.[0-9]{6}  snapshot/default +#1 +captured +.*tag=t1' 'words of a line'
wait "$words_pid"
like "$(tail -1 "$tap_dir/table.words")" '21 messages, 0 lost' 'totals at the end'

exits 0 'from the oldest' "$KSNAP" monitor --from oldest --channel snapshot/ --until-empty -o jsonl
is "$(jsonl '[m["seq"] for m in d] == list(range(1, 22))' <<<"$out")" True 'everything again'
is "$(jsonl 'all(m["replayed"] for m in d)' <<<"$out")" True 'from memory'
exits 0 'the last three' "$KSNAP" monitor --from last:3 --channel snapshot/ --until-empty -o jsonl
is "$(jsonl '[m["seq"] for m in d]' <<<"$out")" '[19, 20, 21]' 'are three'
exits 0 'from a number' "$KSNAP" monitor --from 20 --channel snapshot/ --until-empty -o json
is "$(jsonl '[m["seq"] for m in d]' <<<"$out")" '[20, 21]' 'on'
exits 0 'the events' "$KSNAP" monitor --from oldest --channel event/ --until-empty -o jsonl
is "$(jsonl '[(m["k"], m["tag"]) for m in d]' <<<"$out")" "[('overwrite', 't1')]" 'one overwrite'
"$KSNAP" monitor -q --from oldest --channel event/ --until-empty -o msgpack >"$tap_dir/bytes"
is "$(unpack 'len(d), d[0]["k"]')" "(1, 'overwrite')" 'as msgpack: the headers'
exits 0 'no loss is no failure' "$KSNAP" monitor --from oldest --until-empty --fail-on-loss -o jsonl

# More than the broker remembers: what is gone is named, counted, and can fail the command.
"$PYTHON3" - "$KSNAP_ENDPOINT" 4200 <<'EOF'
import msgpack, sys, zmq
s = zmq.Context().socket(zmq.DEALER)
s.connect(sys.argv[1])
report = msgpack.packb({"schema": "ksnap.report/1", "placeholder": False, "complete": True})
sent = done = 0
total = int(sys.argv[2])
while done < total:
    while sent < total and sent - done < 64:
        rq = {"v": 1, "id": sent, "op": "store_snapshot", "b": "many", "p": {"tag": "m"}}
        s.send_multipart([msgpack.packb(rq), report])
        sent += 1
    assert s.poll(30000), "no answer"
    assert msgpack.unpackb(s.recv_multipart()[0])["ok"]
    done += 1
EOF
is "$?" 0 '4200 snapshots'
exits 3 'a hole fails when it may not be' "$KSNAP" monitor --from 1 --channel snapshot/many --until-empty \
	--fail-on-loss -o jsonl
is "$(jsonl 'd[0]["type"], d[0]["ch"], d[0]["first"], d[0]["last"], d[0]["lost"]' <<<"$out")" \
	"('lost', 'snapshot/many', 1, 104, 104)" 'what is gone comes first'
is "$(jsonl '[m["seq"] for m in d[1:]] == list(range(105, 4201))' <<<"$out")" True 'then all the rest'
like "$err" '4096 messages, 104 lost \(2\.48%\)' 'totals at the end'
exits 0 'a hole is no failure by itself' "$KSNAP" monitor --from 1 --channel snapshot/many --until-empty
like "$out" 'LOST    104 messages \(#1-#104\) total_lost=104' 'in words'
exits 0 'the oldest there is has no hole' "$KSNAP" monitor --from oldest --channel snapshot/many --until-empty \
	--fail-on-loss -o jsonl
is "$(jsonl 'd[0]["seq"], len(d)' <<<"$out")" '(105, 4096)' 'it begins behind it'

watch "$tap_dir/reports" -o jsonl --reports --channel report/ --count 1
"$KSNAP" capture whole -q >/dev/null
wait "$watch_pid"
is "$?" 0 'a monitor of reports'
is "$(jsonl 'd[0]["report"]["tag"], len(d[0]["report"]["maps"])' <"$tap_dir/reports")" "('whole', 1)" 'has them rendered'

# Kinds, tags and symbols are sifted after the numbers were looked at: what is hidden is no loss.
exits 0 'by tag' "$KSNAP" monitor --from oldest --channel snapshot/default --match 't1?' --until-empty -o jsonl
is "$(jsonl '[m["tag"] for m in d] == ["t%d" % i for i in range(10, 20)]' <<<"$out")" True 'those that fit'
like "$err" '22 messages, 0 lost .*10 of them shown' 'all are counted'
exits 0 'by several' "$KSNAP" monitor --from oldest --channel snapshot/default --match t2 --match 'who*' \
	--until-empty -o jsonl
is "$(jsonl '[m["tag"] for m in d]' <<<"$out")" "['t2', 'whole']" 'one of them has to fit'
exits 0 'by kind' "$KSNAP" monitor --from oldest --channel snapshot/default --channel event/default --kind 'over*' \
	--until-empty -o jsonl
is "$(jsonl '[m["k"] for m in d]' <<<"$out")" "['overwrite']" 'one overwrite'
exits 0 'by both' "$KSNAP" monitor --from oldest --channel snapshot/default --kind captured --match nothing --until-empty
is "$out" '' 'nothing is both'
exits 3 'a loss is told whatever is hidden' "$KSNAP" monitor --from 1 --channel snapshot/many --kind none \
	--until-empty --fail-on-loss -o jsonl
is "$(jsonl '[(m["type"], m["lost"]) for m in d]' <<<"$out")" "[('lost', 104)]" 'and nothing else'
watch "$tap_dir/counted" -o jsonl --channel snapshot/default --match 'yes*' --count 1
"$KSNAP" capture no -q >/dev/null
"$KSNAP" capture yes -q >/dev/null
wait "$watch_pid"
is "$(jsonl '[m["tag"] for m in d]' <"$tap_dir/counted")" "['yes']" '--count counts what is shown'

# Reports into a folder: a file each, readable by show; a tag that comes again replaces nothing.
watch "$tap_dir/saving" -o jsonl --save "$tap_dir/kept" --channel report/ --count 3
for tag in a/b twice twice; do
	"$KSNAP" capture "$tag" -q >/dev/null
done
wait "$watch_pid"
is "$?" 0 'a monitor that saves'
is "$(cd "$tap_dir/kept" && printf '%s\n' default.*/* | sed 's/^default\.[0-9]*\/[0-9]*-//' | tr '\n' ' ')" \
	'a%2Fb.ksnap twice.ksnap twice.ksnap ' 'a file for each report'
words "$tap_dir/saving"
like "$said" '3 reports saved in .*, 0 of them fetched .*; 0 not had' 'counted'
exits 0 'what it saved is a report' "$KSNAP" show "$(printf '%s\n' "$tap_dir"/kept/default.*/*twice.ksnap | head -1)" -o json
is "$(json 'd["tag"]' <<<"$out")" twice 'the one'

# What comes without its report, as a replay does, is fetched as long as it is stored, and is the one that was told of.
stored=$("$KSNAP" list -o jsonl | wc -l)
exits 3 'a report that is gone fails when it may not be' "$KSNAP" monitor --from oldest --channel report/default \
	--save "$tap_dir/late" --until-empty --fail-on-loss -o jsonl
gone=$(($(wc -l <<<"$out") - stored))
like "$err" "$stored reports saved in .*, $stored of them fetched from the store; $gone not had" 'and is counted'
is "$(printf '%s\n' "$tap_dir"/late/default.*/*twice.ksnap | wc -l)" 1 'another report under the same tag is not taken for it'
ok 'what is fetched is what was published' cmp "$(printf '%s\n' "$tap_dir"/late/default.*/*twice.ksnap)" \
	"$(printf '%s\n' "$tap_dir"/kept/default.*/*twice.ksnap | tail -1)"
"$KSNAP" capture --bridge shelf late -q >/dev/null
exits 0 'none gone, none lost' "$KSNAP" monitor --from oldest --channel report/shelf --save "$tap_dir/whole" \
	--until-empty --fail-on-loss -o jsonl
like "$err" '1 reports saved in .*, 1 of them fetched from the store; 0 not had' 'of another bridge than the default, too'
exits 1 'a folder that cannot be' "$KSNAP" monitor --save /proc/none --until-empty
like "$err" '/proc/none' 'is named'
exits 1 'nor a file' "$KSNAP" monitor --save "$KSNAP" --until-empty
like "$err" 'cannot make the folder .*: File exists' 'and why'

# 64 at once see the same, each without a hole.
pids=()
for i in {1..64}; do
	"$KSNAP" --timeout 60000 monitor -q --from oldest --channel snapshot/ --until-empty -o jsonl >"$tap_dir/m$i" &
	pids+=($!)
done
failed=0
for pid in "${pids[@]}"; do
	wait "$pid" || failed=$((failed + 1))
done
is "$failed" 0 '64 monitors end well'
is "$(for i in {1..64}; do sort "$tap_dir/m$i" | cksum; done | sort -u | wc -l)" 1 'and saw the same'
ok 'which is something' test -s "$tap_dir/m64"

# on_terminal COMMAND...: its output, when stdout is a terminal.
on_terminal() {
	"$PYTHON3" -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' "$@" </dev/null
}
escape=$'\033'
shown=$(on_terminal "$KSNAP" -q monitor --from last:1 --channel event/ --until-empty)
like "$shown" "$escape\\[1m" 'colour on a terminal'
shown=$(NO_COLOR=1 on_terminal "$KSNAP" -q monitor --from last:1 --channel event/ --until-empty)
like "$shown" 'overwrite' 'with NO_COLOR it is the same'
unlike "$shown" "$escape" 'without colour'
shown=$(on_terminal "$KSNAP" -q monitor --no-color --from last:1 --channel event/ --until-empty)
unlike "$shown" "$escape" 'so it is with --no-color'

watch "$tap_dir/endless"
kill -INT "$watch_pid"
wait "$watch_pid"
is "$?" 0 'ctrl-C is a good end'
words "$tap_dir/endless"
like "$said" 'messages, 0 lost' 'with totals'

watch "$tap_dir/term" -o jsonl
kill -TERM "$watch_pid"
wait "$watch_pid"
is "$?" 0 'so is SIGTERM'
# A broker that is gone, and another one in its place. Lines of stderr are awaited one behind the other.
await_word() { # REGEX NAME
	ok "$2" await_line "$words" "$1" "$tap_dir/gone.words"
}
serve_start gone --target fixture:maps=1,entries=2 || exit 1
mkfifo "$tap_dir/gone.stderr"
"$KSNAP" monitor -o jsonl >"$tap_dir/gone.out" 2>"$tap_dir/gone.stderr" &
watch_pid=$!
exec {words}<"$tap_dir/gone.stderr"
await_word '^ksnap: connected' 'a monitor'
kill -KILL "$serve_pid"
wait "$serve_pid" 2>/dev/null
unset "serve_pids[$serve_pid]"
await_word "^ksnap: no word from the broker at $KSNAP_ENDPOINT for [0-9]+ s; waiting for it" 'tells that its broker is gone'
serve_start gone --target fixture:maps=1,entries=2 || exit 1
await_word "^ksnap: the broker at $KSNAP_ENDPOINT is heard again, after [0-9]+ s" 'and that one is back'
# What the new one said before it was heard, it is asked for.
SECONDS=0
until grep -q '"joined"' "$tap_dir/gone.out" || [ "$SECONDS" -gt 30 ]; do :; done
kill -INT "$watch_pid"
await_word 'messages, 0 lost' 'it followed all the time'
wait "$watch_pid"
is "$(grep -c 'no word' "$tap_dir/gone.words")" 1 'it is told once'
is "$(jsonl 'set(m["type"] for m in d) - {"message"}' <"$tap_dir/gone.out")" "{'epoch'}" 'the data have the new epoch alone'
exec {words}<&-
export KSNAP_ENDPOINT=ipc://$tap_dir/b/control

exits 1 'a full disk ends it' bash -c '"$1" monitor --from oldest --channel snapshot/ >/dev/full' - "$KSNAP"
like "$err" 'No space left' 'and says why'
finish
