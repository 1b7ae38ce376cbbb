#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The third signal kills: whatever the script is at, ksnap run ends, undoes in its place what it made of cgroups, and
# says what that is, what the broker undoes, and what nobody does. Nothing it started outlives it.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
. "$KSNAP_TOP_SRCDIR/tests/system/groups.sh"
need_python

[ "$(id -u)" = 0 ] && [ -r /sys/kernel/btf/vmlinux ] || require bpf 'needs root and a kernel with BTF'
group_begin signals 9
export KSNAP_OBJECT_PATH=$KSNAP_TOP_BUILDDIR/lua/examples
export TMPDIR=$tap_dir # where ksnap run has the sockets of its own broker

# press SIGNAL: send it again and again until it has ended. Those that come within 200 ms are one, so a tenth or
# so is the second, and soon after that comes the third.
press() {
	local line r=0
	while [ $r = 0 ] || [ $r -gt 128 ]; do # 1: its output has ended
		kill -"$1" "$executor" 2>/dev/null # it may just have ended
		line=
		IFS= read -r -t 0.02 -u "$tape" line
		r=$?
		if [ $r = 0 ]; then printf '%s\n' "$line"; else printf %s "$line"; fi >>"$tap_dir/tape"
	done
}

# says WORDS NAME: both on stderr and in what is told of the test.
says() {
	like "$(grep '^ksnap: ' <<<"$out")" "$1" "$2, on stderr"
	like "$(grep -v '^ksnap: ' <<<"$out")" "message: \"[^\"]*$1" "$2, in the test"
}

# What no hook sees the inside of.
endless='(("a"):rep(40)):find(("a?"):rep(40) .. ("a"):rep(40))'

# ---- a script that does not hear the first ---------------------------------------------------------------

sleep "${s}8" &
foreign=$!
mkdir "$root/$group/theirs"
echo "$foreign" >"$root/$group/theirs/cgroup.procs"
scenario deaf <<END
return ksnap.scenario { name = "deaf", safe = false,
	setup = { op.add_cgroup(top .. "/a/in"), op.move { pid = $foreign, to = top .. "/a" } },
	step { op.spawn { "sleep", s .. "1", cgroup = top .. "/a/in" }, op.spawn { "setsid", "sleep", s .. "2", name = "afar" },
		op.freeze(top .. "/a/in"), op.log "ready" },
	step { function() $endless end }, teardown = op.log "torn down" }
END
gone() { # gone NAME
	is "$(cat "$root/$group/theirs/cgroup.procs")" "$foreign" "$1: who was moved is back"
	is "$(find "$root/$group" -mindepth 1 -type d)" "$root/$group/theirs" "$1: its cgroups are gone"
	is "$(pgrep -f "^sleep ${s}[12]\$")" '' "$1: its programs are gone, that in a session of its own, too"
	is "$(find "$tap_dir" -name 'ksnap-run-*')" '' "$1: so are the sockets of its broker"
}

begin deaf --grace 3600000
press TERM
end 143 'three signals end a script that hears none'
says 'killed by the third signal, 15; undone in its place \(3\): ' 'it was the third'
says "; undone in its place \(3\): move process $foreign back to cgroup /$group/theirs, remove cgroup /$group/a/in, remove cgroup /$group/a; undone by the broker, as the session ends \(1\): thaw /$group/a/in" \
	'what is undone in its place'
unlike "$out" 'torn down|left for you' 'nothing is left, and there was no teardown'
gone deaf

# What somebody else put there meanwhile stays, and is told.
begin deaf --grace 3600000
mkdir "$root/$group/a/in/more"
press INT
end 130 'three signals, somebody else has a cgroup in its own'
says "killed by the third signal, 2; undone in its place \(1\): move process $foreign back to cgroup /$group/theirs; " 'what could be undone'
says "; left for you to undo \(2\): remove cgroup /$group/a/in: Device or resource busy, remove cgroup /$group/a: Device or resource busy" \
	'what is left'
is "$(pgrep -f "^sleep ${s}[12]\$")" '' 'its programs are gone all the same'
rmdir "$root/$group/a/in/more" "$root/$group/a/in" "$root/$group/a"
gone 'what was left'

# ---- several at a time, and one that has not begun -----------------------------------------------------------

kill "$foreign"
wait "$foreign" 2>/dev/null
rmdir "$root/$group/theirs"
for name in left right; do
	scenario $name <<END
return ksnap.scenario { name = "$name", setup = op.add_cgroup(top .. "/$name"),
	step { op.spawn { "sleep", s .. "3", cgroup = top .. "/$name" }, function(run)
		repeat -- until the other one is as far
			local both = true
			for _, name in ipairs { "/left", "/right" } do
				local r = run.bridge:capture_cgroup_procs { "procs", cgroup = top .. name }
				both = both and r and #r.pids == 1
			end
		until both
	end, op.log "ready" }, step { hold = "30m" }, teardown = function() $endless end }
END
done
scenario late <<'END'
return ksnap.scenario { name = "late", step { op.log "late began" } }
END
begin left --jobs 2 --grace 3600000 "$tap_dir/right.lua" "$tap_dir/late.lua" --junit "$tap_dir/junit" --json "$tap_dir/results"
press HUP
end 129 'three signals end all that run'
for name in left right; do
	says "killed by the third signal, 1; undone in its place \(1\): remove cgroup /$group/$name" "$name"
done
unlike "$out" 'late began' 'the next one does not begin'
nothing_left "sleep ${s}3" 'both'
is "$(json '[(t["ok"], any("killed by the third signal" in f["message"] for f in t["failures"])) for t in d["tests"]][:2]' <"$tap_dir/results")" \
	'[(False, True), (False, True)]' 'the JSON is written, and says so'
is "$(grep -c 'killed by the third signal' "$tap_dir/junit")" 2 'so does the JUnit'

# ---- a teardown that does not end, at a broker that stays ------------------------------------------------------

scenario stays <<END
return ksnap.scenario { name = "stays", setup = op.add_cgroup(top .. "/held"),
	step { op.spawn { "sleep", s .. "4", cgroup = top .. "/held" }, op.attach_object "sched_probe.bpf.o",
		op.watch_snapshot { "map0", target = "fixture:maps=1,entries=1" }, op.freeze(top .. "/held"), op.log "ready" },
	step { hold = "30m" }, teardown = { op.log "torn down", function() $endless end } }
END
scenario takes <<'END'
return ksnap.scenario { name = "takes", step { op.attach_object "sched_probe.bpf.o" } }
END
ok 'a broker starts' serve_start b --target live --target fixture:maps=1,entries=1 || exit 1
begin stays --grace 3600000
kill -INT "$executor"
ok 'the first signal begins its teardown' await_line "$tape" '# torn down' "$tap_dir/tape"
press INT
end 130 'three signals end a teardown that does not'
says "killed by the third signal, 2; undone in its place \(1\): remove cgroup /$group/held; undone by the broker, as the session ends \(3\): thaw /$group/held, unwatch [0-9]+, detach_object" \
	'who undoes what'
nothing_left "sleep ${s}4" 'at a broker'
ok 'the broker undoes what it has to' is_released
exits 0 "the object's name is free" "$KSNAP" run "$tap_dir/takes.lua"

finish
