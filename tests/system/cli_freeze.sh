# SPDX-License-Identifier: MIT
# ksnap freeze and thaw, with a real process that spins: it stands still, goes on, and goes on too
# when a worker, the broker or the executor is killed. Nothing waits but on events.
#
# In a pid namespace of its own: what is killed here is left frozen for this test's workers to find. Those
# of tests that run at the same time cannot see that its ksnap is dead, and leave it alone.
if [ -z "${KSNAP_TEST_APART:-}" ] && unshare -pf --mount-proc true 2>/dev/null; then
	exec unshare -pf --mount-proc --kill-child=TERM env KSNAP_TEST_APART=$$ bash "$0"
fi
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python

root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
group=ksnap-freeze-${KSNAP_TEST_APART:-$$}
[ -n "$root" ] && mkdir "$root/$group" 2>/dev/null && [ -f "$root/$group/cgroup.freeze" ] ||
	require cgroup2 'no cgroup v2 with a freezer to make a group in'
remove_group() {
	echo 0 >"$root/$group/cgroup.freeze"
	kill "$spinner" 2>/dev/null
	wait "$spinner" 2>/dev/null
	rmdir "$root/$group/inner" "$root/$group-unit" 2>/dev/null
	rmdir "$root/$group"
	tap_clean
}
trap remove_group EXIT

# Counts in memory that this script can read through a file.
"$PYTHON3" -c 'import mmap, sys
f = open(sys.argv[1], "w+b")
f.truncate(8)
m = mmap.mmap(f.fileno(), 8)
n = 0
while True:
    n += 1
    m[:] = n.to_bytes(8, "little")' "$tap_dir/count" &
spinner=$!
echo "$spinner" >"$root/$group/cgroup.procs"

# ticks: does the counter move? It is asked twice with a system call between; until it moves, or
# 30 s are over. stands: it is the same after a while that this script spends working.
cat >"$tap_dir/look.py" <<'PY'
import os, select, sys, time
what, path = sys.argv[1:]
end = time.monotonic() + 30
def count():
    with open(path, "rb") as f:
        return f.read(8)
if what == "ticks":
    first = count()
    while count() == first:
        if time.monotonic() > end: sys.exit("it does not move")
        os.sched_yield()
elif what == "stands":
    first = count()
    for _ in range(2000):
        if count() != first: sys.exit("it moves")
        os.sched_yield()
else: # frozen 0, frozen 1
    fd = os.open(path, os.O_RDONLY)
    poll = select.poll()
    poll.register(fd, select.POLLPRI)
    while what not in os.pread(fd, 4096, 0).decode():
        left = end - time.monotonic()
        if left <= 0: sys.exit("not " + what)
        poll.poll(left * 1000)
PY
look() {
	"$PYTHON3" "$tap_dir/look.py" "$1" "${2:-$tap_dir/count}"
}
events=$root/$group/cgroup.events
until [ -s "$tap_dir/count" ]; do kill -0 "$spinner" || exit 99; done

# hold OPTION...: ksnap freeze in the background; waits until it says that it is frozen. Sets $holder.
hold() {
	rm -f "$tap_dir/said"
	mkfifo "$tap_dir/said"
	"$KSNAP" freeze "$@" >/dev/null 2>"$tap_dir/said" &
	holder=$!
	exec 8<"$tap_dir/said"
	await_line 8 'is frozen; it goes on' "$tap_dir/tape"
}

# ---- refusals --------------------------------------------------------------------------------------

serve_start b --target live || exit 1
exits 1 'a cgroup that is not there' "$KSNAP" freeze "/$group/nothing"
like "$err" 'no cgroup' 'is an error'
exits 2 'the root' "$KSNAP" freeze /
like "$err" 'holds everything' 'is refused'
exits 1 'a v1 cgroup' "$KSNAP" freeze "$(awk '$3 == "cgroup" { print $2; exit }' /proc/self/mounts)/a"
exits 2 'a path that climbs' "$KSNAP" freeze "/$group/.."
exits 1 'thaw of what nobody froze' "$KSNAP" thaw "/$group"
like "$err" 'no session of this broker' 'says so'
mkdir "$root/$group/inner"
echo $$ >"$root/$group/inner/cgroup.procs"
exits 1 'a cgroup that holds the one who asks' "$KSNAP" freeze "/$group"
like "$err" 'holds session ksnap \(process [0-9]+ [^ ]*ksnap, in /'"$group"'/inner\)' 'is refused, and says which process, and where'
echo "$serve_pid" >"$root/$group/inner/cgroup.procs"
echo $$ >"$root/cgroup.procs"
exits 1 'one that holds the broker' "$KSNAP" freeze "/$group/inner"
like "$err" "holds the broker \(process $serve_pid [^ ]*ksnap\)" 'is refused, and says which process'
echo "$serve_pid" >"$root/cgroup.procs"
rmdir "$root/$group/inner"
ok 'and all go on' look ticks

