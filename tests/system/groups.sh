# SPDX-License-Identifier: MIT
# groups.sh - sourced behind tap.sh by the tests of scenarios that make cgroups and start programs: a cgroup
# to do it in, a number for their programs, and whether all of it is gone.

# group_begin NAME DIGIT: make the cgroup $root/$group, or skip the whole test. Programs of the test sleep for
# ${s}N seconds, which no other test's do; the digit is the test's own.
group_begin() {
	root=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
	group=ksnap-$1-$$
	s=$2$$
	[ -n "$root" ] && mkdir "$root/$group" 2>/dev/null && [ -f "$root/$group/cgroup.freeze" ] ||
		require cgroup2 'no cgroup v2 with a freezer to make a group in'
	trap group_end EXIT
}

group_end() {
	rmdir "$root/$group/"* "$root/$group" 2>/dev/null
	tap_clean
}

scenario() { # scenario NAME: the script on stdin becomes the file $tap_dir/NAME.lua
	{
		echo 'local ksnap = require "ksnap"'
		echo 'local op, step, loop = ksnap.op, ksnap.step, ksnap.loop'
		echo "local top, s = '/$group', '$s'"
		cat
	} >"$tap_dir/$1.lua"
}

nothing_left() { # nothing_left PROGRAM [NAME]: no cgroup of ours, no such program that lives
	is "$(find "$root/$group" -mindepth 1 -type d)" '' "${2:-$1}: no cgroup is left"
	is "$(pgrep -f "^$1\$" | while read -r pid; do grep -s '^State:' "/proc/$pid/status" | grep -v Z; done)" '' \
		"${2:-$1}: no program is left"
}

# ---- a scenario that goes on beside the test -----------------------------------------------------------

# begin SCRIPT OPTION...: run it until it says ready. Sets $executor; its output goes on to $tape.
begin() {
	out=
	local script=$1
	shift
	rm -f "$tap_dir/tape"
	exec {tape}< <(exec "$KSNAP" run "$tap_dir/$script.lua" "$@" 2>&1)
	executor=$!
	ok "$script: it begins" await_line "$tape" '# ready' "$tap_dir/tape"
}

# end CODE NAME: it ends so. Sets $out.
end() {
	wait "$executor"
	is $? "$1" "$2"
	cat <&"$tape" >>"$tap_dir/tape"
	exec {tape}<&-
	out=$(cat "$tap_dir/tape")
}

# ---- workers of a broker of one's own --------------------------------------------------------------------

# stop_workers: they stand still until go_on. Sets $stopped.
stop_workers() {
	mapfile -t stopped < <("$KSNAP" status -o json | json '"\n".join(str(w["pid"]) for w in d["workers"])')
	kill -STOP "${stopped[@]}"
}

go_on() {
	kill -CONT "${stopped[@]}" 2>/dev/null # some may have been lost, and ended
	stopped=()
}

# is_released: until no session owns anything any more.
is_released() {
	local until=$((SECONDS + 60))
	while [ "$("$KSNAP" status -o json | json 'sum(len(s["owns"]) for s in d["sessions"])')" != 0 ] ||
		[ "$("$KSNAP" watches -o json | json 'len(d)')" != 0 ]; do
		[ $SECONDS -lt $until ] || return 1
	done
}
