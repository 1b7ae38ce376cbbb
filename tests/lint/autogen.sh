#!/bin/bash
# SPDX-License-Identifier: MIT
# autogen.sh - the door: what it says to somebody who may not install, and what it installs for root.
# Packages, users and apt-get are made up; nothing of the machine is touched.
set -u
n=0
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"

verdict() { # verdict STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else printf 'not ok %d - %s\n' $n "$2" && sed 's/^/# /' "$work/out"; fi
}

stub() { # stub NAME SCRIPT
	printf '#!/bin/sh\n%s\n' "$2" >"$work/bin/$1" && chmod +x "$work/bin/$1"
}

for tool in sh dirname pwd sed grep cat env bash; do
	ln -s "$(command -v $tool)" "$work/bin/$tool"
done
stub dpkg-query 'case "$*" in *libelf-dev*|*clang*) exit 1 ;; *) echo installed ;; esac'

try() { # try WORD: runs the door with the stubs alone; status in $status, output in $work/out
	PATH=$work/bin "$KSNAP_TOP_SRCDIR/autogen.sh" "$1" >"$work/out" 2>&1 </dev/null
	status=$?
}

stub id 'echo 1000'
try run
verdict $((status == 2 ? 0 : 1)) "without root and sudo: exit 2"
grep -qx 'apt-get install libelf-dev clang' "$work/out"
verdict $? "and the exact line to run"

stub sudo 'exit 1'
try check
verdict $((status == 2 ? 0 : 1)) "with a sudo that refuses: exit 2"

stub id 'echo 0'
stub apt-get 'echo "apt-get $*" >>"'"$work"'/apt"; case $1 in install) exit 7 ;; esac'
try run
grep -q '^apt-get install .*libelf-dev clang$' "$work/apt"
verdict $? "as root: installs what is missing, and that alone"
verdict $((status == 7 ? 0 : 1)) "an installation that fails ends it"

try nonsense
verdict $((status == 2 ? 0 : 1)) "an unknown word: exit 2"
grep -q 'autogen.sh check' "$work/out"
verdict $? "and how it is used"

# A clone's folder mostly has the project's name, and may be below one that is called lua.
for top in ksnap lua/ksnap ksnap/lua/ksnap; do
	mkdir -p "$work/$top/lua/ksnap" && cp "$KSNAP_TOP_SRCDIR"/lua/ksnap/{init,tap}.lua "$work/$top/lua/ksnap"
	"$LUA" "$KSNAP_TOP_SRCDIR/lua/embed.lua" "$work/$top/lua/ksnap/"{init,tap}.lua >"$work/out" 2>&1
	[ "$(grep -o '{ "ksnap[^"]*"' "$work/out" | tr -d '{" ' | tr '\n' ' ')" = "ksnap ksnap.tap " ]
	verdict $? "in a folder called $top the Lua modules keep their names"
done
echo "1..$n"