# ---- frozen, and thawed ----------------------------------------------------------------------------

ok 'freeze' hold "/$group"
ok 'it is frozen' grep -q 'frozen 1' "$events"
ok 'the process stands still' look stands
exits 1 'a second freeze' "$KSNAP" freeze "/$group"
like "$err" "is frozen already, by session ksnap \(process $holder\)" 'names the holder'
exits 1 'a second freeze, by another name' "$KSNAP" freeze "$root/$group"
like "$err" "is frozen already, by session ksnap \(process $holder\)" 'names the holder, too'
exits 1 'thaw by somebody else' "$KSNAP" thaw "/$group"
like "$err" "was frozen by another session called ksnap \(process $holder\), which must thaw it; force" 'is refused, and says by whom'
exits 0 'status' "$KSNAP" status -o json
like "$out" "\"frozen cgroup /$group\"" 'says who owns it'
exits 0 'a capture of what is frozen' "$KSNAP" capture t0 --map nothing --freeze "/$group"
ok 'leaves it frozen' look stands
kill -INT "$holder"
wait "$holder"
is $? 0 '^C ends it well'
ok 'it is thawed' look 'frozen 0' "$events"
ok 'the process goes on' look ticks

hold "/$group"
exits 0 'thaw by force' "$KSNAP" thaw "$root/$group" --force
ok 'thaws' look ticks
wait "$holder"
is $? 1 'and the holder ends by itself'
like "$(cat <&8)" "frozen cgroup /$group: nobody holds it any more" 'saying why'

# One below another.
mkdir "$root/$group/inner"
echo "$spinner" >"$root/$group/inner/cgroup.procs"
hold "/$group"
outer=$holder
exec 7<&8
hold "/$group/inner"
kill -INT "$holder"
wait "$holder"
like "$(cat <&8)" "/$group/inner is thawed, but stands still: /$group, above it, is frozen" 'what is frozen above is named'
ok 'it does stand still' look stands
hold "/$group/inner"
exits 0 'thaw by force below' "$KSNAP" thaw "/$group/inner" --force
like "$err" "/$group/inner is thawed, but stands still: /$group, above it" 'says it, too'
wait "$holder"
hold "/$group/inner"
kill -INT "$outer"
wait "$outer"
like "$(cat <&7)" "/$group goes on" 'the one above goes on'
ok 'what is frozen below does not' look stands
kill -INT "$holder"
wait "$holder"
like "$(cat <&8)" "/$group/inner goes on" 'until it is thawed'
ok 'and runs' look ticks
exec 7<&-
echo "$spinner" >"$root/$group/cgroup.procs"
rmdir "$root/$group/inner"

echo 1 >"$root/$group/cgroup.freeze"
exits 1 'a cgroup that somebody else froze' "$KSNAP" freeze "/$group"
like "$err" 'frozen already, and not by this worker' 'is refused'
ok 'and stays so' look 'frozen 1' "$events"
echo 0 >"$root/$group/cgroup.freeze"

# ---- captures --------------------------------------------------------------------------------------

exits 0 'a capture with freeze' "$KSNAP" capture t1 --map nothing --freeze "/$group"
"$KSNAP" show t1 -o json >"$tap_dir/report"
is "$(json 'd["consistency"]' <"$tap_dir/report")" cgroup_frozen 'says how consistent it is'
ok 'and goes on' look ticks

# ---- whoever is killed, it goes on -----------------------------------------------------------------

hold "/$group"
kill -KILL "$holder"
wait "$holder" 2>/dev/null
ok 'the executor killed: thawed' look 'frozen 0' "$events"
ok 'and runs' look ticks

