#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ksnap run: scenarios end to end, on a made-up target and on this kernel.
. "${KSNAP_TOP_SRCDIR:-.}/tests/system/tap.sh"

examples=$KSNAP_TOP_SRCDIR/lua/examples
fixture=fixture:maps=2,entries=10

# scenario NAME: the script on stdin becomes the file $tap_dir/NAME.lua
scenario() {
	{
		echo 'local ksnap = require "ksnap"'
		echo 'local op, step, loop = ksnap.op, ksnap.step, ksnap.loop'
		cat
	} >"$tap_dir/$1.lua"
}

# ---- what goes wrong -------------------------------------------------------------------------

scenario syntax <<<'return = 1'
scenario raises <<<'local t; t.x = 1'
scenario fails <<<'return ksnap.scenario { name = "it fails", check = function() ksnap.assert(1 > 2, "one is less") end }'
scenario unknown_map <<'END'
return ksnap.scenario { name = "unknown map", step { op.capture_snapshot "t0" },
	check = function(run) run:snapshot "t0":map "mapp1" end }
END
scenario no_target <<'END'
return ksnap.scenario { name = "no such target", step { op.capture_snapshot { "t0", target = "moon" } } }
END

exits 2 "a syntax error" "$KSNAP" run --target "$fixture" "$tap_dir/syntax.lua"
like "$err" 'syntax.lua:3' "says file and line"
exits 2 "a runtime error" "$KSNAP" run --target "$fixture" "$tap_dir/raises.lua"
like "$out" 'traceback: \|' "shows a traceback"
exits 1 "a check that fails" "$KSNAP" run --target "$fixture" "$tap_dir/fails.lua"
like "$out" 'not ok 1 - it fails' "is a failed test"
like "$out" 'one is less' "says why"
exits 1 "a map that is not there" "$KSNAP" run --target "$fixture" "$tap_dir/unknown_map.lua"
like "$out" 'map1' "names the maps that are"
exits 1 "a failed op" "$KSNAP" run --target "$fixture" "$tap_dir/no_target.lua"
like "$out" 'code: E_NOTFOUND' "gives its code"
exits 2 "a file that is not there" "$KSNAP" run --target "$fixture" "$tap_dir/nowhere.lua"

# ---- what goes well --------------------------------------------------------------------------

