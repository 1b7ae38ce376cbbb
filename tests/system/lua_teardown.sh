#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The teardown comes always, ends in time, and says what is left to whom: with workers that do not answer, with
# signals that come once and twice (lua_signals.sh has the third), and with a script that nothing but SIGKILL ends.
. "${KSNAP_TOP_SRCDIR:-.}/tests/system/tap.sh"
. "$KSNAP_TOP_SRCDIR/tests/system/groups.sh"
need_python

[ "$(id -u)" = 0 ] && [ -r /sys/kernel/btf/vmlinux ] || require bpf 'needs root and a kernel with BTF'
group_begin end 7
stopped=()
remove_group() {
	[ ${#stopped[@]} = 0 ] || kill -CONT "${stopped[@]}" 2>/dev/null
	group_end
}
trap remove_group EXIT
export KSNAP_OBJECT_PATH=$KSNAP_TOP_BUILDDIR/lua/examples

# again SIGNAL: one more, which counts: those that come closer together than 200 ms are taken for one.
again() {
	sleep 0.3
	kill -"$1" "$executor"
}

# ---- workers that do not answer --------------------------------------------------------------------

scenario holds <<'END'
return ksnap.scenario { name = "holds", setup = op.add_cgroup(top .. "/held"),
	step { op.spawn { "sleep", s .. "1", cgroup = top .. "/held" }, op.attach_object "sched_probe.bpf.o",
		op.watch_snapshot { "map0", target = "fixture:maps=1,entries=1" }, op.freeze(top .. "/held"), op.log "ready" },
	step { hold = "30m" }, teardown = op.log "torn down" }
END
scenario takes <<'END'
return ksnap.scenario { name = "takes", step { op.attach_object "sched_probe.bpf.o" } }
END
left_to_the_broker() { # left_to_the_broker NAME UNDO...
	local name=$1 undo
	shift
	like "$out" '# torn down' "$name: its own teardown comes"
	for undo in "$@"; do
		like "$out" "message: \"$undo.*: .* was broken off before its answer came; the broker undoes it, as this session ends" \
			"$name: $undo is said to be left to the broker"
	done
	unlike "$out" 'remove cgroup|end child' "$name: what needs no worker is undone"
	nothing_left "sleep ${s}1" "$name"
}
undone_by_the_broker() {
	go_on
	ok "$1: the broker undoes what was left" is_released
	exits 0 "$1: the object's name is free" "$KSNAP" run "$tap_dir/takes.lua"
}

ok 'a broker starts' serve_start b --target live --target fixture:maps=1,entries=1 || exit 1
begin holds --grace 3000
stop_workers
kill -INT "$executor"
end 130 'a signal ends it though no worker answers'
like "$out" 'message: "stopped by signal 2 \(Interrupt\)"' 'it says which'
left_to_the_broker once "thaw /$group/held" unwatch detach_object
undone_by_the_broker 'once'

begin holds --deadline 3600000 --grace 3600000
stop_workers
kill -INT "$executor"
ok 'its teardown begins' await_line "$tape" '# torn down' "$tap_dir/tape"
again INT
end 130 'a second signal ends it at once'
left_to_the_broker twice "thaw /$group/held" unwatch detach_object
undone_by_the_broker 'twice'

# The worker that is asked last is lost by then, and its watch with it.
begin holds --deadline 4000 --grace 3000
stop_workers
end 124 'a deadline ends it though no worker answers'
left_to_the_broker deadline "thaw /$group/held" detach_object
undone_by_the_broker 'deadline'

# ---- commands that hold something -----------------------------------------------------------------------

# holds_on WORDS COMMAND...: it says so. Sets $executor.
holds_on() {
	local words=$1
	shift
	rm -f "$tap_dir/tape"
	exec {tape}< <(exec "$KSNAP" "$@" 2>&1)
	executor=$!
	ok "$1: it begins" await_line "$tape" "$words" "$tap_dir/tape"
}
told_who() { # told_who NAME UNDO WHY
	like "$out" "E_[A-Z]+: $2: .*$3; the broker undoes it, as this session ends: now" "$1: says who undoes it"
	go_on
	ok "$1: the broker undoes it" is_released
}
broken_off='was broken off before its answer came'
mkdir "$root/$group/cold"
holds_on 'is frozen' freeze "/$group/cold"
stop_workers
kill -INT "$executor"
again INT
end 1 'ksnap freeze: a second signal ends it'
told_who freeze "thaw /$group/cold" "$broken_off"
is "$(cat "$root/$group/cold/cgroup.freeze")" 0 'freeze: it is thawed'
rmdir "$root/$group/cold"

holds_on 'is attached' attach "$KSNAP_OBJECT_PATH/sched_probe.bpf.o" --timeout 1500
stop_workers
kill -INT "$executor"
end 124 'ksnap attach: it waits for as long as --timeout says'
told_who attach 'detach sched_probe' 'was not done within 1500 ms.*'
exits 0 "attach: the object's name is free" "$KSNAP" run "$tap_dir/takes.lua"

holds_on 'ends with this command' watch map0 --target fixture:maps=1,entries=1
stop_workers
kill -INT "$executor"
again INT
end 1 'ksnap watch: a second signal ends it'
told_who watch 'unwatch [0-9]+' "$broken_off"

# ---- a broker that is gone ---------------------------------------------------------------------------

begin holds --grace 3000
kill -KILL "$serve_pid"
wait "$serve_pid" 2>/dev/null
unset "serve_pids[$serve_pid]"
kill -INT "$executor"
end 130 'a signal ends it though the broker is gone'
like "$out" "message: \"thaw /$group/held: (no broker answers|the connection to) .*; its worker undoes it, which has no broker" 'it says who thaws'
nothing_left "sleep ${s}1" 'without a broker'
unset KSNAP_ENDPOINT

# ---- scripts that have to be killed --------------------------------------------------------------------

sleep "${s}3" &
foreign=$!
mkdir "$root/$group/theirs"
echo "$foreign" >"$root/$group/theirs/cgroup.procs"
scenario stuck <<END
return ksnap.scenario { name = "stuck", safe = false, setup = { op.add_cgroup(top .. "/a/b"), op.move { pid = $foreign, to = top .. "/a" } },
	step { op.spawn { "sleep", s .. "2", cgroup = top .. "/a/b" }, op.freeze(top .. "/a/b"), op.log "ready" },
	step { function() (("a"):rep(40)):find(("a?"):rep(40) .. ("a"):rep(40)) end } }
END
undone_in_its_place() {
	like "$out" "; undone in its place \\(3\\): move process $foreign back to cgroup /$group/theirs, remove cgroup /$group/a/b, remove cgroup /$group/a; undone by the broker, as the session ends \\(1\\): thaw /$group/a/b\"" \
		"$1: it says what is undone in its place"
	is "$(cat "$root/$group/theirs/cgroup.procs")" "$foreign" "$1: who was moved is back"
	is "$(find "$root/$group" -mindepth 1 -type d)" "$root/$group/theirs" "$1: its cgroups are gone"
	is "$(pgrep -f "^sleep ${s}2\$")" '' "$1: its program is gone"
}
begin stuck --deadline 500 --grace 100
end 124 'a script that does not end is killed'
like "$out" 'killed: it did not end within its deadline of 500 ms and 100 ms more' 'it says so'
undone_in_its_place 'killed'

begin stuck --grace 3600000
kill -TERM "$executor"
again TERM
end 143 'after a second signal it is killed, too'
like "$out" 'killed: it did not end within 1000 ms of signal 15' 'it says so'
undone_in_its_place 'twice'

# What somebody else put there stays, and is told.
mkdir_theirs() {
	mkdir "$root/$group/a/b/theirs"
}
begin stuck --deadline 500 --grace 100
mkdir_theirs
end 124 'a script that is killed, somebody else has a cgroup in its own'
like "$out" "; left for you to undo \\(2\\): remove cgroup /$group/a/b: Device or resource busy, remove cgroup /$group/a: " 'it says what is left'
rmdir "$root/$group/a/b/theirs" "$root/$group/a/b" "$root/$group/a"
kill "$foreign"
wait "$foreign" 2>/dev/null
rmdir "$root/$group/theirs"

scenario hides <<'END'
return ksnap.scenario { name = "hides", step { op.add_cgroup(top .. "/hidden"), function(run) run.bridge.undo_list[1] = nil end } }
END
exits 0 'a script that hides what is to be undone' "$KSNAP" run --target fixture "$tap_dir/hides.lua"
like "$err" "it ended without its teardown; undone in its place \(1\): remove cgroup /$group/hidden" 'it is undone all the same'
nothing_left "sleep ${s}3" 'hidden'

# Straight-line code has no teardown of its own.
scenario straight <<'END'
local bridge = assert(ksnap.connect())
do
	local other <close> = assert(ksnap.connect())
	assert(other:add_cgroup(top .. "/straight") and other:spawn { "sleep", s .. "5", cgroup = top .. "/straight" })
	assert(other:watch_snapshot "map0")
end
assert(bridge:add_cgroup(top .. "/more") and bridge:watch_snapshot "map0")
if arg[1] then error(arg[1]) end
END
exits 0 'straight-line code' "$KSNAP" run --target fixture "$tap_dir/straight.lua"
is "$err" '' 'undoes in silence'
nothing_left "sleep ${s}5" 'straight-line code'
exits 2 'straight-line code that breaks off' "$KSNAP" run --target fixture "$tap_dir/straight.lua" -- 'on purpose'
unlike "$out$err" 'teardown|in its place' 'undoes too'
nothing_left "sleep ${s}5" 'what breaks off'

# ---- lines typed by a person -----------------------------------------------------------------------------

mkfifo "$tap_dir/typed"
exec {tape}< <(exec "$KSNAP" repl --target fixture <"$tap_dir/typed" 2>&1)
executor=$!
exec {keys}>"$tap_dir/typed"
echo "op.add_cgroup '/$group/typed', 'ready'" >&$keys
ok 'repl: a cgroup is made' await_line "$tape" 'ready' "$tap_dir/tape"
is "$(find "$root/$group" -mindepth 1 -type d)" "$root/$group/typed" 'repl: it is there'
kill -TERM "$executor"
end 143 'repl: SIGTERM ends it'
exec {keys}>&-
nothing_left "sleep ${s}3" 'repl'

# ---- signals -------------------------------------------------------------------------------------------

# What a service manager does: every process gets one, and hands its own on.
scenario told <<'END'
return ksnap.scenario { name = "told", setup = op.add_cgroup(top .. "/told"), step { op.spawn { "sleep", s .. "4", cgroup = top .. "/told" }, op.log "ready" },
	step { hold = "30m" }, teardown = { op.call(function() ksnap.sleep "20ms" end), op.log "torn down" } }
END
begin told --target fixture --grace 60000
trial=$(pgrep -P "$executor")
kill -TERM "$executor" "$trial" $(pgrep -P "$trial")
end 143 'a signal to each of its processes ends it'
like "$out" '# torn down.* ok [0-9]+ - teardown' 'one that comes several times is one'
nothing_left "sleep ${s}4" 'a signal to all'

# A scenario that ran within another one is no reason to outlive a signal.
scenario outer <<'END'
local inner = ksnap.scenario { name = "inner", step { op.log "within" }, teardown = op.log "inner torn down" }
return ksnap.scenario { name = "outer", step { function(run) assert(#inner:run(run.bridge) == 0) end, op.log "ready" },
	step { hold = "30m" }, teardown = op.log "torn down" }
END
begin outer --target fixture --grace 60000
kill -TERM "$executor"
end 143 'a signal ends it after a scenario within it'
like "$out" '# torn down' 'with its teardown'
like "$out" 'message: "stopped by signal 15' 'it says what ended it'

finish