hold "/$group"
worker=$("$KSNAP" status -o json | json 'd["workers"][0]["pid"]')
kill -KILL "$worker"
ok 'the worker killed: thawed' look 'frozen 0' "$events"
ok 'and runs' look ticks
wait "$holder"
is $? 1 'its holder ends by itself'
like "$(cat <&8)" "frozen cgroup /$group: nobody holds it any more" 'saying why'

exits 0 'another worker comes' "$KSNAP" capture t2 --map nothing
hold "/$group"
kill -KILL "$serve_pid"
wait "$serve_pid" 2>/dev/null
unset "serve_pids[$serve_pid]"
ok 'the broker killed: thawed' look 'frozen 0' "$events"
ok 'and runs' look ticks
wait "$holder"
is $? 5 'its holder says that the broker is gone'

# ---- removed, and made again -------------------------------------------------------------------------

serve_start c --target live
mkdir "$root/$group/inner"
hold "/$group/inner"
former=$holder
exec 7<&8
rmdir "$root/$group/inner"
mkdir "$root/$group/inner"
ok 'a cgroup made again under the path of a frozen one: freeze' hold "/$group/inner"
ok 'it is frozen' grep -q 'frozen 1' "$root/$group/inner/cgroup.events"
exits 1 'a second freeze of it' "$KSNAP" freeze "/$group/inner"
like "$err" "is frozen already, by session ksnap \(process $holder\)" 'names the holder'
kill -INT "$holder"
wait "$holder"
is $? 0 '^C ends it well'
ok 'it is thawed' look 'frozen 0' "$root/$group/inner/cgroup.events"
wait "$former"
is $? 1 'the holder of the former one ends by itself'
exec 7<&-
rmdir "$root/$group/inner"

# ---- the guard alone is killed -----------------------------------------------------------------------

# guards: the children of $worker that thaw.
guards() {
	pgrep -P "$worker" -x ksnap-thaw
}
# has_another GUARD: until there is one with another number.
has_another() {
	local until=$((SECONDS + 30))
	until [ -n "$(guards | grep -vx "$1")" ]; do
		[ $SECONDS -lt $until ] || return 1
	done
}

hold "/$group"
worker=$("$KSNAP" status -o json | json 'd["workers"][0]["pid"]')
guard=$(guards)
kill -KILL "$guard"
ok 'the guard killed: another one comes' has_another "$guard"
ok 'of the first nothing is left, no zombie either' test ! -e "/proc/$guard"
ok 'the cgroup is frozen' grep -q 'frozen 1' "$events"
kill -KILL "$worker"
ok 'and then the worker: thawed' look 'frozen 0' "$events"
ok 'and runs' look ticks
wait "$holder"
unlike "$(cat <&8)" 'may still be frozen' 'nobody says that it may be frozen'

# ---- broker, worker and guard are killed at once -----------------------------------------------------

mkdir "$root/$group-unit"
# kill_unit: what holds /$group is killed as systemd kills a service; no guard is left to thaw.
kill_unit() {
	local pid
	worker=$("$KSNAP" status -o json | json 'd["workers"][0]["pid"]')
	for pid in "$serve_pid" "$worker" $(guards); do echo "$pid" >"$root/$group-unit/cgroup.procs"; done
	echo 1 >"$root/$group-unit/cgroup.kill"
	look 'populated 0' "$root/$group-unit/cgroup.events"
	wait "$serve_pid" "$holder" 2>/dev/null
	unset "serve_pids[$serve_pid]"
}

exits 0 'another worker comes' "$KSNAP" capture t3 --map nothing
hold "/$group"
kill_unit
ok 'all killed at once: it stands still' look stands
like "$(cat <&8)" "it may still be frozen: 'ksnap thaw -f /$group' lets it go on" 'and the holder says so'
serve_start d --target live
ok 'a worker comes: thawed' look 'frozen 0' "$events"
ok 'and runs' look ticks
exits 0 'thaw by force' "$KSNAP" thaw -f "/$group"
like "$err" "/$group goes on" 'has been done'
exits 1 'once more' "$KSNAP" thaw -f "/$group"
like "$err" 'is not frozen by this worker' 'is an error'
# logged REGEX: until the log has it, which a process of its own writes.
logged() {
	local until=$((SECONDS + 30))
	until grep -qE "$1" "$serve_log"; do [ $SECONDS -lt $until ] || return 1; done
}
ok 'and is in the log of the worker' \
	logged "cgroup /$group goes on: session ksnap \(process [0-9]+\) had frozen it through a ksnap worker, process $worker, that was killed"