scenario walk <<'END'
return ksnap.scenario {
	name = "walk a report",
	setup = op.capture_snapshot "before",
	step { "settle", op.capture_snapshot { "t1", maps = { "map1" } }, hold = "1ms" },
	check = function(run)
		local before, t1 = run:snapshot "before", run:snapshot "t1"
		assert(before.complete and t1.complete)
		assert(#before:maps() == 2 and #t1:maps() == 1)
		local map = t1:map "map1"
		assert(#map == 10)
		local seen = 0
		for key, entry in pairs(map) do
			assert(key:u64() >= 0 and entry:get("n"):u64() >= 0)
			assert(entry:get("state"):str():find "^FIXTURE_")
			seen = seen + 1
		end
		assert(seen == 10)
		local steps = {}
		for _, row in ipairs(run.bridge:list()) do steps[row.tag] = row.step end
		assert(steps.before == 0 and steps.t1 == 1)
	end,
}
END
scenario loops <<'END'
return ksnap.scenario {
	name = "a hundred captures, sixty-four kept",
	loop { every = 0, times = 100, function(i) return op.capture_snapshot("tick_" .. i) end },
	check = function(run)
		local evictions = run:events "eviction"
		ksnap.assert(#evictions == 36, "%d evictions", #evictions)
		assert(evictions[1].evicted_tag == "tick_1" and evictions[36].new_tag == "tick_100")
		local rows = run.bridge:drain()
		assert(#rows == 64 and rows.count == 64 and rows[1].tag == "tick_37")
		assert(rows[64].snapshot.tag == "tick_100" and #run.bridge:list() == 0)
	end,
}
END
scenario periodic <<'END'
return ksnap.scenario {
	name = "five captures, evenly", periodic = 5, duration = "800ms",
	step { "quiet", hold = 0.5 },
	step { "busy", function(run)
		local burst = ksnap.spawn(function() for i = 1, 20 do run.bridge:ping() end return "done" end)
		assert(burst:wait "1m" == "done")
		local other <close> = assert(ksnap.connect())
		assert(other:capture_snapshot "foreign")
	end },
	check = function(run)
		local rows = run.bridge:list()
		for i = #rows, 1, -1 do
			if rows[i].tag == "foreign" then table.remove(rows, i) end
		end
		ksnap.assert(#rows == 5, "%d rows", #rows)
		local theirs = run:series("map1[0].n", { over = "for*" })
		assert(#theirs == 1 and theirs.samples[1].value and theirs.samples[1].elapsed_ms >= 400)
		for i, row in ipairs(rows) do
			assert(row.tag == ("periodic_%03d"):format(i - 1) and row.boundary_ms == (80000 + i * 640000 // 6) // 1000)
			assert(row.elapsed_ms >= row.boundary_ms and row.step and row.elapsed_ms == math.floor(run.taken[i].elapsed_ms))
		end
		local n = run:series("map1[0].n", { label = "n" })
		n:strictly_increasing()
		n:rate_within(0, 1e9, "1s")
		run:series(function(s) return s.complete end):always()
		run:series("map1[0].n"):converges_to { target = -1, tol = 0, by = "800ms" }
	end,
}
END
scenario memory <<'END'
return ksnap.scenario {
	name = "memory by symbol",
	step { op.read_kernel_hot { "k0", at = "counter" }, op.read_kernel_hot { "k1", at = "counter", width = { bytes = 4 } } },
	check = function(run)
		local counter = run:kernel_value "k0"
		assert(math.type(counter) == "integer" and #run:kernel_value "k1" == 4)
		local ok, err = pcall(run.kernel_value, run, "k2")
		assert(not ok and err.code == "E_NOTFOUND", tostring(err))
		ok, err = pcall(run.procs, run, "p0")
		assert(not ok and err.code == "E_NOTFOUND", tostring(err))
	end,
}
END
scenario straight <<'END'
local bridge <close> = assert(ksnap.connect())
local s = assert(bridge:capture_snapshot "t0")
print(s.tag, #s:maps(), arg[1])
local g <close> = bridge:enter()
assert(ksnap.issue(op.has "t0") == true)
local none, err = bridge:get "t1"
assert(none == nil and err.code == "E_NOTFOUND", tostring(err))
END

exits 0 "walking a report" "$KSNAP" run --target "$fixture" "$tap_dir/walk.lua"
like "$out" 'ok 1 - walk a report' "passes"
exits 0 "a loop past the cap" "$KSNAP" run --target "$fixture" "$tap_dir/loops.lua"
exits 1 "periodic captures, a pattern that fails" "$KSNAP" run --target "$fixture" "$tap_dir/periodic.lua"
like "$out" 'map1\[0\].n: converges_to: fail: no 3 in a row within 0 of -1 by \+800ms' "says which"
is "$(grep -c message: <<<"$out")" 1 "the others hold"
exits 0 "memory by symbol" "$KSNAP" run --target "$fixture" "$tap_dir/memory.lua"
exits 0 "straight-line code" "$KSNAP" run --target "$fixture" "$tap_dir/straight.lua" -- word
like "$out" $'# t0\t2\tword' "prints comments"
exits 1 "several, one failing" "$KSNAP" run --target "$fixture" "$tap_dir/walk.lua" "$tap_dir/fails.lua"
like "$out" '1\.\.2' "has a plan of two"
like "$out" $'\nok 1 - walk a report\n.*\nnot ok 2 - it fails' "numbers them"

ok "a broker starts" serve_start broker --target "$fixture"
exits 0 "walking with a broker" "$KSNAP" run "$tap_dir/walk.lua"
exits 0 "the snapshots stay" "$KSNAP" show before

# plain_lua: the same module without the host; a sanitizer's runtime cannot be loaded late.
plain_lua() {
	exits 0 "require from plain lua5.4" env "LUA_CPATH=$KSNAP_TOP_BUILDDIR/.libs/?.so" "$LUA" -e '
		local ksnap = require "ksnap"
		local bridge <close> = assert(ksnap.connect())
		assert(bridge:capture_snapshot "plain":map "map1":at(9):get "n":u64())
		print(bridge:get("plain").tag)'
	is "$out" plain "reads a report"
}
if [ "${SANITIZER:-no}" = no ]; then
	plain_lua
fi
serve_stop
unset KSNAP_ENDPOINT
exits 5 "no broker at the endpoint" "$KSNAP" run --endpoint "ipc://$tap_dir/nobody" "$tap_dir/walk.lua"

# ---- scenarios within scenarios --------------------------------------------------------------

scenario nested <<'END'
local function inner(name, fails, deeper)
	return ksnap.scenario { name = name, step { "look", function(run) if deeper then assert(#deeper:run(run.bridge) == 0) end end },
		check = function() ksnap.assert(not fails, "on purpose") end }
end
local empty = ksnap.scenario { name = "empty" }
return ksnap.scenario { name = "outer",
	step { "good", function(run) assert(#inner("one", false, inner("two")):run(run.bridge) == 0) end },
	step { "bad", function(run) assert(#inner("three", true):run(run.bridge) == 1) assert(#empty:run(run.bridge) == 0) end },
	step { "beside", function(run)
		local other <close> = ksnap.connect()
		local task = ksnap.spawn(function() return inner("four"):run(other) end)
		assert(#inner("five"):run(run.bridge) == 0 and #task:wait() == 0)
	end } }
END
exits 0 "scenarios within a scenario" "$KSNAP" run --target "$fixture" --json "$tap_dir/nested.json" \
	--junit "$tap_dir/nested.xml" "$tap_dir/nested.lua"
like "$out" '^TAP version 14
1\.\.1
# Subtest: outer
    # Subtest: one
        # Subtest: two
            ok 1 - step 1, look
            ok 2 - check
            1\.\.2
        ok 1 - two
        ok 2 - step 1, look
        ok 3 - check
        1\.\.3
    ok 1 - one
    ok 2 - step 1, good
    # Subtest: three
        ok 1 - step 1, look
        not ok 2 - check # TODO [a-z ]+
        1\.\.2
    not ok 3 - three # TODO [a-z ]+
    ok 4 - empty
    ok 5 - step 2, bad
' "are subtests within its own"
like "$out" '    ok 1 - step 1, look
        ok 2 - check
        1\.\.2
    ok 6 - (four|five)
    # Subtest: (four|five)
        ok 1 - step 1, look' "each whole, those beside each other too"
like "$(cat "$tap_dir/nested.json")" '"name":"three","ok":false,"points":\[\{[^]]*"name":"check","ok":false' "points with points in JSON"
like "$(cat "$tap_dir/nested.xml")" '"1\.1\.2 - check" value="ok .*"3 - three" value="not ok .*"3\.2 - check" value="not ok ' \
	"and numbered in JUnit"

# ---- what it leaves behind -------------------------------------------------------------------

# Programs that go on in a session of their own, whose parent is gone, end with the scenario, however it ends.
cat >"$tap_dir/strayed.sh" <<'END'
setsid sh -c 'echo $$ >>"$0.pids"; setsid sleep 3600 & echo $! >>"$0.pids"; kill -STOP $$' "$1" &
while [ "$(wc -l <"$1.pids")" != 2 ]; do :; done 2>/dev/null
END
scenario leaves <<END
return ksnap.scenario { name = "leaves", step { op.spawn { "sh", "$tap_dir/strayed.sh", "$tap_dir/leaves" }, op.wait "sh" } }
END
scenario hangs <<END
return ksnap.scenario { name = "hangs", step { op.spawn { "sh", "$tap_dir/strayed.sh", "$tap_dir/hangs" }, op.wait "sh",
	function() (("a"):rep(30)):find(("a?"):rep(30) .. ("a"):rep(30)) end } }
END
# are_gone NAME: what strayed.sh started, which is two processes.
are_gone() {
	local pid n=0
	while read -r pid; do
		kill -KILL "$pid" 2>/dev/null || n=$((n + 1))
	done <"$tap_dir/$1.pids"
	[ "$n" = 2 ]
}
exits 0 "a scenario with programs that go on" "$KSNAP" run --target "$fixture" "$tap_dir/leaves.lua"
ok "they end with it" are_gone leaves
exits 124 "one that is killed" "$KSNAP" run --target "$fixture" --deadline 3000 --grace 100 "$tap_dir/hangs.lua"
ok "they end with it" are_gone hangs

# ---- this kernel -----------------------------------------------------------------------------

live_example() {
	export KSNAP_OBJECT_PATH=$KSNAP_TOP_BUILDDIR/lua/examples
	exits 0 "the first example" "$KSNAP" run "$examples/first_capture.lua"
	like "$out" 'TASK +PID +RAN MS +SWITCHES' "prints a table"
	like "$out" '# [0-9]+ context switches' "counts switches"

	# An object that was not detached would keep its name in a broker that lives on.
	scenario breaks <<'END'
return ksnap.scenario { name = "breaks", setup = op.attach_object "sched_probe.bpf.o",
	step { function() error "on purpose" end } }
END
	ok "a live broker starts" serve_start live --target live
	exits 2 "a scenario that breaks off" "$KSNAP" run "$tap_dir/breaks.lua"
	like "$out" 'on purpose' "says why"
	unlike "$out" 'phase: "teardown"' "tears down"
	exits 0 "its object is gone" "$KSNAP" run "$examples/first_capture.lua"
	serve_stop
	unset KSNAP_ENDPOINT
}

if [ "$(id -u)" = 0 ] && [ -r /sys/kernel/btf/vmlinux ] && [ -n "$(ls "$KSNAP_TOP_BUILDDIR"/lua/examples/*.bpf.o)" ]; then
	live_example
elif [[ ,${KSNAP_TEST_REQUIRE:-}, == *,bpf,* ]]; then
	tap_line 1 "bpf is required here: root and /sys/kernel/btf/vmlinux are not there"
else
	skip "the first example" "needs root and a kernel with BTF"
fi

finish
