# SPDX-License-Identifier: MIT
# ksnap procs with a real cgroup.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python

root=
for r in /sys/fs/cgroup/unified /sys/fs/cgroup; do
	[ -f "$r/cgroup.controllers" ] && root=$r && break
done
group=ksnap-test-$$
[ -n "$root" ] && mkdir "$root/$group" 2>/dev/null || require cgroup 'no cgroup v2 to make a group in'
remove_group() {
	kill "$member" 2>/dev/null
	wait "$member" 2>/dev/null
	rmdir "$root/$group"
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
exec 6>&-
finish
