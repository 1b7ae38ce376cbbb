# SPDX-License-Identifier: MIT
# --lua says the line of a scenario that does what the command would do: each is put into a scenario,
# which runs.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
cd "$tap_dir" || exit 99

# ---- commands that have none -------------------------------------------------------------------

covered=
for line in serve worker monitor 'run x.lua' 'check x.lua' 'new x' repl keygen doctor 'completion bash' version help; do
	# shellcheck disable=SC2086
	exits 2 "$line --lua" "$KSNAP" $line --lua
	like "$err" 'does nothing that a scenario does' 'is refused'
	covered+=" ${line%% *}"
done
exits 2 'a list of files' "$KSNAP" list x.ksnap --lua
exits 2 'events of a file' "$KSNAP" events x.ksnap --lua
exits 2 'a drain to a file' "$KSNAP" drain --to x.ksnap --lua
is "$(find . -name 'x*')" '' 'nothing was written'

# ---- those that have one -----------------------------------------------------------------------

ok 'a broker' serve_start b --target fixture:maps=2,entries=4 --allow-writes
: >steps
: >checks
# line WANTED COMMAND...: what it says is WANTED, and goes into the scenario.
line() {
	local wanted=$1
	shift
	exits 0 "$*" "$KSNAP" "$@" --lua
	is "$out" "$wanted" 'says its line'
	covered+=" $1"
	case $out in
	op.*) echo "	step { $out }," >>steps ;;
	loop*) echo "	$out," >>steps ;;
	*) echo "		assert($out, [[$out]])" >>checks ;;
	esac
}
line 'op.capture_snapshot { tag = "t0" }' capture t0
line 'op.capture_snapshot { tag = "t1", maps = { "map*", "!map1" }, chase = 2 }' capture t1 --map 'map*' --map '!map1' --chase 2
line 'op.capture_snapshot { tag = "a\"\\ä" }' capture 'a"\ä'
line 'loop { every = "20ms", times = 2, function(i) return op.capture_snapshot { tag = ("s_%03d"):format(i), maps = { "map0" } } end }' capture s --every 20ms -n 2 --map map0
line 'op.list()' list
line 'op.drain_events()' events
line 'op.event_count()' events --count
line 'op.drain_cgroup_procs()' procs --drain
line 'op.status()' status
line 'op.capture_cgroup_procs { tag = "p0", cgroup = "/fixture", threads = true }' procs p0 --threads /fixture
line 'op.freeze { cgroup = "/fixture" }' freeze /fixture
line 'op.thaw { cgroup = "/fixture" }' thaw /fixture
line 'op.watch_snapshot { symbol = "map0", rate = 5, max_hits = 3 }' watch map0 --rate 5 --max-hits 3
line 'op.list_watches()' watches
line 'op.unwatch { symbol = "map0" }' unwatch map0
line 'op.read_kernel_hot { tag = "read", entries = { { at = "counter" }, { at = "small" } } }' read counter small
line 'op.kernel_op_value { tag = "read" }' read --tag read
line 'op.write_kernel_hot { tag = "write", entries = { { at = "counter", value = 5 } } }' write counter=5
line 'op.drain_kernel_ops()' read --log
line 'op.describe()' describe
line 'run:snapshot("t0")' show t0
line 'run:snapshot("t0"):get("map0[1].n")' show t0 'map0[1].n'
line 'run:snapshot("t0"):diff(run:snapshot("t1"))' diff t0 t1
line 'run:snapshot("t0"):diff(run:snapshot("t1"), "map0")' diff t0 t1 map0
exits 0 'a file' "$KSNAP" capture kept --save ./kept.ksnap
line 'ksnap.open("./kept.ksnap")' show ./kept.ksnap
line 'ksnap.open("./kept.ksnap", "kept"):get("map0[1].n")' show ./kept.ksnap:kept 'map0[1].n'
exits 0 'nobody was asked' "$KSNAP" list
unlike "$out" 't0' 'and nothing done'
{
	echo 'local ksnap = require "ksnap"'
	echo 'local op, step, loop = ksnap.op, ksnap.step, ksnap.loop'
	echo 'return ksnap.scenario { name = "what the commands do", safe = false,'
	cat steps
	echo '	check = function(run)'
	cat checks
	echo '	end }'
} >lines.lua
exits 0 'a scenario of all lines' "$KSNAP" check lines.lua
exits 0 'runs' "$KSNAP" run lines.lua
like "$out" 'ok 1 - what the commands do' 'and passes'
line 'op.drain()' drain
serve_stop
exits 0 'without a broker' "$KSNAP" capture t0 --lua
is "$out" 'op.capture_snapshot { tag = "t0" }' 'it is the same line'

# ---- of this kernel ----------------------------------------------------------------------------

object=$KSNAP_TOP_BUILDDIR/tests/bpf/counter.bpf.o
covered+=' attach'
missing=$("$KSNAP" help | awk -v covered="$covered " '/^Commands/ { on = 1; next } /^$/ { on = 0 }
	on { n++; if (!index(covered, " " $1 " ")) print $1 } END { if (n < 20) print "no list of commands" }')
is "$missing" '' 'each command says its line, or that it has none'
exits 0 'attach' "$KSNAP" attach "$object" --lua
is "$out" "op.attach_object { file = \"$object\", name = \"counter\" }" 'says its line'
cat >attach.lua <<END
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step
return ksnap.scenario { name = "attach", step { $out, $("$KSNAP" capture t0 --map obj:counter --progs --lua) },
	check = function(run) assert(#run:snapshot("t0"):maps() > 0) end }
END
run "$KSNAP" run attach.lua --target live
[[ $out$err =~ E_DENIED|E_UNSUPPORTED ]] && require bpf "no BPF object can be loaded: $out"
is "$status" 0 'it runs'
like "$out" $'\nok 1 - attach$' 'and passes'
finish
