# SPDX-License-Identifier: MIT
# ksnap procs with a real cgroup.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python

root=
for r in /sys/fs/cgroup/unified /sys/fs/cgroup; do
	[ -f "$r/cgroup.controllers" ] && root=$r && break
done
group=ksnap-test-$$
v1= # folder of a v1 group, and its name for ksnap
[ -n "$root" ] && mkdir "$root/$group" 2>/dev/null || require cgroup 'no cgroup v2 to make a group in'
remove_group() {
	kill ${threaded:-"$member"} 2>/dev/null
	wait ${threaded:-"$member"} 2>/dev/null
	rmdir "$root/$group/inner" "$root/$group" ${v1:+"$v1/$group"} 2>/dev/null
	tap_clean
}
trap remove_group EXIT

# A member that lives until its stdin closes.
mkfifo "$tap_dir/hold"
cat "$tap_dir/hold" >/dev/null &
member=$!
exec 6>"$tap_dir/hold"

serve_start b --target live || exit 1
exits 0 'an empty cgroup' "$KSNAP" procs p0 "/$group" -o json
is "$(json 'd["pids"]' <<<"$out")" '[]' 'is an empty list'
echo "$member" >"$root/$group/cgroup.procs"
exits 0 'a cgroup with a member' "$KSNAP" procs p1 "/$group"
is "$out" "$member" 'lists it'
exits 0 'the record stays' "$KSNAP" procs p1 -o json
is "$(json 'd["pids"], d["cgroup"]' <<<"$out")" "([$member], '/$group')" 'with the cgroup'
exits 1 'a cgroup that is not there' "$KSNAP" procs p2 "/$group/nothing"
like "$err" 'E_NOTFOUND' 'is an error'
exits 0 'drain' "$KSNAP" procs --drain -o json
is "$(json '[r["tag"] for r in d["records"]], d["dropped"]' <<<"$out")" "(['p0', 'p1'], 0)" \
	'gives the records, and none of what failed'
exits 0 'drain again' "$KSNAP" procs --drain
is "$(wc -l <<<"$out")" 1 'gives titles only'
kill "$member"
wait "$member"
exec 6>&-

# ---- threads ---------------------------------------------------------------------------------------

mkfifo "$tap_dir/work" "$tap_dir/ready"
"$PYTHON3" -c 'import sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
print(threading.enumerate()[1].native_id, flush=True)
sys.stdin.read()' <"$tap_dir/work" >"$tap_dir/ready" &
threaded=$!
exec 7>"$tap_dir/work"
read -r -t 30 second <"$tap_dir/ready"
echo "$threaded" >"$root/$group/cgroup.procs"
exits 0 'a process with two threads' "$KSNAP" procs p3 "/$group" -o json
is "$(json 'd["pids"]' <<<"$out")" "[$threaded]" 'is one process'
exits 0 'its threads' "$KSNAP" procs p4 "/$group" --threads -o json
is "$(json 'sorted(d["pids"])' <<<"$out")" "[$threaded, $second]" 'are two'
exits 0 'the whole path of the folder' "$KSNAP" procs p5 "$root/$group" -o json
is "$(json 'd["pids"]' <<<"$out")" "[$threaded]" 'names the same cgroup'

if mkdir "$root/$group/inner" && echo threaded 2>/dev/null >"$root/$group/inner/cgroup.type"; then
	exits 1 'a threaded cgroup' "$KSNAP" procs p6 "/$group/inner"
	like "$err" 'is threaded.*ask for threads' 'has no processes, and says what it has'
	echo "$second" >"$root/$group/inner/cgroup.threads"
	exits 0 'but threads' "$KSNAP" procs p6 "/$group/inner" --threads -o json
	is "$(json 'd["pids"]' <<<"$out")" "[$second]" 'the one that was moved there'
else
	skip 'a threaded cgroup' 'this kernel makes none'
fi

# ---- v1 --------------------------------------------------------------------------------------------

exits 1 'a controller that is not mounted' "$KSNAP" procs p7 "nosuch:/$group"
like "$err" 'E_NOTFOUND|no v1 hierarchy is mounted with .nosuch.; mounted are: ' 'names those that are'
folder=$(awk '$3 == "cgroup" && ("," $4 ",") ~ /,pids,/ { print $2; exit }' /proc/self/mounts)
if [ -n "$folder" ] && mkdir "$folder/$group" 2>/dev/null; then
	v1=$folder
	exits 0 'an empty v1 cgroup' "$KSNAP" procs p8 "pids:/$group" -o json
	is "$(json 'd["pids"]' <<<"$out")" '[]' 'is an empty list'
	echo "$threaded" >"$v1/$group/cgroup.procs"
	exits 0 'one with a process' "$KSNAP" procs p8 "pids:/$group" --threads -o json
	is "$(json 'sorted(d["pids"])' <<<"$out")" "[$threaded, $second]" 'lists its threads'
	exits 0 'by its folder' "$KSNAP" procs p8 "$v1/$group" -o json
	is "$(json 'd["pids"]' <<<"$out")" "[$threaded]" 'it is the same one'
else
	skip 'cgroups of v1' 'no v1 hierarchy to make a group in'
fi
exec 7>&-
finish