hold "/$group"
kill_unit
unset KSNAP_ENDPOINT
exits 0 'all killed at once: thaw by force without a broker' "$KSNAP" thaw -f "/$group"
like "$err" "/$group goes on" 'says so'
ok 'and it does' look ticks

# Thawed by hand: the mark goes, and who freezes it then is somebody else.
marked() {
	"$PYTHON3" -c 'import os, sys
sys.exit("trusted.ksnap.frozen" not in os.listxattr(sys.argv[1]))' "$root/$group/cgroup.freeze"
}
unmarked() {
	local until=$((SECONDS + 30))
	while marked; do [ $SECONDS -lt $until ] || return 1; done
}
serve_start h --target live
hold "/$group"
ok 'what is frozen has a mark' marked
kill_unit
ok 'all killed at once: it stays' marked
echo 0 >"$root/$group/cgroup.freeze"
ok 'thawed by hand: it stays' marked
serve_start h --target live
ok 'until a worker comes' unmarked
ok 'and runs' look ticks
hold "/$group"
kill_unit
echo 0 >"$root/$group/cgroup.freeze"
echo 1 >"$root/$group/cgroup.freeze"
serve_start h --target live
ok 'thawed by hand, and frozen by somebody else: a worker takes the mark away' unmarked
if grep -q frozen_usec "$root/$group/cgroup.stat.local" 2>/dev/null; then
	ok 'it stays frozen' look 'frozen 1' "$events"
	ok 'it stands still' look stands
	is "$(cat "$root/$group/cgroup.freeze")" 1 'as somebody else wants it'
	exits 1 'thaw by force of it' "$KSNAP" thaw -f "/$group"
	like "$err" 'is frozen, but not by ksnap' 'is refused'
fi
echo 0 >"$root/$group/cgroup.freeze"
serve_stop

# What another ksnap holds that lives, or somebody else, stays; the worker of f looked before.
serve_start f --target live
other=$KSNAP_ENDPOINT
exits 0 'another ksnap' "$KSNAP" capture t4 --map nothing
serve_start e --target live
holds=$serve_pid
hold "/$group"
exits 1 'freeze by another ksnap' "$KSNAP" freeze "/$group" -e "$other"
like "$err" "is frozen already, by session ksnap \(process $holder\) of another ksnap, whose worker is process [0-9]+ [^ ]+ and" 'is refused, and says by whom'
exits 1 'thaw by force by another ksnap' "$KSNAP" thaw -f "/$group" -e "$other"
like "$err" "is frozen already, by session ksnap \(process $holder\) of another ksnap" 'is refused, too'
serve_start g --target live
exits 0 'a worker that comes' "$KSNAP" capture t5 --map nothing
ok 'leaves it alone' look stands
serve_stop
export KSNAP_ENDPOINT=ipc://$tap_dir/e/control
serve_pid=$holds
kill_unit
ok 'all killed at once' look stands
KSNAP_ENDPOINT=$other
ok 'freeze what they left' hold "/$group"
kill -INT "$holder"
wait "$holder"
ok 'and it is thawed' look 'frozen 0' "$events"
ok 'and runs' look ticks
echo 1 >"$root/$group/cgroup.freeze"
exits 1 'thaw by force of what somebody else froze' "$KSNAP" thaw -f "/$group"
like "$err" 'is frozen, but not by ksnap' 'is refused'
serve_start g --target live
exits 0 'a worker that comes' "$KSNAP" capture t6 --map nothing
ok 'leaves it alone, too' look 'frozen 1' "$events"
ok 'and it stands still' look stands
serve_stop
echo 0 >"$root/$group/cgroup.freeze"

# ---- broker and worker within the command ------------------------------------------------------------

unset KSNAP_ENDPOINT
hold "/$group"
ok 'embedded: frozen' look stands
kill -KILL "$holder"
wait "$holder" 2>/dev/null
ok 'all in one killed: thawed' look 'frozen 0' "$events"
is "$(cat "$root/$group/cgroup.freeze")" 0 'as it was'
is "$(cat "$root/$group/cgroup.procs")" "$spinner" 'nobody else is in it'
finish
