# SPDX-License-Identifier: MIT
# ksnap read and ksnap write: a fixture's memory without root, then a BPF object of the running kernel,
# tasks, and a cgroup that is held still meanwhile.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python

# ---- wrong use ---------------------------------------------------------------------------------------

exits 2 'read without a symbol' "$KSNAP" read
exits 2 '--log with a symbol' "$KSNAP" read counter --log
exits 2 'a width and bytes' "$KSNAP" read counter --width 4 --bytes 4 --target fixture
like "$err" 'contradict each other' 'is said'
exits 2 'a start time without a task' "$KSNAP" read counter --start-time 4 --target fixture
exits 1 'a task that is not there' "$KSNAP" read comm --task 2147483647 --target fixture
like "$err" 'E_NOTFOUND: there is no task 2147483647' 'is said'
exits 2 'write without a value' "$KSNAP" write counter --target fixture
like "$err" "'counter' is not SYMBOL=VALUE" 'is said'
for value in '' abc 0x 12x 18446744073709551616 -9223372036854775809 hex: hex:0 hex:0g '"' '""' '"a'; do
	exits 2 "write of '$value'" "$KSNAP" write "counter=$value" --target fixture
done
exits 2 'bits of a text' "$KSNAP" write 'flags|="a"' --freeze /fixture --target fixture
like "$err" 'a mask, .* number .*without a sign, .* not ."a"' 'says what a mask is'
exits 2 'bits of a negative number' "$KSNAP" write 'flags|=-1' --freeze /fixture --target fixture
like "$err" 'a mask, .* number .*without a sign, .* not .-1' 'says so, too'

# ---- a fixture, embedded -------------------------------------------------------------------------------

exits 0 'one value' "$KSNAP" read counter --target fixture
is "$out" 1001 'is printed alone'
exits 0 'several' "$KSNAP" read counter name 'table[3]' 'map0[1].comm' -T fixture
is "$out" $'counter  1001\nname  "fixture"\ntable[3]  9\nmap0[1].comm  "task-1"' 'are printed with their symbols'
exits 0 'in hex' "$KSNAP" read name --hex -T fixture
is "$out" 'hex:66697874757265000000000000000000' 'bytes'
exits 0 'and numbers' "$KSNAP" read flags -x -T fixture
is "$out" 0x10 'too'
exits 0 'as JSON' "$KSNAP" read counter level -T fixture -o json
is "$(json 'd["value"], d["values"]' <<<"$out")" '(1001, [1001, -5])' 'the reply'
exits 1 'an unknown symbol' "$KSNAP" read counted -T fixture
like "$err" 'it has: counter, flags' 'is answered with those there are'
exits 1 'one of several' "$KSNAP" read counter counted -T fixture
like "$err" 'entry 2 of 2' 'is named by its place'
exits 0 'a write' "$KSNAP" write 'counter=0xffffffffffffffff' 'level=-2147483648' 'name="x=y"' 'small=hex:ff' -T fixture
like "$out" 'written +4' 'says how many'

# ---- a fixture behind a broker, with a log --------------------------------------------------------------

serve_start quiet --target fixture || exit 1
exits 4 'a write through a worker that must not' "$KSNAP" write counter=1
like "$err" 'started without --allow-writes' 'is denied'
serve_stop

serve_start b --target fixture --allow-writes || exit 1
exits 0 'a write through one that may' "$KSNAP" write counter=7 'table[0]=1' --tag w0
exits 0 'read it back' "$KSNAP" read counter --tag k0
is "$out" 7 'it is there'
exits 0 'a cold write' "$KSNAP" write 'flags|=0x83' --freeze /fixture --tag w1
exits 0 'a cold read' "$KSNAP" read flags 'table[0]' --freeze /fixture --tag k1
is "$out" $'flags  147\ntable[0]  1' 'sees both'
exits 2 'the third of three fails' "$KSNAP" write counter=8 small=3 small=256 --tag w2
like "$err" 'entry 3 of 3.*does not fit' 'and says so'
exits 0 'nothing is' "$KSNAP" read counter small --tag k2
is "$out" $'counter  8\nsmall  3' 'taken back'
exits 0 'the value under a tag' "$KSNAP" read --tag k1
is "$out" 147 'is the first one'
exits 1 'a tag of writes' "$KSNAP" read --tag w0
like "$err" 'E_NOTFOUND' 'has no value'
exits 0 'the log' "$KSNAP" read --log -o json
is "$(json '[(r["tag"], r["ok"]) for r in d["records"]], d["dropped"]' <<<"$out")" \
	"([('w0', True), ('k0', True), ('w1', True), ('k1', True), ('w2', False), ('k2', True)], 0)" 'has them all, in order'
