# SPDX-License-Identifier: MIT
# Another project's make check runs scenarios: tests/sample, as lua/README.md shows it, built from
# nothing.
. "$KSNAP_TOP_SRCDIR/tests/system/tap.sh"
for tool in autoreconf automake make; do
	command -v "$tool" >/dev/null || require automake "no $tool"
done

cp -R "$KSNAP_TOP_SRCDIR/tests/sample" "$tap_dir/sample"
chmod -R u+w "$tap_dir/sample"
cd "$tap_dir/sample" || exit 99
export PATH=$KSNAP_TOP_BUILDDIR:$PATH
unset MAKEFLAGS MAKELEVEL MFLAGS TESTS TEST_LOGS

# What the guide shows is what the sample has.
shown=$(awk '/^```make$/ { on = 1; next } /^```$/ { on = 0 } on' "$KSNAP_TOP_SRCDIR/lua/README.md")
ok 'the guide shows some lines' test -n "$shown"
while IFS= read -r line; do
	ok "they are the sample's: $line" grep -qxF -- "$line" Makefile.am
done <<<"$shown"

exits 0 'autoreconf' autoreconf --force --install
exits 0 'configure' ./configure
exits 0 'make check' make check
like "$out" '# PASS:  2' 'has two tests, which pass'
like "$out" 'PASS: counters.lua 1 - counters grow' 'by their names'

echo 'return require "ksnap".scenario { name = "bad", check = function() return false end }' >straight.lua
run make check
ok 'a scenario that fails' test "$status" != 0
like "$out" '# FAIL:  1' 'is a failed test'
like "$out" 'FAIL: straight.lua 1 - bad' 'by its name'
finish
