# SPDX-License-Identifier: MIT
# ksnap run with many files: side by side, filtered, told as TAP, JSON and JUnit, and watched on a
# terminal.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"

# script NAME: the text on stdin becomes the file $tap_dir/NAME.lua
script() {
	cat >"$tap_dir/$1.lua"
}
cd "$tap_dir" || exit 99

script one <<'END'
local ksnap = require "ksnap"
print "from one"
return ksnap.scenario { name = "number one", ksnap.step { "look", ksnap.op.capture_snapshot "t0" },
	check = function(run)
		print "checks"
		ksnap.assert(#run.bridge:list() == 1)
	end }
END
script two <<'END'
local ksnap = require "ksnap"
print "from two"
return ksnap.scenario { name = "number two", ksnap.step { "look", ksnap.op.capture_snapshot "t0" },
	check = function(run) ksnap.assert(#run.bridge:list() == 2, "one & <only> one\27") end }
END
script three <<<'print "from three"'
script broken <<<'this is not Lua'
script loud <<'END'
for i = 1, 20000 do print("line " .. i) end
print(("x"):rep(100000))
END

# ---- what goes wrong ---------------------------------------------------------------------------

run=("$KSNAP" run --target fixture:maps=1,entries=1)
exits 2 'no job at a time' "${run[@]}" one.lua --jobs 0
exits 2 'msgpack' "${run[@]}" one.lua -o msgpack
is "$out" '' 'is found before anything runs'
exits 1 'a JUnit file in no folder' "${run[@]}" one.lua --junit nowhere/x.xml
is "$out" '' 'is found before anything runs, too'
like "$err" 'nowhere' 'and named'
exits 2 'a JSON file that is a folder' "${run[@]}" one.lua --json .

# ---- side by side ------------------------------------------------------------------------------

exits 2 'four files, two at a time' "${run[@]}" --jobs 2 one.lua broken.lua two.lua three.lua
like "$out" $'^TAP version 14\n1\\.\\.4\n# from one\n# Subtest: number one\n    ok 1 - step 1, look\n    # checks\n    ok 2 - check\n    1\\.\\.2\nok 1 - number one\nnot ok 2 - broken.lua\n' \
	'are told in their order, each with its parts'
like "$out" $'\n# from two\n# Subtest: number two\n    ok 1 - step 1, look\n    not ok 2 - check\n    1\\.\\.2\nnot ok 3 - number two\n.*\n# from three\nok 4 - three.lua\n' \
	'each behind what it printed'
like "$out" '--seed [0-9]+ repeats it' 'and say which numbers were drawn'
exits 0 'each has a broker of its own' "${run[@]}" -j 4 one.lua one.lua one.lua one.lua
like "$out" $'\nok 1 - number one\n.*\n# Subtest: number one \\(2\\)\n.*\nok 2 - number one \\(2\\)\n.*\nok 3 - number one \\(3\\)\n' 'and a name of its own'
exits 0 'thirty of them' "${run[@]}" -j 8 $(printf 'one.lua %.0s' {1..30})
is "$(grep -c '^ok' <<<"$out")" 30 'all pass'

# What has to wait for its turn is kept, up to a limit that is told.
script waits <<'END'
local ksnap = require "ksnap"
local b <close> = assert(ksnap.connect())
while not b:has "done" do ksnap.sleep "10ms" end
END
script behind <<'END'
for i = 1, 120000 do print("line " .. i) end
local b <close> = assert(require "ksnap".connect())
b:capture_snapshot "done"
END
ok 'a broker for both' serve_start both --target fixture:maps=1,entries=1
exits 0 'a loud one behind a quiet one' "$KSNAP" run -j 2 waits.lua behind.lua
serve_stop
like "$out" $'ok 1 - waits.lua\n# line 1\n# line 2\n' 'is told from its begin'
like "$out" $'\n# ... and [0-9]+ lines more: while a scenario waits its turn, 1048576 bytes of it are kept\n(.*\n)?ok 2 - behind' 'up to a limit'
exits 0 'a loud one alone' "${run[@]}" loud.lua
like "$out" $'\n# line 20000\n# x*x ... and 91808 bytes more\nok 1' 'is told whole, but for lines that are too long'

script steps <<'END'
local ksnap = require "ksnap"
local s = { name = "ten thousand steps" }
local n = 0
for i = 1, 10000 do s[i] = ksnap.step { function() n = n + 1 end } end
s.check = function() ksnap.assert(n == 10000) end
return ksnap.scenario(s)
END
exits 0 'ten thousand steps' "${run[@]}" steps.lua
like "$out" $'\n    ok 10000 - step 10000\n    ok 10001 - check\n    1..10001\nok 1 - ten thousand steps$' 'are ten thousand points, and one'

# Several of one name have names of their own.
script twin <<<'return require "ksnap".scenario { name = "twin" }'
cp twin.lua other.lua
script third <<<'return require "ksnap".scenario { name = "twin (5)" }'
exits 0 'scenarios of one name' "${run[@]}" twin.lua other.lua twin.lua third.lua other.lua other.lua
is "$(sed -n 's/^ok //p' <<<"$out")" '1 - twin
2 - twin (other.lua)
3 - twin (3)
4 - twin (5)
5 - twin (5)'"'"'
6 - twin (6)' 'are told apart by files and numbers'

# Each part is a point; so is each pattern. What is not reached is none.
script parts <<'END'
local ksnap = require "ksnap"
local op, step = ksnap.op, ksnap.step
local inner = ksnap.scenario { name = "inner", step { "within" } }
return ksnap.scenario { name = "parts", setup = op.capture_snapshot "t0",
	step { "one", op.capture_snapshot "t1" }, step { function(run) assert(#inner:run(run.bridge) == 0) end },
	check = function(run)
		run:series "map1[0].n":nondecreasing()
		run:series("map1[0].n", { label = "n" }):each():at_least(1 << 40)
		if arg[1] then error "too bad" end
	end,
	teardown = { function() end, function() if arg[1] then error "worse" end end } }
END
exits 1 'a pattern that fails' "${run[@]}" parts.lua
is "$(grep -v '^  ' <<<"$out" | head -3; grep '^    [on1]' <<<"$out" | sed 's/at_least.*/at_least/')" 'TAP version 14
1..1
# Subtest: parts
    ok 1 - setup
    ok 2 - step 1, one
    ok 3 - inner
    ok 4 - step 2
    ok 5 - map1[0].n: nondecreasing
    not ok 6 - n: each at_least
    not ok 7 - check
    ok 8 - teardown
    1..8' 'is one of the points'
exits 2 'two that fail' "${run[@]}" parts.lua -- x
like "$out" $'\n    not ok 7 - check\n    not ok 8 - teardown\n    1..8\nnot ok 1 - parts\n' 'are points, too'
script early <<'END'
local ksnap = require "ksnap"
return ksnap.scenario { name = "early", ksnap.step { "one", function() error "no" end }, ksnap.step { "two" }, check = print }
END
exits 2 'a step that fails' "${run[@]}" early.lua
like "$out" $'\n# Subtest: early\n    not ok 1 - step 1, one\n    1..1\nnot ok 1 - early\n' 'is the last point'

# ---- some of them ------------------------------------------------------------------------------

exits 0 'a filter by name' "${run[@]}" one.lua two.lua three.lua --filter '*one'
like "$out" $'ok 1 - number one\n' 'runs what it means'
like "$out" $'ok 2 - number two # SKIP it does not match --filter\n' 'skips the others'
exits 0 'a filter by a part of the file' "${run[@]}" one.lua two.lua three.lua -f three
like "$out" $'ok 1 - number one # SKIP.*\nok 2 - number two # SKIP.*\n# from three\nok 3 - three.lua$' 'finds the file'
script straight <<<'local b <close> = assert(require "ksnap".connect()) b:capture_snapshot "t0"'
exits 0 'a filter that fits no file' "${run[@]}" straight.lua -f nothing
like "$out" 'ok 1 - straight.lua # SKIP its file does not match --filter' 'keeps a script from connecting'

# ---- arguments ---------------------------------------------------------------------------------

script options <<'END'
local o = require "ksnap".options {
	cpus = { default = 2, help = "how many" }, deep = { default = false }, name = { required = true },
	wait = { type = "duration", default = 1.5 }, mode = { default = "fast", choices = { "fast", "slow" } },
}
print(o.cpus, o.deep, o.name, o.wait, o.mode, #o, o[1])
END
exits 0 'declared options' "${run[@]}" options.lua -- --name n
like "$out" $'# 2\tfalse\tn\t1.5\tfast\t0\tnil' 'have their defaults'
exits 0 'declared options, given' "${run[@]}" options.lua -- --cpus=7 --deep word --wait 20ms --mode slow --name n
like "$out" $'# 7\ttrue\tn\t0.02\tslow\t1\tword' 'have their values'
exits 0 'help of a script' "${run[@]}" options.lua -- --help
like "$out" $'#   --cpus INT  *how many \\(default 2\\)\n' 'lists them'
like "$out" 'ok 1 - options.lua # SKIP --help' 'and runs nothing'
while IFS='|' read -r args words; do
	# shellcheck disable=SC2086
	exits 2 "options: $args" "${run[@]}" options.lua -- $args
	like "$out" "$words" 'says what is wrong'
done <<'END'
--cpu 1 --name n|there is no option --cpu; did you mean cpus\?
--cpus x --name n|--cpus takes a whole number, not ..x
--name|--name needs a value
--cpus 1|--name is missing
--wait long --name n|--wait takes a duration
--mode odd --name n|--mode takes fast, slow, not
END
script declares <<<'require "ksnap".options { cpus = { typ = "int" } }'
exits 2 'an option that is declared wrong' "${run[@]}" declares.lua
like "$out" 'declares.lua:1.*|did you mean type' 'says where'
script draws <<<'print(math.random(1 << 30), math.random(1 << 30))'
exits 0 'a seed' "${run[@]}" draws.lua --seed 7
drawn=$out
exits 0 'the same seed' "${run[@]}" draws.lua --seed 7
is "$out" "$drawn" 'gives the same numbers'

# ---- for machines ------------------------------------------------------------------------------

need_python
exits 2 'documents' "${run[@]}" one.lua two.lua broken.lua three.lua -f . --json all.json --junit all.xml
is "$(json '[(t["file"], t["ok"], t["code"]) for t in d["tests"]]' <all.json)" \
	"[('one.lua', True, 0), ('two.lua', False, 1), ('broken.lua', False, 2), ('three.lua', True, 0)]" 'JSON has the tests'
is "$(json 'd["tests"][1]["failures"][0]["message"], d["tests"][1]["failures"][0]["phase"], d["tests"][0]["output"]' <all.json)" \
	"('one & <only> one\\x1b', 'check', ['from one', 'checks'])" 'with their failures and output'
is "$(json '[[(p["name"], p["ok"], p.get("ms", -1) >= 0) for p in t["points"]] for t in d["tests"][1:3]]' <all.json)" \
	"[[('step 1, look', True, True), ('check', False, True)], []]" 'and parts'
is "$(json 'd["passed"], d["failed"], d["errors"], d["skipped"], d["code"]' <all.json)" '(2, 1, 1, 0, 2)' 'and totals'
junit() {
	"$PYTHON3" -c 'import sys, xml.etree.ElementTree as E
d = E.parse("all.xml").getroot()
print(eval(sys.argv[1], {"d": d}))' "$1"
}
is "$(junit '[(c.get("name"), [e.tag for e in c]) for c in d.iter("testcase")]')" \
	"[('number one', ['properties', 'system-out']), ('number two', ['properties', 'failure', 'system-out']), ('broken.lua', ['error']), ('three.lua', ['system-out'])]" \
	'JUnit has the tests'
like "$(junit '[(p.get("name"), p.get("value")) for p in d[0][1].iter("property")]')" \
	"^\[\('1 - step 1, look', 'ok [0-9.]+ ms'\), \('2 - check', 'not ok [0-9.]+ ms'\)\]$" 'with their parts'
is "$(junit '[e.get("message") for e in d.iter("failure")]')" "['one & <only> one\\\\x1b']" 'with their failures'
is "$(junit 'd.get("tests"), d.get("failures"), d.get("errors")')" "('4', '1', '1')" 'and totals'
exits 1 'JSON on stdout' "${run[@]}" one.lua two.lua -o json
is "$(json 'len(d["tests"])' <<<"$out")" 2 'is one document'
exits 1 'JSON lines on stdout' "${run[@]}" one.lua two.lua -o jsonl -j 2
is "$(jsonl '[t["ok"] for t in d]' <<<"$out")" '[True, False]' 'is one a test'

# ---- losses and a broker that goes -------------------------------------------------------------

script loses <<'END'
local ksnap = require "ksnap"
return ksnap.scenario { name = "loses events",
	ksnap.loop { every = 0, times = 20, function() return ksnap.op.capture_snapshot "same" end } }
END
ok 'a broker with room for four events' serve_start few --target fixture:maps=1,entries=1 --max-events 4
exits 0 'losing events' "$KSNAP" run loses.lua
exits 3 'losing events is a failure when asked for' "$KSNAP" run loses.lua --fail-on-loss
like "$out" $'not ok 1 - loses events\n.*[0-9]+ messages were lost' 'which says how many'
exits 0 'losing none' "$KSNAP" run one.lua --bridge other --fail-on-loss

script gone <<'END'
local ksnap = require "ksnap"
return ksnap.scenario { name = "gone", ksnap.step { "meet", ksnap.op.ping(), function() print "ready" end },
	ksnap.loop { "on", every = "1ms", times = 1 << 20, ksnap.op.ping() },
	teardown = function() print "torn down" end }
END
mkfifo gone.out
"$KSNAP" run gone.lua >gone.out 2>gone.err &
serve_pids[$!]=1
exec {fd}<gone.out
await_line "$fd" '# ready' gone.said
kill -KILL "$serve_pid"
cat <&"$fd" >>gone.said
wait $!
is "$?" 5 'a broker that goes away in the middle'
like "$(cat gone.said)" $'# torn down\n    ok 3 - teardown\n    1..3\nnot ok 1 - gone\n.*E_UNREACHABLE' 'ends the scenario after its teardown'
exec {fd}<&-
unset KSNAP_ENDPOINT

# ---- on a terminal -----------------------------------------------------------------------------

script slow <<'END'
local ksnap = require "ksnap"
return ksnap.scenario { name = "slow one", ksnap.step { "settle", hold = "1s" }, ksnap.step { "load", hold = "100ms" } }
END
shown=$(env TERM=xterm "$PYTHON3" -c 'import os, pty, sys
pty.spawn(sys.argv[1:], lambda fd: os.read(fd, 4096))' "${run[@]}" slow.lua </dev/null | tr '\r' '\n')
like "$shown" '\[0/1\] slow one: step 1 of 2, settle, [01].[0-9] s left' 'a terminal shows the step and the time left'
like "$shown" $'ok 1 - slow one' 'and the result'
exits 0 'no terminal' "${run[@]}" slow.lua
is "$err" '' 'shows nothing'
finish
