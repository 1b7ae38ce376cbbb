# SPDX-License-Identifier: MIT
# The README's "From the shell", line by line, on this kernel.
. "$KSNAP_TOP_SRCDIR/tests/system/sys_words.sh"
. "$KSNAP_TOP_SRCDIR/tests/system/sys_kernel.sh"
need_python
need_kernel

# The README asks for a map called tasks; this is one. Other programs may have theirs, for a while.
mkfifo hold.in hold.out
exec {hold_in}<>hold.in {hold_out}<>hold.out
"$KSNAP_TOP_BUILDDIR/tests/bpf/hold" "$KSNAP_TOP_BUILDDIR/tests/bpf/shapes.bpf.o" 5 <hold.in >hold.out &
serve_pids[$!]=1
ok 'a map called tasks' await_line "$hold_out" '^READY' hold.log || finish
ours=$(sed -n 's/^map tasks //p' hold.log)

# captured_ours LINE: the capture, again until it has one map called tasks, which is ours.
captured_ours() {
	local maps=
	SECONDS=0
	while [ "$maps" != "[$ours]" ] && [ "$SECONDS" -lt 60 ]; do
		run bash -c "$1" </dev/null
		maps=$(ksnap show t0 -o json | json '[m["id"] for m in d["maps"]]')
	done
	is "$status $maps" "0 [$ours]" "$1"
}

# read_ours LINE: the same for a name that must be the only one.
read_ours() {
	status=1
	SECONDS=0
	while [ "$status" != 0 ] && [ "$SECONDS" -lt 60 ]; do
		run bash -c "$1" </dev/null
	done
	is "$status" 0 "$1"
}

while IFS= read -r line; do
	line=$(sed 's/  *#.*//' <<<"$line")
	case $line in
	'ksnap serve'*)
		typed_on '^ksnap: serving ' "$line"
		broker=$on_pid
		;;
	'ksnap monitor'*)
		typed_on '^ksnap: connected' "$line"
		monitor=$on_pid monitor_fd=$on_fd
		;;
	*' --lua')
		typed "$line"
		like "$out" 'capture_snapshot' 'the line of a scenario that does the same'
		;;
	'ksnap capture t0 '*)
		captured_ours "$line"
		like "$out" 'tasks' 'prints a table'
		like "$out" 'task-0' 'with entries'
		;;
	'ksnap read '*)
		read_ours "$line"
		like "$out" 'task-0' 'the value alone'
		;;
	'ksnap show '*)
		typed "$line"
		is "$(json 'd["comm"], d["state"]["name"]' <<<"$out")" "('task-0', 'SHAPE_IDLE')" 'one entry, as JSON'
		;;
	'ksnap events' | 'ksnap repl')
		typed "$line" # which may have nothing to say
		;;
	*)
		typed "$line"
		like "$out" '[a-z]' 'says something'
		;;
	esac
	done_lines=$((${done_lines:-0} + 1))
done < <(typed_code "$KSNAP_TOP_SRCDIR/README.md" '## From the shell' '')
ok 'the README has a block of commands' test "${done_lines:-0}" -ge 6
ok 'the monitor saw the capture' await_line "$monitor_fd" 'snapshot/default +#1 +captured .*tag=t0' tape
ended "$monitor" 'the monitor'
ended "$broker" 'the broker'
finish
