# SPDX-License-Identifier: MIT
# Watches from end to end, in the debug registers of this machine: exact values in what is told and in
# what is stored, another target that joins, and registers that are free again whoever is killed.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
. "$KSNAP_TOP_SRCDIR/tests/system/sys_kernel.sh"
need_python
need_kernel
exec 9>/run/lock/ksnap-tests-registers
flock 9 # debug registers are the host's: one test at a time

# The writer, whose stdin and stdout are descriptors here.
mkfifo "$tap_dir/orders" "$tap_dir/words"
"$KSNAP_TOP_BUILDDIR/tests/bpf/writer" "$KSNAP_TOP_BUILDDIR/tests/bpf/watched.bpf.o" \
	<"$tap_dir/orders" >"$tap_dir/words" 9>&- &
writer=$!
exec {orders}>"$tap_dir/orders" {words}<"$tap_dir/words"
ok 'a program to watch' await_line "$words" READY "$tap_dir/said" || finish
order() {
	echo "$*" >&"$orders"
	IFS= read -r -t 30 -u "$words" answer
}
# Whoever was killed needs a moment to be gone: ask until all registers can be had, or 30 s are over.
registers_are_free() {
	SECONDS=0
	while order registers && [ "$answer" != free ] && [ "$SECONDS" -lt 30 ]; do :; done
	is "$answer" free "$1"
}
registers_are_free 'all registers are free'

# watch ARGUMENT...: ksnap watch in the background, its lines in $tap_dir/hits; waits until it is armed.
watch() {
	rm -f "$tap_dir/armed"
	mkfifo "$tap_dir/armed"
	"$KSNAP" watch "$@" >"$tap_dir/hits" 2>"$tap_dir/armed" 9>&- &
	watcher=$!
	exec {armed}<"$tap_dir/armed"
	await_line "$armed" '^ksnap: watch [0-9]+ on ' "$tap_dir/tape"
}

# ---- values ----------------------------------------------------------------------------------------

second=live:kallsyms=/proc/kallsyms # a live worker of its own
serve_start b --target live --target "$second" --target fixture:maps=1,entries=1 9>&- || finish
ok 'a global is watched' watch watched:watched_u64 --max-hits 3 -o jsonl --map 'watched*'
addr=$(sed -n 's/.* bytes at \(0x[0-9a-f]*\),.*/\1/p' "$tap_dir/tape")
order write_u64 3
wait "$watcher"
is $? 0 'it ends after three hits'
is "$(jsonl '[(h["old"], h["new"], h["pid"]) for h in d]' <"$tap_dir/hits")" \
	"[(0, 1, $writer), (1, 2, $writer), (2, 3, $writer)]" 'each has what was there, what is, and who wrote'
is "$(jsonl '[len(h["stack"]) > 2 for h in d]' <"$tap_dir/hits")" '[True, True, True]' 'and a stack'
is "$("$KSNAP" list -o json | json '"watched:watched_u64" in [r["tag"] for r in d]')" True 'the target was captured'
run "$KSNAP" show watched:watched_u64 -o json
is "$(json 'd["trigger"]["kind"], d["trigger"]["cause"].split("#")[0], d["trigger"]["latency_ns"] > 0' <<<"$out")" \
	"('watch', 'default/1', True)" 'its report names the hit, and how long ago it was'
run "$KSNAP" show watched:watched_u64 'watched.bss:watched_u64' -o json
is "$(json 'd' <<<"$out")" 3 'and holds what was written'
registers_are_free 'the registers are free after max_hits'

ok 'others join' watch watched:watched_u64 --max-hits 1 --tag j --map 'watched*' \
	--also fixture:maps=1,entries=1 --also "$second"
order write_u64 1
wait "$watcher"
is $? 0 'one hit'
exits 0 'its target is captured' "$KSNAP" monitor --channel snapshot/default --match j --from oldest -n 1
cause=$("$KSNAP" show j -o json | json 'd["trigger"]["cause"]')
like "$cause" '^default/[0-9]+#1$' 'is the cause'
for other in "$second" fixture:maps=1,entries=1; do
	exits 0 "$other captures" "$KSNAP" monitor --channel snapshot/default --match "j@$other" --from oldest -n 1
	run "$KSNAP" show "tag:j@$other" -o json
	is "$(json 'd["trigger"]["kind"], d["trigger"]["cause"], d["trigger"]["latency_ns"] > 0, "hit" in d, d["target"]["kind"]' <<<"$out")" \
		"('joined', '$cause', True, False, '${other%%:*}')" 'it joined, and names the hit'
done
run "$KSNAP" show "tag:j@$second" 'watched.bss:watched_u64' -o json
is "$(json 'd' <<<"$out")" 4 'the second worker of this kernel holds what was written, too'

ok 'a signed global is watched' watch watched_s32 --max-hits 2
order write_s32 2
wait "$watcher"
is $? 0 'and written twice'
is "$(grep -o -e '-[0-9] → -[0-9]' "$tap_dir/hits" | tr '\n' ' ')" '-5 → -4 -4 → -3 ' 'its values have a sign'

ok 'a member of an element is watched' watch 'watched_rows[7].ctx.weight' --max-hits 2 --each --tag w --map watched_rows
order write_weight 2
wait "$watcher"
is $? 0 'and written twice'
is "$(for n in 1 2; do "$KSNAP" show "w#$n" -o json | json 'd["hit"]["n"], d["hit"]["len"], d["maps"][0]["entries"][0]["key"]'; done | tr '\n' ' ')" \
	"(1, 4, 7) (2, 4, 7) " 'each hit has a report of its own'

