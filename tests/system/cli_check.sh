# SPDX-License-Identifier: MIT
# ksnap check says what is wrong with scripts and runs nothing; ksnap new writes one that is right.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
cd "$tap_dir" || exit 99

cat >bad.lua <<'END'
local op = require "ksnap".op
print "run"
op.capture_snapshto "t0"
x = 1
END
echo 'return = 1' >broken.lua
printf '\033Lua' >binary.lua

exits 2 'check of nothing' "$KSNAP" check
exits 2 'an OpenMetrics check' "$KSNAP" check bad.lua -o prometheus
exits 2 'a msgpack check' "$KSNAP" check bad.lua -o msgpack
exits 2 'a bad script' "$KSNAP" check bad.lua
is "$out" 'bad.lua:3: there is no op "capture_snapshto"; did you mean capture_snapshot?
bad.lua:4: "x" would be a new global; write: local x' 'says each problem with its line, and runs nothing'
exits 2 'several' "$KSNAP" check bad.lua broken.lua nowhere.lua binary.lua .
like "$out" $'\nbroken.lua:1: unexpected symbol near .=.\n' 'a syntax error'
like "$out" $'\nnowhere.lua:0: cannot be read: .*No such file' 'a file that is not there'
like "$out" $'\nbinary.lua:1: compiled Lua is not accepted' 'a compiled one'
like "$out" $'\n\\.:0: cannot be read: ' 'a folder'
exits 0 'the examples' "$KSNAP" check "$KSNAP_TOP_SRCDIR"/lua/examples/*.lua
is "$out" '' 'have nothing wrong'
like "$err" 'ksnap: [0-9]+ scripts?, nothing is wrong' 'which is said'
echo 'later = io print(later)' >trusted.lua
exits 2 'a trusted script' "$KSNAP" check trusted.lua
exits 0 'a trusted script that says so' "$KSNAP" check --unsafe-libs trusted.lua

# ---- for editors -------------------------------------------------------------------------------

mkdir mine
exits 1 'editor files in no folder' "$KSNAP" new --editor nowhere
exits 0 'editor files' "$KSNAP" new --editor mine
is "$out" $'mine/.luacheckrc\nmine/.luarc.json\nmine/ksnap.d.lua' 'are three'
exits 0 'again' "$KSNAP" new --editor mine
echo 'std = "max"' >mine/.luacheckrc
exits 1 'when one is somebody'"'"'s own' "$KSNAP" new --editor mine
is "$(cat mine/.luacheckrc)" 'std = "max"' 'it stays'
rm mine/.luacheckrc
exits 0 'here' bash -c 'cd mine && "$0" new --editor' "$KSNAP"
if [ -n "${LUACHECK:-}" ]; then
	exits 0 'luacheck finds nothing in the examples' "$LUACHECK" --config mine/.luacheckrc "$KSNAP_TOP_SRCDIR"/lua/examples/*.lua
	echo 'io.write(undeclared)' >mine/bad.lua
	exits 1 'luacheck with this file' "$LUACHECK" --config mine/.luacheckrc mine/bad.lua
	like "$out" 'undefined variable .*io' 'knows what a script has'
elif [[ ,${KSNAP_TEST_REQUIRE:-}, == *,luacheck,* ]]; then
	tap_line 1 'luacheck is required here'
else
	skip 'luacheck' 'it is not installed'
fi

# ---- for machines ------------------------------------------------------------------------------

need_python
exits 2 'as JSON' "$KSNAP" check bad.lua -o json
is "$(json '[(p["file"], p["line"]) for p in d]' <<<"$out")" "[('bad.lua', 3), ('bad.lua', 4)]" 'is a list'
exits 0 'a good one as JSON' "$KSNAP" check "$KSNAP_TOP_SRCDIR/lua/examples/first_capture.lua" -o json
is "$out" '[]' 'is an empty list'
exits 2 'as JSON lines' "$KSNAP" check bad.lua -o jsonl
is "$(jsonl 'len(d)' <<<"$out")" 2 'is one a line'

exits 2 'new without a name' "$KSNAP" new
exits 2 'new with a strange name' "$KSNAP" new 'a"b'
exits 1 'new in no folder' "$KSNAP" new nowhere/x
like "$err" 'nowhere/x.lua' 'names it'
exits 0 'new' "$KSNAP" new the_oldest_leave
is "$out" 'the_oldest_leave.lua' 'says what it wrote'
exits 0 'which is right' "$KSNAP" check the_oldest_leave.lua
exits 0 'and runs' "$KSNAP" run --target fixture the_oldest_leave.lua -- --rounds 2
like "$out" 'ok 1 - the oldest leave' 'by its name'
before=$(cat the_oldest_leave.lua)
exits 1 'new again' "$KSNAP" new the_oldest_leave.lua
is "$(cat the_oldest_leave.lua)" "$before" 'leaves it alone'
finish
