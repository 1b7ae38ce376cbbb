#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Scenarios with programs and cgroups of their own, on the real hierarchy: what they made, moved, froze
# and started is gone afterwards, however they ended.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
. "$KSNAP_TOP_SRCDIR/tests/system/groups.sh"

group_begin lua 6

# ---- all of it goes well ---------------------------------------------------------------------------

scenario flow <<'END'
local function procs(run, cgroup) return assert(run.bridge:capture_cgroup_procs { "p", cgroup = cgroup }).pids end
return ksnap.scenario {
	name = "programs in cgroups",
	setup = { op.add_cgroup(top .. "/load"), op.add_cgroup(top .. "/deep/er") },
	step { "start", op.spawn { "sleep", s .. "1", name = "load", cgroup = top .. "/load" },
		op.spawn { "sleep", s .. "1", name = "other" } },
	step { "look", function(run)
		local pids = procs(run, top .. "/load")
		assert(#pids == 1 and pids[1] == run.bridge.children.load.handle:pid())
		assert(#procs(run, top .. "/deep/er") == 0)
	end },
	step { "move", op.move { "other", to = top .. "/load" }, function(run)
		assert(#procs(run, top .. "/load") == 2)
		assert(run.bridge:move({ from = top .. "/load", to = top .. "/deep/er" }).moved == 2)
		assert(#procs(run, top .. "/load") == 0 and #procs(run, top .. "/deep/er") == 2)
	end },
	step { "freeze", op.freeze(top .. "/deep/er"), op.thaw(top .. "/deep/er"), op.freeze(top .. "/deep") },
	step { "remove", op.remove_cgroup(top .. "/load"), function(run)
		local r, err = run.bridge:remove_cgroup(top .. "/deep")
		assert(r == nil and err.code == "E_STATE", tostring(err))
	end },
	step { "again", op.add_cgroup(top .. "/load"), op.spawn { "sleep", s .. "1", name = "last", cgroup = top .. "/load" },
		op.remove_cgroup(top .. "/load"), function(run) assert(run.bridge.children.last == nil) end },
}
END
exits 0 "programs in cgroups" "$KSNAP" run "$tap_dir/flow.lua"
nothing_left "sleep ${s}1"

# ---- it breaks off, with frozen tasks --------------------------------------------------------------

scenario breaks <<'END'
return ksnap.scenario {
	name = "breaks off",
	setup = op.add_cgroup(top .. "/load"),
	step { op.spawn { "sh", "-c", "sleep " .. s .. "2 & sleep " .. s .. "2", cgroup = top .. "/load" }, op.freeze(top .. "/load"),
		function() error "on purpose" end },
}
END
exits 2 "a scenario that breaks off" "$KSNAP" run "$tap_dir/breaks.lua"
like "$out" 'on purpose' "says why"
unlike "$out" 'phase: "teardown"' "tears down"
nothing_left "sleep ${s}2"

# ---- what is not its own ---------------------------------------------------------------------------

sleep "${s}3" &
foreign=$!
mkdir "$root/$group/theirs"
echo $foreign >"$root/$group/theirs/cgroup.procs"
scenario foreign <<END
return ksnap.scenario { name = "not its own", safe = SAFE, setup = op.add_cgroup(top .. "/mine"),
	step { op.move { pid = $foreign, to = top .. "/mine" }, op.add_cgroup(top .. "/next"),
		op.move { pid = $foreign, to = top .. "/next" }, op.move { from = top .. "/next", to = top .. "/mine" } },
	check = function(run)
		assert(run.bridge:capture_cgroup_procs({ "p", cgroup = top .. "/mine" }).pids[1] == $foreign)
		local r, err = run.bridge:remove_cgroup(top .. "/mine")
		assert(r == nil and tostring(err):find "still has 1 process that this scenario did not start: $foreign", tostring(err))
	end }
END
sed s/SAFE/true/ "$tap_dir/foreign.lua" >"$tap_dir/safe.lua"
sed s/SAFE/false/ "$tap_dir/foreign.lua" >"$tap_dir/unsafe.lua"
exits 1 "a process of somebody else" "$KSNAP" run "$tap_dir/safe.lua"
like "$out" "process $foreign is not this scenario's own: to change that takes safe = false, in ksnap.scenario" "is not moved"
exits 0 "unless it says so" "$KSNAP" run "$tap_dir/unsafe.lua"
is "$(cat "$root/$group/theirs/cgroup.procs")" $foreign "then it is put back"
kill $foreign
wait $foreign 2>/dev/null
rmdir "$root/$group/theirs"
nothing_left "sleep ${s}3"

# ---- controllers -----------------------------------------------------------------------------------

scenario limits <<'END'
return ksnap.scenario { name = "limits", setup = op.add_cgroup(top .. "/small"),
	step { op.memory_max { top .. "/small", bytes = 1 << 24 } } }
END
if grep -qw memory "$root/cgroup.controllers"; then
	exits 0 "memory.max" "$KSNAP" run "$tap_dir/limits.lua"
else
	exits 1 "memory.max where v2 has no memory controller" "$KSNAP" run "$tap_dir/limits.lua"
	like "$out" "the controller memory is not in the v2 hierarchy at $root, which has" "says so"
	like "$out" 'cgroup_no_v1=memory|may be built without it' "and what would help"
fi
nothing_left "sleep ${s}4"

# ---- the broker goes away ------------------------------------------------------------------------------

scenario lost <<'END'
return ksnap.scenario { name = "the broker is lost", setup = op.add_cgroup(top .. "/lost"),
	step { op.spawn { "sleep", s .. "6", cgroup = top .. "/lost" }, op.freeze(top .. "/lost"), op.log "ready" },
	loop { every = "1ms", times = 1000000, function() return op.list() end } }
END
ok "a broker starts" serve_start broker --target live
exec {tape}< <(exec "$KSNAP" run "$tap_dir/lost.lua")
executor=$!
ok "a scenario runs" await_line $tape '# ready' "$tap_dir/lost.tape"
kill -KILL "$serve_pid"
wait "$serve_pid" 2>/dev/null
unset "serve_pids[$serve_pid]" KSNAP_ENDPOINT
wait $executor
is $? 5 "it says that nobody answers"
cat <&$tape >>"$tap_dir/lost.tape"
exec {tape}<&-
like "$(cat "$tap_dir/lost.tape")" 'code: E_UNREACHABLE' "and why"
nothing_left "sleep ${s}6"

# ---- the executor is told to end -----------------------------------------------------------------------

scenario told <<'END'
return ksnap.scenario { name = "told to end", setup = op.add_cgroup(top .. "/told"),
	step { op.spawn { "sleep", s .. "7", cgroup = top .. "/told" }, op.freeze(top .. "/told"), op.log "ready" },
	step { op.wait "sleep" }, teardown = op.log "torn down" }
END
exec {tape}< <(exec "$KSNAP" run "$tap_dir/told.lua")
executor=$!
ok "a scenario waits for its program" await_line $tape '# ready' "$tap_dir/told.tape"
kill -TERM $executor
wait $executor
cat <&$tape >>"$tap_dir/told.tape"
exec {tape}<&-
like "$(cat "$tap_dir/told.tape")" 'stopped by signal 15' "it says what ended it"
like "$(cat "$tap_dir/told.tape")" '# torn down' "and tears down"
nothing_left "sleep ${s}7"

# ---- the executor is killed ------------------------------------------------------------------------

scenario killed <<'END'
return ksnap.scenario { name = "killed", step { op.spawn { "sleep", s .. "5" }, function(run)
	print("started " .. run.bridge.children.sleep.handle:pid())
	ksnap.sleep "10m"
end } }
END
exec {tape}< <(exec "$KSNAP" run "$tap_dir/killed.lua")
executor=$!
ok "a program is started" await_line $tape 'started [0-9]+' "$tap_dir/tape"
child=$(sed -n 's,.*started ,,p' "$tap_dir/tape")
kill -KILL $executor
while grep -sq '^State:.[^Z]' "/proc/$child/status"; do :; done
ok "it ends with its executor" true
exec {tape}<&-
nothing_left "sleep ${s}5"

finish
