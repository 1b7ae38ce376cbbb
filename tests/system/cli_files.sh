# SPDX-License-Identifier: MIT
# Snapshots in files: written whole or not at all, nothing drained that is not on the disk, read again.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
need_python

serve_start b --max-snapshots 2000 --target fixture:maps=2,entries=30,bytes=64 || exit 1
cd "$tap_dir" || exit 1

# names FOLDER: what is in it, hidden files too.
names() {
	(cd "$1" && find . -mindepth 1 | LC_ALL=C sort | tr '\n' ' ')
}

# ---- capture --save ----------------------------------------------------------------------------

mkdir save
exits 1 'a folder that is not there' "$KSNAP" capture t0 --save none/t0.ksnap
like "$err" 'cannot make a file in none: No such file' 'says so'
is "$("$KSNAP" list -o json)" '[]' 'before anything is captured'
exits 2 'a folder in place of a file' "$KSNAP" capture t0 --save save
like "$err" 'save is a folder' 'says so'
exits 2 'a device' "$KSNAP" capture t0 --save /dev/null
ok 'is still one' test -c /dev/null
"$KSNAP" capture t0 --save /sys/kernel/t0.ksnap >/dev/null 2>err
like "$?" '^[14]$' 'a folder that takes no files'
like "$(cat err)" 'cannot make a file in /sys/kernel' 'says so'
exits 0 'a file' "$KSNAP" capture t0 --save save/t0.ksnap
like "$err" 'saved save/t0.ksnap, [0-9]+ bytes' 'says so'
ok 'is the report as it is stored' cmp save/t0.ksnap <("$KSNAP" show t0 -o msgpack)
is "$(stat -c %a save/t0.ksnap)" 600 'for its owner only'
exits 1 'no room for it' bash -c 'ulimit -f 1; exec "$1" capture t1 --save save/t0.ksnap' - "$KSNAP"
like "$err" 'cannot write .*save/t0.ksnap: File too large' 'says so'
is "$(names save)" './t0.ksnap ' 'and leaves nothing'
ok 'and the old one as it was' cmp save/t0.ksnap <("$KSNAP" show t0 -o msgpack)

# ---- reading files -----------------------------------------------------------------------------

exits 0 'show of a file' "$KSNAP" show save/t0.ksnap -o json
is "$out" "$("$KSNAP" show t0 -o json)" 'is that of the tag'
exits 0 'a value in it' "$KSNAP" show save/t0.ksnap 'map0[1].comm' -o json
is "$out" '"task-1"' 'is there'
exits 0 'list of a file' "$KSNAP" list save/t0.ksnap -o json
is "$(json 'd[0]["tag"], d[0]["bytes"], d[0]["complete"]' <<<"$out")" "('t0', $(stat -c %s save/t0.ksnap), True)" 'is its row'
exits 1 'a file of somebody else' "$KSNAP" show "$KSNAP_TOP_SRCDIR/README.md"
like "$err" 'E_PROTO: .*/README.md is no file of ksnap' 'is named as such'
exits 2 'a folder' "$KSNAP" show ./
: >empty.ksnap
exits 1 'an empty one' "$KSNAP" show empty.ksnap
like "$err" 'empty.ksnap is empty' 'is, too'
head -c 1000 save/t0.ksnap >cut.ksnap
exits 1 'one that was cut off' "$KSNAP" list cut.ksnap
like "$err" 'cut.ksnap is cut off or damaged' 'is, too'
exits 1 'no events in it' "$KSNAP" events save/t0.ksnap
exits 2 'a tag in place of a file' "$KSNAP" events t0
exits 2 'counting those of a file' "$KSNAP" events --count save/t0.ksnap

# ---- drain --to a folder -------------------------------------------------------------------------

for tag in . .. a/b a%2Fb ../../escape tag:x t0.ksnap 'A b'; do
	"$KSNAP" -q capture "$tag" >/dev/null || diag "no capture of $tag"
