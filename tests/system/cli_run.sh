# SPDX-License-Identifier: MIT
# ksnap run as a command: several files, arguments, the worst exit code; what scripts can do is
# tested in lua_run.sh.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"

good=$tap_dir/good.lua
bad=$tap_dir/bad.lua
broken=$tap_dir/broken.lua
cat >"$good" <<'EOF'
local ksnap = require "ksnap"
return ksnap.scenario { name = "good " .. table.concat(arg, ","), ksnap.step { "s", ksnap.op.capture_snapshot "t0" } }
EOF
cat >"$bad" <<'EOF'
local ksnap = require "ksnap"
return ksnap.scenario { name = "bad", check = function() ksnap.assert(false, "no") end }
EOF
echo 'this is not Lua' >"$broken"

exits 2 'run of nothing' "$KSNAP" run
exits 2 'run of an option only' "$KSNAP" run --target fixture
exits 2 'a target nobody knows' "$KSNAP" run "$good" --target vax
is "$out" '' 'is found before anything is printed'
exits 5 'a broker that is not there' "$KSNAP" run "$good" --endpoint "ipc://$tap_dir/no/control"
is "$out" '' 'is found before, too'

serve_start b --target fixture:maps=1,entries=1 || exit 1
exits 0 'one file' "$KSNAP" run "$good"
like "$out" $'^TAP version 14\n1\\.\\.1\n# Subtest: good .*\nok 1 - good' 'is one test'
exits 0 'two files with arguments' "$KSNAP" run "$good" "$good" -- -x --help
like "$out" $'\n1\\.\\.2\n.*ok 1 - good -x,--help\n.*ok 2 - good -x,--help' 'are two tests, with the arguments'
exits 1 'one of them fails' "$KSNAP" run "$good" "$bad" "$good"
like "$out" $'ok 1 - good.*\nnot ok 2 - bad.*\nok 3 - good' 'the others run'
exits 2 'one of them is broken' "$KSNAP" run "$bad" "$broken" "$good"
like "$out" $'not ok 1 .*\nnot ok 2 .*\nok 3 ' 'the others run still'
exits 0 "Perl's harness" env HARNESS_ACTIVE=1 "$KSNAP" run "$good"
like "$out" $'^TAP version 13\n1\\.\\.1\n# Subtest' 'is told the version that it knows'
if command -v prove >/dev/null; then
	exits 0 'prove of a good one' prove -e "$KSNAP run" "$good"
	exits 1 'prove of a bad one' prove -e "$KSNAP run" "$good" "$bad"
	like "$out" 'Failed test:  1' 'says which'
fi
exits 0 'in the broker it left its snapshot' "$KSNAP" list
like "$out" $'\nt0 ' 'of the default bridge'
exits 0 'another bridge' "$KSNAP" run --bridge mine "$good"
exits 0 'its list' "$KSNAP" --bridge mine list
like "$out" $'\nt0 ' 'has the snapshot'

# ---- limits ------------------------------------------------------------------------------------

cat >"$tap_dir/slow.lua" <<'EOF2'
local ksnap = require "ksnap"
return ksnap.scenario { name = "slow", setup = function() print "ready" end, ksnap.step { "wait", hold = "1m" },
	teardown = function() print "torn down" end }
EOF2
cat >"$tap_dir/asks.lua" <<'EOF2'
local ksnap = require "ksnap"
return ksnap.scenario { name = "asks", ksnap.step { "ask", ksnap.op.capture_snapshot { "t0", timeout = "50m" } },
	teardown = function() print "torn down" end }
EOF2
cat >"$tap_dir/stuck.lua" <<'EOF2'
print "ready"
local _ = (("a"):rep(40)):find(("a?"):rep(40) .. ("a"):rep(40))
EOF2
cat >"$tap_dir/trusted.lua" <<'EOF2'
print(io.popen "echo hello":read "l")
os.execute "tail -f /dev/null </dev/null >/dev/null 2>&1 & echo $! >\"$LEFT\""
undeclared = 1
EOF2
exits 2 'a deadline of nothing' "$KSNAP" run "$good" --deadline 0
exits 124 'a deadline' "$KSNAP" run "$tap_dir/slow.lua" "$tap_dir/slow.lua" --deadline 1500
like "$out" $'# torn down\n    ok 3 - teardown\n    1..3\nnot ok 1 - slow\n.*message: "the script ran longer than 1500 ms' 'is told, after the teardown'
like "$out" $'phase: "step 1, wait".*\nnot ok 2 - slow' 'with the step, and the next one runs'
exits 124 'a deadline while an answer is awaited' env -u KSNAP_ENDPOINT "$KSNAP" run -T fixture:latency_ms=3600000 \
	"$tap_dir/asks.lua" --deadline 1500