exits 0 'the log again' "$KSNAP" read --log
is "$(wc -l <<<"$out")" 1 'gives titles only'
serve_stop

# ---- a scenario: side by side cold ops share one stop -----------------------------------------------------

serve_start scen --target fixture --allow-writes || exit 1
cat >"$tap_dir/cold.lua" <<'END'
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step
return ksnap.scenario {
	name = "cold", safe = false,
	step {
		op.write_kernel_cold { "w", entries = { { at = "counter", value = 5 } }, freeze = "/fixture" },
		op.read_kernel_cold { "a", at = "counter", freeze = "/fixture" },
		op.read_kernel_cold { "b", at = "level", freeze = "/fixture" },
		op.read_kernel_hot { "c", at = "name" },
		op.read_kernel_cold { "d", at = "flags", freeze = "/fixture" },
	},
	check = function(run)
		assert(run:kernel_value "a" == 5 and run:kernel_value "b" == -5 and run:kernel_value "d" == 16)
		assert(run:kernel_value "c" == "fixture" .. ("\0"):rep(9))
		assert(not pcall(run.kernel_value, run, "w"))
	end,
}
END
cat >"$tap_dir/fails.lua" <<'END'
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step
return ksnap.scenario { name = "fails", step {
	op.read_kernel_cold { "a", at = "nothing", freeze = "/fixture" },
	op.read_kernel_cold { "b", at = "level", freeze = "/fixture" } } }
END
exits 0 'a scenario' "$KSNAP" run "$tap_dir/cold.lua"
cat >"$tap_dir/reads.lua" <<'END'
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step
return ksnap.scenario { name = "reads", step {
	op.read_kernel_cold { "a", at = "level", freeze = "/fixture" },
	op.read_kernel_cold { "b", at = "level", freeze = "/fixture" } } }
END
exits 1 'one whose first op fails' "$KSNAP" run "$tap_dir/fails.lua"
like "$out" 'no such variable' 'says why'
exits 0 'status' "$KSNAP" status -o json
is "$(json '[(o["op"], o["n"]) for o in d["ops"] if o["op"] in ("freeze", "thaw", "read_kernel_cold")]' <<<"$out" | tr -d "[](),'")" \
	"$(printf 'read_kernel_cold 4 freeze 2 thaw 2')" 'one stop for each group, and none that stays'
serve_stop
serve_start reader --target fixture --role watch || exit 1
exits 0 'without the right to freeze' "$KSNAP" run "$tap_dir/reads.lua"
serve_stop

# ---- the running kernel ---------------------------------------------------------------------------------

hold=$KSNAP_TOP_BUILDDIR/tests/bpf/hold
group=ksnap-memory-$$
root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
end_all() {
	kill $holder $spinner 2>/dev/null
	wait $holder $spinner 2>/dev/null
	rmdir "$root/$group" 2>/dev/null
	tap_clean
}
holder= spinner=
trap end_all EXIT
mkfifo "$tap_dir/end" "$tap_dir/ids"
"$hold" "$KSNAP_TOP_BUILDDIR/tests/bpf/counter.bpf.o" <>"$tap_dir/end" >"$tap_dir/ids" 2>"$tap_dir/why" &
holder=$!
exec 8<"$tap_dir/ids"
await_line 8 READY "$tap_dir/held" >/dev/null || require bpf "no BPF object can be loaded: $(cat "$tap_dir/why")"
bss=$(awk '$1 == "map" && $2 ~ /bss/ { print $3 }' "$tap_dir/held")
hash=$(awk '$1 == "map" && $2 == "switches" { print $3 }' "$tap_dir/held")