done
"$KSNAP" list -o json >before
exits 2 'an empty tag' "$KSNAP" show tag:
exits 0 'a tag with a slash' "$KSNAP" show tag:a/b -o json
is "$(json 'd["tag"]' <<<"$out")" a/b 'is found by tag:'
exits 2 'events into a folder' "$KSNAP" drain --to ./ --events
exits 2 'events to nowhere' "$KSNAP" drain --events
exits 1 'a folder without room' bash -c 'mkdir full && ulimit -f 1 && exec "$1" drain --to full' - "$KSNAP"
like "$err" 'nothing was drained: cannot write .*: File too large' 'says so'
is "$(names full)" '' 'and leaves nothing'
is "$("$KSNAP" list -o json)" "$(cat before)" 'nothing has left the store'
exits 0 'a folder' "$KSNAP" drain --to many/ -o json
is "$(json '[r["tag"] for r in d]' <<<"$out")" "$(json '[r["tag"] for r in d]' <before)" 'lists what it kept'
is "$("$KSNAP" list -o json)" '[]' 'the store is empty'
is "$(json 'len(d)' <before)" "$(find many -type f | wc -l)" 'one file for each'
is "$(find many -name '.*' | wc -l)" 0 'none is hidden'
ok 'none is elsewhere' test ! -e escape.ksnap -a ! -e ../escape.ksnap
for file in many/*; do
	"$KSNAP" show "$file" -o json | json 'd["tag"]'
done | LC_ALL=C sort >tags
is "$(cat tags)" "$(json '"\n".join(sorted(r["tag"] for r in d))' <before)" 'each holds its tag'

# ---- drain --to a file ---------------------------------------------------------------------------

for tag in t0 t1 t1; do "$KSNAP" capture "$tag" --step 3 -q >/dev/null; done
"$KSNAP" list -o json >before
"$KSNAP" show t1 -o msgpack >t1
exits 1 'a file without room' bash -c 'ulimit -f 4; exec "$1" drain --to all.ksnap --events' - "$KSNAP"
like "$err" 'nothing was drained: cannot write .*all.ksnap' 'says so'
ok 'and leaves nothing' test ! -e all.ksnap
is "$(find . -name '.ksnap-*')" '' 'not even a part'
is "$("$KSNAP" list -o json)" "$(cat before)" 'nothing has left the store'
exits 0 'a file' "$KSNAP" drain --to all.ksnap --events
like "$err" 'kept 2 snapshots, ' 'says how many'
is "$("$KSNAP" list -o json)" '[]' 'the store is empty'
is "$("$KSNAP" events --count)" 0 'so are the events'
exits 0 'list of it' "$KSNAP" list all.ksnap -o json
is "$(json '[{k: v for k, v in r.items() if not k.startswith("stats")} for r in d]' <<<"$out")" "$(json 'd' <before)" \
	'is the list as it was'
exits 0 'events of it' "$KSNAP" events all.ksnap -o json
like "$(json '[e["k"] for e in d]' <<<"$out")" "'overwrite'" 'are those of the bridge'
ok 'a report in it is as it was' cmp t1 <("$KSNAP" show all.ksnap:t1 -o msgpack)
exits 2 'show of it without a tag' "$KSNAP" show all.ksnap
like "$err" 'holds 2 snapshots: name one, as FILE.ksnap:TAG; it has: t0, t1' 'says what to do'
exits 1 'diff within it' "$KSNAP" diff all.ksnap:t0 all.ksnap:t1 --exit-code
cp all.ksnap "$tap_dir/bytes"
is "$(unpack '[(i.get("schema"), i.get("k"), i.get("tag")) for i in d]')" \
	"[('ksnap.file/1', None, None), (None, 'snapshot', 't0'), ('ksnap.report/1', None, 't0'), (None, 'snapshot', 't1'), ('ksnap.report/1', None, 't1'), (None, 'end', None)]" \
	'its items are those of schemas/file.lua'
head -c -1 all.ksnap >cut.ksnap
exits 1 'one that was cut off' "$KSNAP" show cut.ksnap:t0
like "$err" 'cut.ksnap is cut off or damaged: 2 snapshots are whole' 'is named as such'
exits 0 'an empty store' "$KSNAP" drain --to none.ksnap
exits 0 'is a file, too' "$KSNAP" list none.ksnap -o json
is "$out" '[]' 'of none'

# ---- what is stored meanwhile is not lost ----------------------------------------------------------

cat >busy.lua <<'END'
local ksnap = require "ksnap"
local bridge <close> = assert(ksnap.connect())
for i = 1, 300 do assert(bridge:capture_snapshot("busy_" .. i)) end
END
"$KSNAP" run busy.lua >busy.log 2>&1 &
busy=$!
i=0
while kill -0 $busy 2>/dev/null; do
	i=$((i + 1))
	"$KSNAP" -q drain --to "busy$i.ksnap" >/dev/null || diag "drain $i failed"
done
ok 'captures while draining' wait $busy
"$KSNAP" -q drain --to busy0.ksnap >/dev/null
for file in busy*.ksnap; do "$KSNAP" list "$file" -o json | json '"\n".join(r["tag"] for r in d)'; done |
	grep . | LC_ALL=C sort >tags
is "$(cat tags)" "$(seq -f busy_%g 300 | LC_ALL=C sort)" 'all of them are in the files, each once'

# ---- a disk that is really full ----------------------------------------------------------------

mkdir disk
if unshare -m mount -t tmpfs -o size=16k tmpfs disk 2>/dev/null; then
	"$KSNAP" -q capture t0 >/dev/null && "$KSNAP" -q capture t1 >/dev/null
	exits 1 'a full disk' unshare -m bash -c 'mount -t tmpfs -o size=8k tmpfs disk && cd disk || exit 99
		"$1" drain --to all.ksnap; status=$?; find . -mindepth 1; exit $status' - "$KSNAP"
	like "$err" 'nothing was drained: cannot write .*all.ksnap: No space left on device' 'says so'
	is "$out" '' 'and leaves nothing'
	is "$("$KSNAP" list -o json | json 'len(d)')" 2 'nothing has left the store'
else
	skip 'a full disk' 'no file system can be mounted here'
fi
finish