# What is not told is counted in the kernel. They are too few to end the watch as hot. A virtual machine loses a
# trap now and then (../bpf/traps.h): perf counts them, too.
ok 'a variable is watched for a flood' watch watched_u64
order trapped 20000
traps=$answer
like "$traps" '^(20000|19[89][0-9][0-9])$' 'almost each of 20000 writes is trapped'
kill -INT "$watcher" 2>/dev/null
wait "$watcher"
totals=$(cat <&"$armed")
like "$totals" "^ksnap: $traps hits, [0-9]+ shown, [0-9]+ only counted" 'each that is trapped is counted'
is "$(($(sed -n 's/.* hits, \([0-9]*\) shown, \([0-9]*\) only.*/\1 + \2/p' <<<"$totals")))" "$traps" 'told or not'
is "$(wc -l <"$tap_dir/hits")" "$(sed -n 's/.* hits, \([0-9]*\) shown.*/\1/p' <<<"$totals")" 'and those told are printed'

# ---- slots -----------------------------------------------------------------------------------------

pids=()
for v in u64 u32 u16; do
	ok "watched_$v is watched" watch "watched_$v" && pids+=("$watcher")
done
exits 1 'a fourth is refused' "$KSNAP" watch watched_u8
like "$err" 'MAX_WATCH_SNAPSHOTS .*watched_u64.*watched_u32.*watched_u16' 'and says who holds the three'
is "$("$KSNAP" watches -o json | json '[w["pid"] for w in d]')" "[${pids[0]}, ${pids[1]}, ${pids[2]}]" 'they are listed'
exits 2 'an address that is not aligned' "$KSNAP" --bridge other watch 0xffff888000000001 --len 8
like "$err" 'multiple of 8' 'says so'
exits 2 'an address of user space' "$KSNAP" --bridge other watch 0x7f0000000000
like "$err" 'no address of the kernel' 'says so'
low=0xffff600000000000 half=0xffff800000000000
grep -qw la57 /proc/cpuinfo && low=0xfe00000000000000 half=0xff00000000000000
exits 2 'an address of neither half' "$KSNAP" --bridge other watch $low
like "$err" "$low is no address .*begin at $half" 'says where those of the kernel begin'
exits 1 'a name that is near another' "$KSNAP" --bridge other watch watched_u65
like "$err" 'watched_u64' 'is told the other'
kill -INT "${pids[0]}"
wait "${pids[0]}"
is $? 0 'one ends by ^C'
ok 'and makes place for another' watch watched_u8 --max-hits 1
order write_u8 1
wait "$watcher"
is $? 0 'which sees its write'

# ---- whoever is killed -----------------------------------------------------------------------------

order write_u16 100 # the watch on it is the third of them
kill -KILL "${pids[1]}" "${pids[2]}"
wait "${pids[1]}" "${pids[2]}" 2>/dev/null
registers_are_free 'the registers are free when executors are killed'
totals=$("$KSNAP" monitor --channel watch/default --kind over --match watched_u16 --from oldest -n 1 -o jsonl)
is "$(json 'd["reason"], d["exact"], d["hits"], d["suppressed"] > 50' <<<"$totals")" "('session_lost', True, 100, True)" \
	'each write is counted although nobody was there any more'
ok 'one more watch' watch watched_u64
worker=$("$KSNAP" status -o json | json '[w["pid"] for w in d["workers"] if w["target"] == "live"][0]')
kill -KILL "$worker"
wait "$watcher"
is $? 1 'it ends when its worker is killed'
registers_are_free 'and the registers are free'
ok 'the next worker arms again' watch watched_u64
kill -KILL "$serve_pid"
wait "$serve_pid" 2>/dev/null
unset "serve_pids[$serve_pid]"
registers_are_free 'the registers are free when the broker is killed'
kill "$watcher" 2>/dev/null
wait "$watcher"

# ---- without a broker ------------------------------------------------------------------------------

unset KSNAP_ENDPOINT
ok 'watch brings a broker along' watch watched_u16 --max-hits 1
order write_u16 1
wait "$watcher"
is $? 0 'and sees the write'
like "$(cat "$tap_dir/hits")" '→' 'and prints it'
registers_are_free 'and leaves no register taken'

# A System.map as of a kernel that was moved, with a variable that kallsyms has not.
map=$tap_dir/System.map
"$PYTHON3" - "$addr" >"$map" <<'END'
import sys
moved = 0x1000000
for line in open("/proc/kallsyms"):
    if "\t" not in line and line.split()[1] not in "aA":
        print("%x %s" % (int(line.split()[0], 16) - moved, line.split(" ", 1)[1]), end="")
print("%x D in_the_map_only" % (int(sys.argv[1], 16) - moved))
END
ok 'a variable that only a System.map has is watched' watch in_the_map_only --len 8 --max-hits 1 \
	--target "live:kallsyms=$map"
order write_u64 1
wait "$watcher"
is $? 0 'where the kernel has it'
exits 1 'a name that it has not' "$KSNAP" watch in_the_map --target "live:kallsyms=$map"
like "$err" 'near: "in_the_map_only"' 'is told a near one'
sed 's/^[0-9a-f]* T schedule$/ffffffff81000008 T schedule/' "$map" >"$map.other"
exits 1 'the map of another kernel' "$KSNAP" watch in_the_map_only --target "live:kallsyms=$map.other"
like "$err" 'is of another kernel' 'is refused'
exec {orders}>&-
wait "$writer"
is $? 0 'the writer ends well'
finish