serve_start live --target live --allow-writes || exit 1
exits 0 'a BPF global' "$KSNAP" read "id:$bss:nr_switches"
first=$out
# Each command makes the kernel switch between tasks.
exits 0 'and again' "$KSNAP" read "id:$bss:nr_switches"
ok 'it rises' [ "$out" -gt "$first" ]
exits 0 'a write' "$KSNAP" write "id:$bss:nr_switches=4611686018427387904"
exits 0 'is' "$KSNAP" read "id:$bss:nr_switches"
ok 'what programs go on counting from' [ "$out" -ge 4611686018427387904 ]
exits 0 'a task' "$KSNAP" read --task $$ comm tgid real_parent.tgid
is "$out" $'comm  "'"$(cat /proc/$$/comm)"$'"\ntgid  '$$$'\nreal_parent.tgid  '$PPID 'is as /proc says'
exits 1 'a pid that was used again' "$KSNAP" read --task $$ --start-time 1 comm
like "$err" 'its id was used again' 'is not meant'

# In a pid namespace of one's own the next id can be chosen.
cat >"$tap_dir/again.sh" <<'SH'
start_of() { cut -d' ' -f22 "/proc/$1/stat"; }
sleep 1000 &
first=$!
start=$(start_of $first)
"$KSNAP" read --task $first --start-time "$start" comm
while :; do
	kill $!
	wait $!
	echo $((first - 1)) >/proc/sys/kernel/ns_last_pid
	sleep 1000 &
	[ $! = $first ] && [ "$(start_of $first)" != "$start" ] && break
done
"$KSNAP" read --task $first --start-time "$start" comm
code=$?
"$KSNAP" read --task $first pid
kill $first
exit $code
SH
exits 1 'a pid that another task has got' env -u KSNAP_ENDPOINT unshare --pid --fork --mount-proc bash "$tap_dir/again.sh"
like "$out" '^"sleep"[[:space:]]+[0-9]+$' 'the first is read, and the other one by its own time'
like "$err" 'task [0-9]+ began at [0-9]+, not at [0-9]+: its id was used again' 'is not meant'
exits 1 'a pid of another namespace' unshare --pid --fork --mount-proc "$KSNAP" read --task 1 comm
like "$err" "is not of the worker's pid namespace|shows it to no BPF program|no task 1" 'is not mixed up'
exits 1 'a key that is not there' "$KSNAP" read "id:$hash[2147483647]"
like "$err" 'the map has no such key' 'is said'
exits 1 'an address that is not mapped' "$KSNAP" read 0xffff000000000000 --width 8
like "$err" 'no memory mapped at 0xffff000000000000' 'is said'
exits 1 'an address of user space' "$KSNAP" read 0x400000 --width 8
like "$err" 'no address of the kernel' 'is said'
exits 2 'an address without a width' "$KSNAP" read 0xffffffff81000000
like "$err" 'give a width' 'is not enough'
exits 1 'a write to an address' "$KSNAP" write 0xffffffff81000000=1 --width 8
like "$err" 'E_UNSUPPORTED.*only values and globals of BPF maps' 'is refused'

if [ -n "$root" ] && mkdir "$root/$group" 2>/dev/null && [ -f "$root/$group/cgroup.freeze" ]; then
	# It counts in the map as a task that runs: its own switches stand still while it does.
	"$PYTHON3" -c 'import os
while True: os.sched_yield()' &
	spinner=$!
	echo "$spinner" >"$root/$group/cgroup.procs"
	exits 0 'a cold read' "$KSNAP" read --freeze "/$group" --task $spinner __state tgid
	like "$out" "tgid  $spinner" 'of a task that stands still'
	exits 0 'a cold write' "$KSNAP" write --freeze "/$group" "id:$bss:last_pid|=0x40000000"
	is "$(cat "$root/$group/cgroup.freeze")" 0 'and it goes on'
	exits 2 'the root' "$KSNAP" read --freeze / "id:$bss:last_pid"
else
	skip 'cold ops' 'no cgroup v2 with a freezer to make a group in'
fi
finish