like "$out" $'# torn down\n    ok 2 - teardown\n    1..2\nnot ok 1 - asks\n.*message: "the script ran longer than 1500 ms' 'ends the wait, and the teardown follows'
exits 2 'a deadline and a timeout' "$KSNAP" run "$good" --deadline 1000 --timeout 1000
like "$err" 'the same for run; a single op .* timeout = in the script' 'are the same'
exits 124 'a timeout' "$KSNAP" run "$tap_dir/slow.lua" --timeout 1500
like "$out" 'the script ran longer than 1500 ms' 'is a deadline'
exits 124 'a deadline within a C function' "$KSNAP" run "$tap_dir/stuck.lua" "$tap_dir/stuck.lua" --deadline 200 --grace 50
like "$out" $'not ok 1 - .*stuck.lua\n.*killed: it did not end within its deadline' 'is told, too'
like "$out" $'\nnot ok 2 - .*stuck.lua' 'and the next one runs'

# stopped SCRIPT GRACE SIGNAL: run it, send the signal once it says that it is ready; $status and $out.
stopped() {
	local fd
	rm -f "$tap_dir/pipe" "$tap_dir/said"
	mkfifo "$tap_dir/pipe"
	TMPDIR=$tap_dir env -u KSNAP_ENDPOINT "$KSNAP" run -T "${target:-fixture}" "$1" "$good" --grace "$2" >"$tap_dir/pipe" 2>"$tap_dir/stderr" &
	serve_pids[$!]=1
	exec {fd}<"$tap_dir/pipe"
	await_line "$fd" '# ready' "$tap_dir/said"
	kill -"$3" $!
	cat <&"$fd" >>"$tap_dir/said"
	wait $!
	status=$?
	unset "serve_pids[$!]"
	exec {fd}<&-
	out=$(cat "$tap_dir/said")
}
stopped "$tap_dir/slow.lua" 60000 TERM
is "$status" 143 'SIGTERM ends a run'
like "$out" $'# torn down\n    ok 3 - teardown\n    1..3\nnot ok 1 - slow\n.*message: "stopped by signal 15' 'after the teardown'
like "$out" $'\nBail out! Terminated$' 'and bails out'
stopped "$tap_dir/slow.lua" 60000 INT
is "$status" 130 'so does SIGINT'
sed -i 's/^return/print "ready"\n&/' "$tap_dir/asks.lua"
target=fixture:latency_ms=3600000 stopped "$tap_dir/asks.lua" 60000 TERM
is "$status" 143 'SIGTERM ends one that awaits an answer'
like "$out" $'# torn down\n    ok 2 - teardown\n    1..2\nnot ok 1 - asks\n.*message: "stopped by signal 15' 'after its teardown, too'
stopped "$tap_dir/stuck.lua" 50 TERM
is "$status" 143 'SIGTERM ends one that is stuck'
like "$out" 'killed: it did not end within 50 ms of signal 15' 'by killing it'
is "$(find "$tap_dir" -name 'ksnap-run-*')" '' 'no socket is left'

# ---- what only trusted scripts may -------------------------------------------------------------

exits 2 'io in the sandbox' "$KSNAP" run "$tap_dir/trusted.lua"
like "$err" 'trusted.lua:1: io is not there in the sandbox; --unsafe-libs opens it' 'is refused'
export LEFT=$tap_dir/left
exits 0 'io with --unsafe-libs' "$KSNAP" run --unsafe-libs "$tap_dir/trusted.lua"
like "$out" '# hello' 'works'
ok 'what it started is gone' timeout -s KILL 30 tail --pid="$(cat "$LEFT")" -f /dev/null

exits 1 'a full disk is an error' bash -c '"$1" run "$2" >/dev/full' - "$KSNAP" "$good"
finish
