# SPDX-License-Identifier: MIT
# ksnap run as a command: several files, arguments, the worst exit code; what scripts can do is
# tested in lua_run.sh.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"

good=$tap_dir/good.lua
bad=$tap_dir/bad.lua
broken=$tap_dir/broken.lua
cat >"$good" <<'EOF'
local ksnap = require "ksnap"
return ksnap.scenario { name = "good " .. table.concat(arg, ","), ksnap.step { "s", ksnap.op.capture_snapshot "t0" } }
EOF
cat >"$bad" <<'EOF'
local ksnap = require "ksnap"
return ksnap.scenario { name = "bad", check = function() ksnap.assert(false, "no") end }
EOF
echo 'this is not Lua' >"$broken"

exits 2 'run of nothing' "$KSNAP" run
exits 2 'run of an option only' "$KSNAP" run --target fixture
exits 2 'a target nobody knows' "$KSNAP" run "$good" --target vax
is "$out" '' 'is found before anything is printed'
exits 5 'a broker that is not there' "$KSNAP" run "$good" --endpoint "ipc://$tap_dir/no/control"
is "$out" '' 'is found before, too'

serve_start b --target fixture:maps=1,entries=1 || exit 1
exits 0 'one file' "$KSNAP" run "$good"
like "$out" $'^TAP version 14\n1\\.\\.1\nok 1 - good' 'is one test'
exits 0 'two files with arguments' "$KSNAP" run "$good" "$good" -- -x --help
like "$out" $'\n1\\.\\.2\n.*ok 1 - good -x,--help\n.*ok 2 - good -x,--help' 'are two tests, with the arguments'
exits 1 'one of them fails' "$KSNAP" run "$good" "$bad" "$good"
like "$out" $'ok 1 - good.*\nnot ok 2 - bad.*\nok 3 - good' 'the others run'
exits 2 'one of them is broken' "$KSNAP" run "$bad" "$broken" "$good"
like "$out" $'not ok 1 .*\nnot ok 2 .*\nok 3 ' 'the others run still'
exits 0 'in the broker it left its snapshot' "$KSNAP" list
like "$out" $'\nt0 ' 'of the default bridge'
exits 0 'another bridge' "$KSNAP" run --bridge mine "$good"
exits 0 'its list' "$KSNAP" --bridge mine list
like "$out" $'\nt0 ' 'has the snapshot'
exits 1 'a full disk is an error' bash -c '"$1" run "$2" >/dev/full' - "$KSNAP" "$good"
finish
